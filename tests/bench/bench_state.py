"""A plan and apply of 100 resources on our state service, with OpenBao, encryption and TLS, against
the same on an `http` backend that keeps the state in its memory and speaks plain HTTP: with the
resources that are built in and take no time, and with those of a provider, as everybody's are."""

from __future__ import annotations

import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

from tests.cached_packages import cached_environment
from tests.conformance.state_world import StateWorld, state_world
from tests.conformance.terraform_world import Terraform

RESOURCES = 100


def measure() -> list[dict[str, str]]:
    with (
        tempfile.TemporaryDirectory(prefix="hp-bench-") as name,
        state_world() as world,
        _in_memory() as peer,
    ):
        here = Path(name)
        return [
            _compare(world, peer, here / "built-in", "built in", _built_in, 9),
            _compare(world, peer, here / "toy", "of a provider", _of_a_provider, 3),
        ]


Write = Callable[[Terraform, str], None]


def _compare(
    world: StateWorld, peer_url: str, here: Path, what: str, write: Write, rounds: int
) -> dict[str, str]:
    client = world.client(f"bench/{here.name}")
    ca_pem = Path(world.ca).read_text()
    ours = Terraform.new(here / "ours", client.url, client.user, client.password, ca_pem)
    peer = Terraform.new(here / "peer", f"{peer_url}{here.name}", "any", "any", "")
    for terraform in (ours, peer):
        if write is _of_a_provider:
            python = cached_environment("tf==1.2.0") / "bin" / "python"
            script = Path(__file__).with_name("toy_provider.py")
            terraform.provider("local.test/homeport/toy", python, script)
        write(terraform, "first")
        terraform.run("init")
        _seconds(terraform, write, "first")
    times = [
        (_seconds(ours, write, f"v{n}"), _seconds(peer, write, f"v{n}")) for n in range(rounds)
    ]
    mine, theirs = (statistics.median(side) for side in zip(*times, strict=True))
    return {
        "name": f"OpenTofu: plan, apply, {RESOURCES} {what}",
        "ours": f"{mine * 1000:.0f} ms",
        "peer": f"{theirs * 1000:.0f} ms",
        "ratio": f"{mine / theirs:.2f}",
        "goal": "<= 1.2 x a backend in memory",
    }


def _built_in(terraform: Terraform, value: str) -> None:
    terraform.resources(RESOURCES, value)


def _of_a_provider(terraform: Terraform, value: str) -> None:
    things = {"it": {"count": RESOURCES, "value": value}}
    terraform.write("main", {"resource": {"toy_thing": things}})


def _seconds(terraform: Terraform, write: Write, value: str) -> float:
    """Every resource changes: a plan that is kept, as for approval, and the apply of that plan."""
    write(terraform, value)
    start = time.perf_counter()
    terraform.run("plan", "-out=plan")
    terraform.run("apply", "plan")
    return time.perf_counter() - start


@contextmanager
def _in_memory() -> Iterator[str]:
    class Backend(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        states: ClassVar[dict[str, bytes]] = {}
        lock: dict[str, str] | None = None

        def log_message(self, *arguments: object) -> None:
            """Nothing."""

        def _body(self) -> bytes:
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def _answer(self, status: int, body: bytes = b"") -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            state = self.states.get(self.path)
            self._answer(200 if state else 404, state or b"")

        def do_POST(self) -> None:
            self.states[self.path.partition("?")[0]] = self._body()
            self._answer(200)

        def do_LOCK(self) -> None:
            wanted, held = json.loads(self._body()), Backend.lock
            Backend.lock = held or wanted
            self._answer(423 if held else 200, json.dumps(held).encode() if held else b"")

        def do_UNLOCK(self) -> None:
            self._body()
            Backend.lock = None
            self._answer(200)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Backend)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
