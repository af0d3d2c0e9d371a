"""A certificate authority that speaks ACME and believes one name server: the lab's program, on a
port and with keys of its own."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.lab.authority import Authority
from engine.lab.lifecycle import Part, running_pid, start, stop, wait_ready
from tests.conformance.dns_worlds import HOST, free_port

STARTUP = 60.0


@dataclass(frozen=True)
class AcmeWorld:
    authority: Authority
    part: Part

    def start(self) -> None:
        start(self.part)
        wait_ready(self.part, deadline=time.monotonic() + STARTUP)

    def stop(self) -> None:
        stop(self.part, grace=10)

    def signal(self, number: signal.Signals) -> None:
        pid = running_pid(self.part)
        assert pid is not None
        os.kill(pid, number)

    def settings(self) -> dict[str, Any]:
        root = self.authority.root_path.read_text()
        return {"directory": self.authority.directory_url, "ca_pem": root}


@contextmanager
def acme(resolver: str) -> Iterator[AcmeWorld]:
    """resolver: "address:port" of the name server at which challenges are looked for."""
    with tempfile.TemporaryDirectory(prefix="hp-acme-") as name:
        directory = Path(name)
        described = Authority(directory, HOST, free_port(), resolver)
        described.prepare()
        part = Part(
            name="authority",
            title="the authority",
            directory=directory,
            argv=described.argv(),
            address=(HOST, described.port),
            environment={"LANG": "C.UTF-8", **described.environment()},
            tls_root=described.root_path,
        )
        world = AcmeWorld(described, part)
        try:
            world.start()
            yield world
        finally:
            world.stop()
