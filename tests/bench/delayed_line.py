"""A line of a given length: a relay that keeps every byte back for a while.

It stands in for `tc netem`, which not every kernel has, and needs no root. Nothing is lost on
it and TCP's own window does not feel it; SSH's does, and whatever waits for an answer. Each
connection is carried by a process of its own, in large parts, so that the line itself takes as
little of the machine as can be.
"""

from __future__ import annotations

import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_READ = 1 << 20
_UNDER_WAY = 1024
"""Reads that are on the line at most."""


@contextmanager
def delayed_line(host: str, port: int, source: str, seconds: float) -> Iterator[int]:
    """A port on 127.0.0.1 that leads to host and port, whose server sees the address `source`.

    seconds: one way.
    """
    words = [sys.executable, "-I", __file__, host, str(port), source, str(seconds)]
    line = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert line.stdout is not None
    try:
        yield int(line.stdout.readline())
    finally:
        os.killpg(line.pid, signal.SIGTERM)
        line.wait()
        line.stdout.close()


def main(host: str, port: str, source: str, seconds: str) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that end
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            near, _ = server.accept()
            if os.fork() == 0:
                server.close()
                far = socket.create_connection((host, int(port)), source_address=(source, 0))
                relay(near, far, float(seconds))
                os._exit(0)
            near.close()


def relay(near: socket.socket, far: socket.socket, seconds: float) -> None:
    back = threading.Thread(target=late, args=(far, near, seconds), daemon=True)
    back.start()
    late(near, far, seconds)
    back.join()


def late(origin: socket.socket, goal: socket.socket, seconds: float) -> None:
    """All that comes from there, until it ends."""
    line: queue.Queue[tuple[float, bytes]] = queue.Queue(_UNDER_WAY)
    threading.Thread(target=arrive, args=(goal, line), daemon=True).start()
    data = b" "
    while data:
        data = b""
        with suppress(ConnectionError):
            data = origin.recv(_READ)
        line.put((time.monotonic() + seconds, data))
    line.join()


def arrive(goal: socket.socket, line: queue.Queue[tuple[float, bytes]]) -> None:
    goal.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while True:
        due, data = line.get()
        time.sleep(max(due - time.monotonic(), 0))
        with suppress(OSError):
            goal.sendall(data) if data else goal.shutdown(socket.SHUT_WR)
        line.task_done()


if __name__ == "__main__":
    main(*sys.argv[1:])
