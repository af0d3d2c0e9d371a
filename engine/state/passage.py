"""The way of a move's data: the target's guest reads from the source's, over SSH, by itself.

Its key is made on the target's guest and never leaves it. At the source the key opens one
command, which reads the paths that it was made for (`programs.sender`), from the target's
address. The source's host keys are those that were pinned when its guest was made. All of it
lives as long as the move: opened by one step, closed by another, and each may be repeated.

Where the target's guest does not reach the source's, the same connection goes through this
machine, which reaches both: from a port on the target's loopback. This machine sees nothing of it
but its length, for the two guests prove themselves to each other as before. Each step lets its
own connection to the target lead there, so that nothing outlives the worker.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from engine.errors import RemoteFailure, Unreachable
from engine.guests.protocols import GuestTarget
from engine.methods import apt
from engine.methods.place import Place
from engine.state.program_run import run_program
from engine.state.programs import source as program_text
from engine.state.protocols import Moved, Side
from engine.state.way import close_ways, free_port, open_way

_KEY, _CONFIG, _KNOWN = "key", "ssh_config", "known_hosts"
_SENDER, _READER, _ALLOWED = "sender.py", "reader.py", "allowed.json"
_DESK = "desk"
_HOST = "source"
"""The source's name in the target's configuration of SSH."""
_CHECK = "homeport-passage"
_KIND = """\
if [ -d "$1" ]; then echo tree
elif [ -e "$1" ] || [ -L "$1" ]; then echo file
else echo nothing; fi
"""
"""Argument: a path."""
_FILLED = '[ -e "$1" ] && [ -e "$2" ]'
"""Arguments: the target, and what says that it was filled."""
_NOTHING: Mapping[str, Any] = {"items": 0, "bytes": 0, "left": True}
_AES = ("grep", "-qwm1", "aes", "/proc/cpuinfo")


@dataclass(frozen=True)
class GuestPassage:
    """`engine.state.protocols.Passage`.

    name: of the move, [a-z0-9-]. way: how the source's guest is reached. limit: KiB per
    second; 0 for as fast as it goes. live: the source's application still writes. relay: the port
    on the target's loopback that leads to the source through this machine; 0 for straight.
    """

    name: str
    source: Place
    target: Place
    way: GuestTarget
    limit: int = 0
    live: bool = False
    relay: int = 0

    def open(self, paths: Sequence[str]) -> GuestPassage:
        """The passage as it can be gone: straight, or through this machine.

        paths: of the source's guest, that the target may read beside the source's desk.
        Unreachable where the target's guest gets to the source's neither way.
        """
        for place, packages in (
            (self.source, ("rsync",)),
            (self.target, ("rsync", "openssh-client")),
        ):
            apt.ensure_packages(place, packages)
            place.directory(posixpath.dirname(self._directory(place)), "0755", "root:root")
        self._make_key()
        straight = replace(self, relay=0)
        if not (refused := straight._try(paths)):
            return straight
        self.target.work.log(f"the source is not reached straight ({refused.splitlines()[-1]})")
        led = replace(self, relay=free_port(self.target))
        led.lead()
        if refused_too := led._try(paths):
            raise Unreachable(
                "the target's guest does not get to the source's guest",
                on=f"{self.target.facts.address} to {self.way.address} port {self.way.port}",
                why=f"straight: {refused}; through this machine: {refused_too}",
                left="the source is as it was",
                do="Let the target's guest reach that port of the source's guest (firewalls of "
                "both providers, routes), then try again.",
            )
        return led

    def lead(self) -> None:
        """Through this machine, where that is the way."""
        if self.relay:
            listen = (self.target.facts.loopback, self.relay)
            self.target.shell.relay(listen, (self.way.address, self.way.port))

    def _try(self, paths: Sequence[str]) -> str:
        """Why it cannot be gone this way; empty where it can."""
        self._prepare_target()
        self._prepare_source(sorted({*paths}))
        tried = self.target.run(
            *("ssh", "-F", self._at_target(_CONFIG), _HOST, _CHECK), check=False
        )
        return "" if tried.status == 0 else tried.stderr.strip()[-500:] or "no answer"

    def close(self) -> None:
        """No key opens the source any more; nothing is left at either side."""
        self._door("")
        close_ways(self.name, self.target)
        for place in (self.target, self.source):
            place.run_long("rm", "-rf", "--", self._directory(place))

    def desk(self, side: Side) -> str:
        place = side.ground.place
        desk = f"{self._directory(place)}/{_DESK}"
        place.directory(desk, "0700", "root:root")
        return desk

    @property
    def config(self) -> str:
        return self._at_target(_CONFIG)

    def connect(self, service: str, address: str, port: int) -> int:
        sides = (self.source, self.target)
        return open_way(self.name, service, *sides, self.config, address=address, port=port)

    def pull(
        self, source: str, target: str, *, exclude: tuple[str, ...] = (), thorough: bool = False
    ) -> Moved:
        task = {
            "config": self.config,
            "source": source,
            "target": target,
            "exclude": list(exclude),
            "limit": self.limit,
        }
        journal = self._journal(target)
        with ThreadPoolExecutor(2) as threads:  # each asks a guest of its own
            kind = threads.submit(self._is_tree, source)
            filled = self._is_filled(target, journal)
            is_tree = kind.result()
        first = _NOTHING
        if is_tree is not None and not filled:
            first = self._run("fill", task | {"journal": journal})
        if self.live and not first["left"] and not thorough:
            return Moved(items=first["items"], bytes=first["bytes"])
        task |= {"tree": is_tree, "thorough": thorough, "live": self.live}
        then = self._run("pull", task)
        return Moved(items=first["items"] + then["items"], bytes=first["bytes"] + then["bytes"])

    def _is_filled(self, target: str, journal: str) -> bool:
        """Once in a passage, and wherever there is nothing: later passes move what changed,
        which rsync finds. It finds what is left, too; of a live tree only where that is known."""
        words = ("-c", _FILLED, "filled", target, f"{journal}.done")
        return self.target.run("sh", *words, check=False).status == 0

    def _journal(self, target: str) -> str:
        return self._at_target(f"fill-{hashlib.sha256(os.fsencode(target)).hexdigest()[:16]}")

    def _run(self, program: str, task: Mapping[str, Any]) -> Mapping[str, Any]:
        on = task["source"]
        return run_program(self.target, program, task, failed="data cannot be brought over", on=on)

    def _is_tree(self, path: str) -> bool | None:
        """None where there is nothing: an answer of its own, for then the target's goes, too."""
        words = ("-c", _KIND, "kind", path)
        kinds = {"tree": True, "file": False, "nothing": None}
        return kinds[self.source.run("sh", *words).stdout.strip()]

    def _make_key(self) -> None:
        place = self.target
        place.directory(self._directory(place), "0700", "root:root")
        if not place.exists(self._at_target(f"{_KEY}.pub")):
            place.run("rm", "-f", "--", self._at_target(_KEY))
            key = ("-t", "ed25519", "-N", "", "-C", self._mark, "-f", self._at_target(_KEY))
            place.run("ssh-keygen", "-q", *key)
        known = "".join(f"{_HOST} {key}\n" for key in self.way.host_keys)
        place.write(self._at_target(_KNOWN), known.encode(), mode=0o600)

    def _prepare_target(self) -> None:
        self.target.write(self._at_target(_CONFIG), self._config().encode(), mode=0o600)

    def _config(self) -> str:
        if self.relay:
            ends = {"HostName": self.target.facts.loopback, "Port": str(self.relay)}
        else:
            ends = {
                "HostName": self.way.address,
                "Port": str(self.way.port),
                "BindAddress": self.target.facts.address,
            }
        lines = ends | {
            "User": self.way.user,
            "HostKeyAlias": _HOST,
            "IdentityFile": f'"{self._at_target(_KEY)}"',
            "UserKnownHostsFile": f'"{self._at_target(_KNOWN)}"',
            "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "yes",
            "IdentitiesOnly": "yes",
            "BatchMode": "yes",
            "ConnectTimeout": "15",
            "ServerAliveInterval": "15",
            "ServerAliveCountMax": "4",
        }
        if all(place.run(*_AES, check=False).status == 0 for place in (self.source, self.target)):
            lines["Ciphers"] = "^aes128-gcm@openssh.com"  # twice as fast as what comes first
        return f"Host {_HOST}\n" + "".join(f"    {k} {v}\n" for k, v in lines.items())

    def _prepare_source(self, paths: Sequence[str]) -> None:
        """The directory may be entered and the two files read by the user of the login, who is
        not root everywhere; the desk is for root alone."""
        place, directory = self.source, self._directory(self.source)
        place.directory(directory, "0755", "root:root")
        public = self.target.shell.read_file(self._at_target(f"{_KEY}.pub"))
        if public is None:
            raise RemoteFailure("the key for the move is gone", on=self.target.facts.address)
        sender, reader, allowed = (f"{directory}/{n}" for n in (_SENDER, _READER, _ALLOWED))
        command = f"python3 -I -S '{sender}' '{allowed}'"
        # Through this machine the source sees an address that a NAT may change at any time.
        only = "" if self.relay else f'from="{self.target.facts.address}",'
        options = f'restrict,{only}command="{command}"'
        sudo = self._door(f"{options} {public.decode().strip()}")
        desk = f"{directory}/{_DESK}"
        kept = {"paths": [*paths], "desk": desk, "reader": reader, "sudo": sudo}
        place.write(allowed, json.dumps(kept).encode(), mode=0o644)
        place.write(sender, program_text("sender").encode(), mode=0o644)
        place.write(reader, program_text("reader").encode(), mode=0o644)

    def _door(self, line: str) -> bool:
        """The line in the source's `authorized_keys`, or none of this move. True where its user
        becomes root by sudo."""
        task = {"mark": self._mark, "line": line}
        found = run_program(
            self.source,
            "door",
            task,
            failed="the source cannot be opened for the target",
            on="authorized_keys",
        )
        return bool(found["sudo"])

    @property
    def _mark(self) -> str:
        return f"homeport-{self.name}"

    def _directory(self, place: Place) -> str:
        return place.paths.passage(self.name)

    def _at_target(self, name: str) -> str:
        return f"{self._directory(self.target)}/{name}"
