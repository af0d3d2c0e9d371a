"""The way of the data: the target's guest pulls from the source's, over SSH, by rsync.

It exists for one operation. The key is made on the target's guest and never leaves it; the
source lets it in for one command, which reads and runs nothing but the sending half of rsync;
the source's host keys are those that were pinned when its guest was made. Nothing of the data
passes through Homeport.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from engine.errors import RemoteFailure, Unreachable
from engine.guests.protocols import GuestTarget
from engine.methods import apt
from engine.methods.place import Place
from engine.state.protocols import Moved

_PACKAGES = ("rsync", "openssh-client")
_CHANGED_MEANWHILE = 24
"""rsync(1): files vanished before they could be transferred."""
_CONNECTION = (5, 10, 12, 30, 35, 255)
"""rsync(1) and ssh(1): the connection could not be made or was lost."""
_SECONDS = 24 * 3600.0
_FIGURE = re.compile(r"(Number of regular files transferred|Total bytes received): ([0-9]+)")
_PROGRESS = re.compile(r"\s*([0-9]+)\s+([0-9]+)%")

GATE = """\
import os, shlex, sys
asked = shlex.split(os.environ.get("SSH_ORIGINAL_COMMAND", ""))
if asked[:3] != ["rsync", "--server", "--sender"]:
    sys.exit("this key is for reading by rsync alone")
become = sys.argv[1:]
os.execvp((become + asked)[0], become + asked)
"""
"""What the key may run on the source. Arguments: how to become root, where the user is not."""


@dataclass(frozen=True)
class Passage:
    """operation: the id of the one that it is for. address: how the source's guest is reached
    from the target's, and by which keys it proves to be itself."""

    operation: str
    source: Place
    target: Place
    address: GuestTarget

    def open(self) -> None:
        """Key, pins and permission; made, or found as an earlier attempt made them."""
        for place in (self.source, self.target):
            apt.ensure_packages(place, _PACKAGES)
            place.directory(self.directory(place), "0700", "root:root")
        key = self._key()
        if not self.target.exists(f"{key}.pub"):
            self.target.run("rm", "-f", "--", key)
            words = ("-q", "-t", "ed25519", "-N", "", "-C", self._mark, "-f", key)
            self.target.run("ssh-keygen", *words)
        pins = "".join(f"{self._host()} {line}\n" for line in self.address.host_keys)
        self.target.write(self._pins(), pins.encode(), mode=0o600)
        self.source.write(self._gate(), GATE.encode(), mode=0o644)
        self._permit(self._public_line())
        self._try()

    def close(self) -> None:
        """Nobody gets in by the key any more, and it is gone, with all that was on its way."""
        self._permit("")
        for place in (self.source, self.target):
            place.run_long("rm", "-rf", "--", self.directory(place))

    def directory(self, place: Place) -> str:
        """For what is on its way, for root alone, on either guest."""
        return f"{place.facts.root}/var/lib/homeport/.passage/{place.app.name}/{self.operation}"

    def pull(
        self,
        source: str,
        target: str,
        *,
        exclude: Sequence[str] = (),
        delete: bool = True,
        live: bool = False,
    ) -> Moved:
        """The file or directory at `source` on the source's guest is that at `target`.

        Directories are given with a slash at their ends. live: somebody writes meanwhile, so
        that files may vanish. exclude: paths below the directory, taken literally; they are
        neither brought over nor removed. Killed anywhere and called again it goes on with
        what is there. RemoteFailure; Unreachable where the connection is lost.
        """
        work, began, figures = self.target.work, time.monotonic(), dict[str, int]()

        def hear(line: str) -> None:
            if found := _FIGURE.match(line):
                figures[found[1].split()[0]] = int(found[2])
            elif found := _PROGRESS.match(line):
                done, percent = int(found[1]), int(found[2])
                work.progress(done, done * 100 / percent if percent else None, "bytes")
            work.raise_if_cancelled()

        options = ["-aHAXS", "-s", "--partial", "--info=progress2,stats2", "--no-human-readable"]
        options += [f"--exclude=/{_literal(path)}" for path in exclude]
        options += ["--delete"] if delete and source.endswith("/") else []
        done = self.target.run_long(
            *("rsync", *options, "-e", self._shell()),
            *("--", f"{self.address.user}@{self._rsync_host()}:{source}", target),
            timeout=_SECONDS,
            env={"LC_ALL": "C"},
            on_line=hear,
        )
        if done.status != 0 and not (live and done.status == _CHANGED_MEANWHILE):
            raise self._failed(source, done.status, done.stderr)
        items, size = figures.get("Number", 0), figures.get("Total", 0)
        return Moved(items=items, bytes=size, seconds=time.monotonic() - began)

    def _try(self) -> None:
        """The way is open: one file is brought over by it."""
        self.pull(self._gate(), f"{self.directory(self.target)}/tried", delete=False)

    def _failed(self, source: str, status: int, said: str) -> RemoteFailure | Unreachable:
        kind = Unreachable if status in _CONNECTION else RemoteFailure
        return kind(
            "the target cannot read from the source",
            on=f"{source}, from {self.target.facts.address} to {self._host()}",
            why=said.strip()[-1000:] or f"rsync ended with status {status}",
            left="the source is as it was",
            do="See that the target's guest reaches the source's by SSH, and that its disk has "
            "room; then try again.",
        )

    # the key's permission on the source

    def _permit(self, line: str) -> None:
        """The user's authorized_keys has this line for the operation, or none where empty."""
        path = self._authorized_keys()
        known = (self.source.shell.read_file(path) or b"").decode(errors="surrogateescape")
        others = [kept for kept in known.splitlines() if not kept.endswith(f" {self._mark}")]
        text = "".join(f"{kept}\n" for kept in (*others, *filter(None, [line])))
        data = text.encode(errors="surrogateescape")
        self.source.write(path, data, mode=0o600, owner=self.address.user)

    def _public_line(self) -> str:
        data = self.target.shell.read_file(f"{self._key()}.pub") or b""
        public = " ".join(data.decode().split()[:2])
        become = "" if self.address.user == "root" else " sudo -n --"
        # A lab's guests share one loopback: there, a connection has no address of its own.
        only = "" if self.source.facts.root else f'from="{self.target.facts.address}",'
        command = f"python3 -I {self._gate()}{become}"
        return f'restrict,{only}command="{command}" {public} {self._mark}'

    def _authorized_keys(self) -> str:
        user, root = self.address.user, self.source.facts.root
        if root or user == "root":
            home = f"{root}/root" if user == "root" else f"{root}/home/{user}"
        else:
            home = self.source.run("getent", "passwd", user).stdout.strip().split(":")[5]
        return f"{home}/.ssh/authorized_keys"

    # names

    @property
    def _mark(self) -> str:
        return f"homeport-{self.operation}"

    def _key(self) -> str:
        return f"{self.directory(self.target)}/key"

    def _pins(self) -> str:
        return f"{self.directory(self.target)}/known_hosts"

    def _gate(self) -> str:
        return f"{self.directory(self.source)}/gate.py"

    def _host(self) -> str:
        return f"[{self.address.address}]:{self.address.port}"

    def _rsync_host(self) -> str:
        address = self.address.address
        return f"[{address}]" if ":" in address else address

    def _shell(self) -> str:
        """rsync splits this at spaces and starts it without a shell; all of it is ours."""
        options = {
            "UserKnownHostsFile": self._pins(),
            "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "yes",
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "BatchMode": "yes",
            "Compression": "no",
            "ConnectTimeout": "20",
            "ServerAliveInterval": "15",
        }
        words = [f"-o{name}={value}" for name, value in options.items()]
        start = ["ssh", "-F", "/dev/null", "-i", self._key(), "-p", str(self.address.port)]
        return " ".join([*start, *words])


def _literal(path: str) -> str:
    """A path as a pattern of rsync's that means itself."""
    return re.sub(r"([\\*?[])", r"\\\1", path) if re.search(r"[*?[]", path) else path
