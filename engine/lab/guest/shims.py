"""Places the commands of the guest's `usr/bin` that make it look like Debian to a script.

Those about services and packages ask the init. Those about users and owners exist because
all of a rootless guest is one user of the host: they keep the guest's own list of names and
change nothing else.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

from engine.lab.guest.dropping import as_service_user

_ASK_INIT = ("systemctl", "journalctl", "apt-get", "dpkg-query", "dpkg")
_POWER_OFF = ("poweroff", "shutdown", "halt")

_NAME = """\
for name; do :; done
case $name in ''|[!a-z_]*|*[!a-z0-9_-]*)
    echo "{command}: invalid name '$name'" >&2; exit 3;;
esac
"""
_SCRIPTS = {
    "chown": """\
for last; do :; done
[ -e "$last" ] || [ -L "$last" ] && exit 0
echo "chown: cannot access '$last': No such file or directory" >&2; exit 1
""",
    "install": """\
left=$#
plain=
while [ "$left" -gt 0 ]; do
    word=$1; shift; left=$((left - 1))
    case $plain$word in
        --) plain=/; set -- "$@" -- ;;
        -o|-g|--owner|--group) shift; left=$((left - 1)) ;;
        -o?*|-g?*|--owner=*|--group=*) ;;
        *) set -- "$@" "$word" ;;
    esac
done
exec {install} "$@"
""",
    "useradd": _NAME.format(command="useradd")
    + """\
if grep -q "^$name:" {passwd}; then
    echo "useradd: user '$name' already exists" >&2; exit 9
fi
echo "$name:x:$(id -u):$(id -g)::/nonexistent:/usr/sbin/nologin" >> {passwd}
""",
    "userdel": _NAME.format(command="userdel")
    + """\
grep -q "^$name:" {passwd} || {{ echo "userdel: user '$name' does not exist" >&2; exit 6; }}
sed -i "/^$name:/d" {passwd}
""",
    "getent": """\
if [ "$1" = passwd ] || [ "$1" = group ]; then
    [ $# -gt 1 ] || exec cat {passwd}
    grep "^$2:" {passwd} || exit 2
    exit 0
fi
exec {getent} "$@"
""",
    "id": """\
for name; do :; done
case ${{name-}} in
    [a-z_]*) grep -q "^$name:" {passwd} ||
        {{ echo "id: '$name': no such user" >&2; exit 1; }}
        while [ $# -gt 1 ]; do {id} "$1"; shift; done; exit 0;;
esac
exec {id} "$@"
""",
    "runuser": """\
user=
while [ $# -gt 0 ]; do
    case $1 in
        -u|--user) user=$2; shift 2 ;;
        --user=*) user=${{1#--user=}}; shift ;;
        --) shift; break ;;
        -*) echo "runuser: $1: not supported in the lab" >&2; exit 1 ;;
        *) break ;;
    esac
done
if [ -z "$user" ]; then echo "runuser: -u USER is needed in the lab" >&2; exit 1; fi
export USER="$user" LOGNAME="$user"
if [ "$user" = postgres ]; then export PGUSER=postgres; exec {as_postgres} "$@"; fi
exec "$@"
""",
    "hostname": "exec cat {hostname}\n",
    "python3": """\
if [ "${{1-}} ${{2-}}" = "-m venv" ] && ! {python} -c 'import ensurepip' 2>/dev/null; then
    shift 2
    exec {uv} venv --quiet --seed --no-python-downloads --python {python} "$@"
fi
exec {python} "$@"
""",
}
_SAME = {"chgrp": "chown", "groupadd": "useradd", "groupdel": "userdel"}
_UV = """\
if [ "${{1-}}" = pip ]; then exec {installer} "$@"; fi
exec {uv} "$@"
"""
_PASSWD = """\
root:x:0:0:root:/root:/bin/bash
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
"""


def bare_python() -> str:
    """The interpreter below the lab's virtual environment: starts faster, and makes venvs."""
    return str(Path(getattr(sys, "_base_executable", sys.executable)).resolve())


def lab_program(name: str) -> Path | None:
    """A program of the lab's virtual environment, or of the host."""
    path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"
    found = shutil.which(name, path=path)
    return Path(found) if found else None


def write_shims(directory: Path, cache: Path) -> None:
    """Write all commands anew: the lab may have moved or been updated since the last boot.

    cache: what all guests of the lab share.
    """
    root = directory / "root"
    binaries = root / "usr/bin"
    passwd = root / "etc/passwd"
    if not passwd.exists():
        passwd.write_text(_PASSWD)
    client = _by_bare_python("shim.py", str(directory))
    for name in _ASK_INIT:
        write_script(binaries / name, f'exec {client} {name} "$@"')
    for name in _POWER_OFF:
        write_script(binaries / name, f"exec {client} systemctl poweroff")
    uv = lab_program("uv")
    values = {
        "passwd": shlex.quote(str(passwd)),
        "hostname": shlex.quote(str(root / "etc/hostname")),
        "python": shlex.quote(bare_python()),
        "uv": shlex.quote(str(uv or "uv")),
        "as_postgres": shlex.join(as_service_user([], "postgres")),
    }
    for name in ("install", "getent", "id"):
        values[name] = shutil.which(name, path="/usr/bin:/bin") or name
    for name, text in _SCRIPTS.items():
        write_script(binaries / name, text.format(**values))
    for name, other in _SAME.items():
        write_script(binaries / name, _SCRIPTS[other].format(**values))
    if uv is not None:
        installer = _by_bare_python("bytecode.py", str(cache / "bytecode"), str(uv))
        plain = shlex.quote(str(uv))
        write_script(binaries / "uv", _UV.format(installer=installer, uv=plain))


def _by_bare_python(program: str, *words: str) -> str:
    """The beginning of a shell's command that runs one of the programs beside this module."""
    path = str(Path(__file__).with_name(program))
    return shlex.join([bare_python(), "-I", "-S", path, *words])


def write_script(path: Path, body: str) -> None:
    """Replace a command, also while it is being run."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(f"#!/bin/sh\n{body.rstrip()}\n")
    temporary.chmod(0o755)
    temporary.replace(path)


def link(path: Path, target: Path) -> None:
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(path)
