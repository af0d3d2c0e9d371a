"""The door of a guest for the other one: a key in `authorized_keys` that opens one command.

Whoever logs in with that key gets rsync's sending side for the paths that were named when the
door was made, and nothing else: no shell, no forwarding, no other path, no writing.
"""

from __future__ import annotations

import base64
import json
import os
import pwd
import sys
import tempfile
from typing import Any, NoReturn

_SSH = ".ssh"


def fail(why: str) -> NoReturn:
    print(why, file=sys.stderr, flush=True)
    sys.exit(1)


def home() -> str:
    """Of the user that Homeport logs in as, who may have become root by sudo."""
    user = os.environ.get("SUDO_USER")
    return pwd.getpwnam(user).pw_dir if user else os.environ["HOME"]


def change(remove: str, add: str) -> bool:
    """The lines of `authorized_keys` without those that end in `remove`, and with `add`. The
    file is replaced in one piece: half of it would lock everybody out."""
    path = os.path.join(home(), _SSH, "authorized_keys")
    with open(path) as file:
        before = file.read()
    kept = [line for line in before.splitlines() if not line.endswith(f" {remove}")]
    after = "".join(f"{line}\n" for line in [*kept, *([add] if add else [])])
    if after == before:
        return False
    status = os.stat(path)
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path))
    with os.fdopen(descriptor, "w") as file:
        file.write(after)
        file.flush()
        os.fchmod(descriptor, status.st_mode & 0o777)
        if os.geteuid() == 0:
            os.fchown(descriptor, status.st_uid, status.st_gid)
        os.fsync(descriptor)
    os.rename(temporary, path)
    return True


def main() -> None:
    task: dict[str, Any] = json.load(sys.stdin)
    try:
        changed = change(task["mark"], task["line"])
    except (OSError, KeyError) as error:
        fail(str(error))
    sudo = bool(os.environ.get("SUDO_USER"))
    result = json.dumps({"changed": changed, "sudo": sudo}).encode()
    print("homeport-result:", base64.b64encode(result).decode())


if __name__ == "__main__":
    main()
