"""The mail server's files, as Homeport's user there reads and writes them.

Several deployments change them at once, and so may their owner: a file is written as a whole, and
only where it still is what was read, under a lock on its directory. Mode and group stay.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from engine.backends.mail.refusals import busy, failed, may_not, no_file, not_entered
from engine.backends.mail.settings import DovecotSettings
from engine.errors import HomeportError

if TYPE_CHECKING:
    from engine.guests.protocols import Completed, GuestShell

_NO_FILE, _CHANGED, _INCOMPLETE, _HELD, _NO_RIGHT = 66, 70, 74, 75, 77
_TRIES = 64
"""One of those that write at the same time gets through each time."""

_READ = """\
[ -e "$1" ] || exit 66
[ -r "$1" ] && [ -w "$(dirname -- "$1")" ] || exit 77
exec cat -- "$1"
"""
_WRITE = """\
set -eu
path=$1 was=$2 size=$3 seconds=$4
directory=$(dirname -- "$path")
[ -e "$path" ] || exit 66
[ -w "$directory" ] || exit 77
exec 9< "$directory"
flock --timeout 60 9 || exit 75
[ "$(sha256sum < "$path" | cut -c 1-64)" = "$was" ] || exit 70
umask 077
temporary=$(mktemp -- "$directory/.homeport.XXXXXXXX")
trap 'rm -f -- "$temporary"' EXIT
trap 'exit 74' HUP INT TERM
cat > "$temporary"
[ "$(wc -c < "$temporary")" -eq "$size" ] || exit 74
if [ "$(stat -c %g -- "$path")" != "$(stat -c %g -- "$temporary")" ]; then
    chgrp --reference "$path" -- "$temporary"
fi
chmod --reference "$path" -- "$temporary"
before=$(stat -c %Y -- "$path")
if [ "$(stat -c %Y -- "$temporary")" -le "$before" ]; then
    touch -d "@$((before + 1))" -- "$temporary"
fi
sync -- "$temporary"
mv -fT -- "$temporary" "$path"
sync -- "$directory"
trap - EXIT
exec 9<&-
sleep "$seconds"
"""
"""Dovecot reads a file anew where its size or its time is another, by whole seconds, and looks
once a second: the time is made another, and after `seconds` a login sees what was written."""
_DOVECOTS = "users"
_OTHERS = """\
PATH=$PATH:/usr/sbin:/sbin
config=$1 address=$2 own=$3
set -f
for map in $(postconf -c "$config" -xh virtual_alias_maps virtual_mailbox_maps | tr , ' '); do
    case $map in *:"$own"/*) continue ;; *:*) ;; *) continue ;; esac
    if postmap -c "$config" -q "$address" "$map" > /dev/null 2>&1; then echo "$map"; fi
done
"""
"""Prints the maps that Postfix reads beside ours and that have the address; one that Homeport's
user may not read counts as one that has it not."""
_INDEX = 'PATH=$PATH:/usr/sbin:/sbin; exec postmap -c "$1" "$2"'


@dataclass(frozen=True)
class RemoteFiles:
    """Files by their names in the directory of the settings; each call is a connection of its own,
    or one that others left open a moment ago."""

    settings: DovecotSettings
    read_secret: Callable[[str], str]

    def read(self, name: str) -> str:
        """Denied where it could not be written either."""
        with self._shell() as shell:
            return self._read(shell, name)

    def change(self, name: str, changed: Callable[[str], str]) -> bool:
        """changed: gives the text that shall be, of the one that is; it may be asked again, and
        what it raises leaves all as it is. False where it is the same."""
        with self._shell() as shell:
            for _ in range(_TRIES):
                before = self._read(shell, name)
                after = changed(before)
                if after == before:
                    return False
                if self._written(shell, name, before, after):
                    return True
        raise busy(self._path(name))

    def others_with(self, address: str) -> list[str]:
        """The maps of the server's owner in which Postfix finds it: "hash:/etc/postfix/virtual"."""
        settings, path = self.settings, self.settings.postfix_config
        argv = ("sh", "-c", _OTHERS, "others", path, address, settings.directory)
        with self._shell() as shell:
            return self._run(shell, path, argv).stdout.split()

    def index(self, name: str) -> None:
        """Postfix sees the map as it is now, at the next mail."""
        settings, path = self.settings, self._path(name)
        argv = ("sh", "-c", _INDEX, "index", settings.postfix_config, f"{settings.map_type}:{path}")
        with self._shell() as shell:
            self._run(shell, path, argv)

    def _read(self, shell: GuestShell, name: str) -> str:
        path = self._path(name)
        text = self._run(shell, path, ("sh", "-c", _READ, "read", path)).stdout
        if "\ufffd" in text:
            raise failed(path, "it is not a text in UTF-8")
        return text

    def _written(self, shell: GuestShell, name: str, before: str, after: str) -> bool:
        """False where it is not any more what was read."""
        path, data = self._path(name), after.encode()
        was = hashlib.sha256(before.encode()).hexdigest()
        seconds = "1" if name == _DOVECOTS else "0"
        argv = ("sh", "-c", _WRITE, "write", path, was, str(len(data)), seconds)
        return self._run(shell, path, argv, data).status != _CHANGED

    def _run(
        self, shell: GuestShell, path: str, argv: tuple[str, ...], data: bytes | None = None
    ) -> Completed:
        """What came of it: done, or the file was changed by somebody else."""
        try:
            done = shell.run(argv, input=data, check=False)
        except HomeportError as error:
            raise not_entered(self.settings, error, self._public_key) from None
        if done.status not in (0, _CHANGED):
            self._refuse(path, done)
        return done

    def _refuse(self, path: str, done: Completed) -> None:
        said = done.stderr.strip()[-300:]
        if done.status == _NO_FILE:
            raise no_file(self.settings, path)
        if done.status == _NO_RIGHT or "denied" in said or "not permitted" in said:
            raise may_not(self.settings, path, said)
        if done.status == _HELD:
            raise busy(path)
        if done.status == _INCOMPLETE:
            said = "the connection ended before the file was complete"
        raise failed(path, said or f"exit status {done.status}")

    def _path(self, name: str) -> str:
        return f"{self.settings.directory}/{name}"

    @contextmanager
    def _shell(self) -> Iterator[GuestShell]:
        from engine.guests.protocols import GuestTarget
        from engine.guests.ssh import open_shell

        settings = self.settings
        target = GuestTarget(
            settings.ssh_host or settings.host,
            settings.ssh_port,
            settings.ssh_user,
            settings.ssh_host_keys,
        )
        try:
            shell = open_shell(target, self._key)
        except HomeportError as error:
            raise not_entered(settings, error, self._public_key) from None
        try:
            yield shell
        finally:
            shell.close()

    @cached_property
    def _key(self) -> str:
        return self.read_secret(self.settings.ssh_key_ref)

    def _public_key(self) -> str:
        import asyncssh

        return asyncssh.import_private_key(self._key).export_public_key().decode().strip()
