"""Programs that refuse to run as root, in a lab that root started.

PostgreSQL will not serve as uid 0. Where the lab is root's, its programs run as an ordinary
user that keeps one capability: passing directories that only root may enter, because the
lab's own directory is one. Run as a file: `python -I -S dropping.py UID GID PROGRAM ...`.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import sys
from pathlib import Path

SERVICE_USERS = ("postgres", "vmail")
_PR_SET_PDEATHSIG, _PR_SET_SECUREBITS, _PR_CAP_AMBIENT, _RAISE = 1, 28, 47, 2
_NO_SETUID_FIXUP = 1 << 2
"""Capabilities outlive the change of uid, and access(2) reckons with them."""
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION_3 = 0x20080522


def service_user() -> pwd.struct_passwd | None:
    """Who runs such programs: a user of that name or nobody; None where root does not."""
    if os.geteuid() != 0:
        return None
    for name in (*SERVICE_USERS, "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise LookupError("this machine has no user `nobody`, which PostgreSQL needs in a root's lab")


def as_service_user(words: list[str], user: str) -> list[str]:
    """The command that runs `words` as the user of a unit; users but these mean nothing."""
    account = service_user() if user in SERVICE_USERS else None
    if account is None:
        return words
    launcher = [str(Path(sys.executable).resolve()), "-I", "-S", str(Path(__file__).resolve())]
    return [*launcher, str(account.pw_uid), str(account.pw_gid), *words]


def give_to_service_user(directory: Path, user: str) -> None:
    """Let the service own what was made for it."""
    account = service_user() if user in SERVICE_USERS else None
    if account is not None:
        os.chown(directory, account.pw_uid, account.pw_gid)


def _drop(uid: int, gid: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_SECUREBITS, _NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    bit = 1 << _CAP_DAC_OVERRIDE
    data = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)
    if libc.capset(header, data) != 0:
        raise OSError(ctypes.get_errno(), "cannot keep the capability to pass directories")
    libc.prctl(_PR_CAP_AMBIENT, _RAISE, _CAP_DAC_OVERRIDE, 0, 0)
    libc.prctl(_PR_SET_PDEATHSIG, 9, 0, 0, 0)  # changing the uid has cleared it


if __name__ == "__main__":
    _drop(int(sys.argv[1]), int(sys.argv[2]))
    os.execvp(sys.argv[3], sys.argv[3:])  # noqa: S606 - a launcher
