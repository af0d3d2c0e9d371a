"""The few constant POSIX shell scripts that run on guests.

They are programs, not templates: no value is ever put into their text. What they work on
comes as positional parameters or on standard input, so a hostile path stays a path. They
use what Debian's essential packages have and nothing else.
"""

from __future__ import annotations

PROBE = """\
root=${HOMEPORT_GUEST_ROOT-}
echo "root=$root"
echo "address=${HOMEPORT_GUEST_ADDRESS-}"
echo "loopback=${HOMEPORT_GUEST_LOOPBACK-}"
uid=$(sed -n 's/^Uid:[[:space:]]*[0-9]*[[:space:]]*\\([0-9]*\\).*/\\1/p' /proc/self/status)
echo "uid=$uid"
if [ "$uid" != 0 ] && [ -z "$root" ] && sudo -n -- true 2>/dev/null; then echo "sudo=yes"; fi
echo "python=$(python3 -V 2>/dev/null)"
if [ -d "$root/run/systemd/system" ]; then echo "systemd=yes"; fi
echo "memory_kib=$(sed -n 's/^MemTotal:[[:space:]]*\\([0-9]*\\).*/\\1/p' /proc/meminfo)"
echo "disk=$(df -Pk -- "${root:-/}" | tail -n 1)"
sed 's/^/os./' "$root/etc/os-release" 2>/dev/null || true
"""
"""Facts as lines `name=value`; read from standard input by `sh -s`, as the login user."""

PROVE = """\
set -eu
read -r nonce
root=${HOMEPORT_GUEST_ROOT-}
proof=$(sed -n 's/.* homeport-proof-\\([0-9a-f]*\\)$/\\1/p' "$root/root/.ssh/authorized_keys")
keys=$(cat "$root"/etc/ssh/ssh_host_*_key.pub | cut -d ' ' -f 1,2)
digest=$(printf '%s\\n' "$proof" "$nonce" "$keys" "$proof" | sha256sum | cut -d ' ' -f 1)
printf '%s\\n' "$keys" "$digest"
"""
"""Prints the guest's SSH host keys, then a digest of them with the secret that the guest was
made with, and with the line on standard input. See `engine.guests.proving`."""

WRITE = """\
set -eu
path=$1 mode=$2 owner=$3 size=$4
directory=${path%/*}/
umask 022
[ -d "$directory" ] || mkdir -p -- "$directory"
umask 077
temporary=$(mktemp -- "$directory.homeport.XXXXXXXX")
trap 'rm -f -- "$temporary"' EXIT
trap 'exit 74' HUP INT TERM
cat > "$temporary"
if [ "$(wc -c < "$temporary")" -ne "$size" ]; then
    echo "the connection ended before the file was complete" >&2
    exit 74
fi
if [ -n "$owner" ]; then chown -- "$owner" "$temporary"; fi
chmod -- "$mode" "$temporary"
if [ ! -L "$path" ] && [ -f "$path" ] && cmp -s -- "$temporary" "$path" &&
    [ "$(stat -c %a:%u:%g -- "$temporary")" = "$(stat -c %a:%u:%g -- "$path")" ]; then
    echo same
    exit 0
fi
sync -- "$temporary"
mv -fT -- "$temporary" "$path"
sync -- "$directory"
trap - EXIT
echo changed
"""
"""Arguments: absolute path, mode, owner or "", size in bytes. Prints "same" or "changed"."""

READ = 'if [ ! -e "$1" ]; then exit 66; fi; exec cat -- "$1"'
"""Argument: path. Exit status 66 (EX_NOINPUT of sysexits.h) where there is no such file."""

SERVICE_GROUND = """\
set -eu
user=$1 home=$2
shift 2
if ! getent passwd "$user" >/dev/null; then
    useradd --system --user-group --no-create-home --shell /usr/sbin/nologin \
        --home-dir "$home" "$user"
fi
while [ $# -gt 0 ]; do
    install -d -m "$2" -o "$3" -g "$4" -- "$1"
    shift 4
done
"""
"""Arguments: the service's user, its home, then path, mode, owner and group of each directory."""

RETIRE_UNITS = """\
set -eu
directory=$1
shift
for path in "$directory"/*.timer "$directory"/*.service; do
    [ -e "$path" ] || continue
    unit=${path##*/}
    for declared; do [ "$unit" != "$declared" ] || continue 2; done
    systemctl stop -- "$unit" 2>/dev/null || true
    rm -f -- "$path"
    echo "$unit"
done
"""
"""Arguments: a directory of units, and those that stay; prints those that were stopped and
removed. Timers go first, so that none starts its service again."""

LINK_UNITS = """\
set -eu
own=$1 systemd=$2
for link in "$systemd"/*; do
    if [ -L "$link" ] && [ ! -e "$link" ] && [ "$(readlink -- "$link")" = "$own/${link##*/}" ]; then
        rm -f -- "$link"
    fi
done
for path in "$own"/*; do
    [ -e "$path" ] || continue
    link=$systemd/${path##*/}
    [ "$(readlink -- "$link" || true)" = "$path" ] || ln -sfT -- "$path" "$link"
done
"""
"""Arguments: a deployment's directory of units, and systemd's. Only links of the one into the
other are made and removed."""

START_TIMERS = """\
set -eu
for path in "$1"/*.timer; do
    [ ! -e "$path" ] || systemctl start -- "${path##*/}"
done
"""
"""Argument: a directory of units."""

TRY_UNITS = """\
for path in "$1"/*.timer "$1"/*.service; do
    [ -e "$path" ] || continue
    systemctl start -- "${path##*/}" >/dev/null 2>&1
    echo "${path##*/} $?"
done
"""
"""Argument: a directory of units; prints each with what came of starting it."""

LOCKED = """\
set -eu
lock=$1 seconds=$2
shift 2
directory=${lock%/*}/
[ -d "$directory" ] || mkdir -p -- "$directory"
exec flock --exclusive --timeout "$seconds" --conflict-exit-code 75 -- "$lock" "$@"
"""
"""Arguments: absolute path of the lock file, seconds to wait for it, command... The lock is held
until the command and all that it started have ended, even where the connection ends before."""

LOCKED_BESIDE = """\
set -eu
lock=$1 part=$2 seconds=$3
shift 3
directory=${lock%/*}/
[ -d "$directory" ] || mkdir -p -- "$directory"
exec flock --shared --timeout "$seconds" --conflict-exit-code 75 -- "$lock" \
    flock --exclusive --timeout "$seconds" --conflict-exit-code 75 -- "$lock.$part" "$@"
"""
"""As `LOCKED`, beside others of other parts; a part is a name that may end a file's."""

NO_SUCH_FILE = 66
INCOMPLETE = 74
LOCK_HELD = 75
