"""A plan and apply of 100 resources on our state service, with OpenBao, encryption and TLS, against
the same on an `http` backend that keeps the state in its memory and speaks plain HTTP.

The resources are the built-in ones, which take no time: with any provider the ratio is smaller."""

from __future__ import annotations

import json
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.conformance.state_world import state_world
from tests.conformance.terraform_world import Terraform

RESOURCES, ROUNDS = 100, 9


def measure() -> list[dict[str, str]]:
    with (
        tempfile.TemporaryDirectory(prefix="hp-bench-") as name,
        state_world() as world,
        _in_memory() as peer_url,
    ):
        here = Path(name)
        client = world.client("bench/hundred")
        ours = Terraform.new(
            here / "ours", client.url, client.user, client.password, Path(world.ca).read_text()
        )
        peer = Terraform.new(here / "peer", peer_url, "any", "any", "")
        for terraform in (ours, peer):
            terraform.run("init")
            _seconds(terraform, "first")
        times = [(_seconds(ours, f"v{n}"), _seconds(peer, f"v{n}")) for n in range(ROUNDS)]
    mine, theirs = (statistics.median(side) for side in zip(*times, strict=True))
    return [
        {
            "name": f"OpenTofu: plan and apply of {RESOURCES} resources",
            "ours": f"{mine * 1000:.0f} ms",
            "peer": f"{theirs * 1000:.0f} ms",
            "ratio": f"{mine / theirs:.2f}",
            "goal": "<= 1.2 x a backend in memory",
        }
    ]


def _seconds(terraform: Terraform, value: str) -> float:
    """Every resource changes: a plan that is kept, as for approval, and the apply of that plan."""
    terraform.resources(RESOURCES, value)
    start = time.perf_counter()
    terraform.run("plan", "-out=plan")
    terraform.run("apply", "plan")
    return time.perf_counter() - start


@contextmanager
def _in_memory() -> Iterator[str]:
    class Backend(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        state: bytes | None = None
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
            state = Backend.state
            self._answer(200 if state else 404, state or b"")

        def do_POST(self) -> None:
            Backend.state = self._body()
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
