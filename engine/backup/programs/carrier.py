"""A capture's directory as one stream, and back; see `engine.backup` for why.

The first line of standard input is the task, JSON. Verbs: `send` writes the stream to standard
output, `receive` reads it from what follows on standard input; `store` and `load` do the same
with a restic that they start. The last line on standard error is `homeport-result: ` and JSON:
bytes and SHA-256 of the stream. Any other end is a failure, and what was written before on
standard error is why.

Secrets (the notes, the repository's password and key) come in the task and stay in memory:
restic reads them from files that have no name on any disk (memfd_create(2)).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tarfile
import threading
from typing import IO, Any, NoReturn

_CHUNK = 1 << 20
_BLOCK = 512
_KEEP = ("--acls", "--xattrs", "--xattrs-include=*", "--format=posix", "--numeric-owner")


def fail(why: str) -> NoReturn:
    print(why, file=sys.stderr, flush=True)
    sys.exit(1)


class Measured:
    """Counts what passes and takes its checksum."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        self.bytes = 0

    def pass_on(self, data: bytes, sink: IO[bytes]) -> None:
        self.digest.update(data)
        self.bytes += len(data)
        sink.write(data)

    def result(self) -> dict[str, Any]:
        return {"bytes": self.bytes, "sha256": self.digest.hexdigest()}


def member(name: str, text: str) -> bytes:
    """A file of the archive, from memory."""
    data = text.encode()
    about = tarfile.TarInfo(name)
    about.size, about.mode = len(data), 0o600
    return about.tobuf(tarfile.PAX_FORMAT) + data + bytes(-len(data) % _BLOCK)


def send(task: dict[str, Any], sink: IO[bytes]) -> dict[str, Any]:
    measured = Measured()
    for name, text in task["notes"].items():
        measured.pass_on(member(name, text), sink)
    pack = ["tar", "--create", "--file=-", "--sparse", "--sort=name", *_KEEP]
    pack += [f"--directory={task['directory']}", "--", "."]
    with subprocess.Popen(pack, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as packing:
        assert packing.stdout is not None
        while chunk := packing.stdout.read(_CHUNK):
            measured.pass_on(chunk, sink)
    if packing.returncode != 0:
        fail(f"tar could not read all of {task['directory']} (status {packing.returncode})")
    sink.flush()
    return measured.result()


def receive(task: dict[str, Any], source: IO[bytes]) -> dict[str, Any]:
    """The directory is made here; the notes are not written to it."""
    measured, into = Measured(), task["directory"]
    os.mkdir(into, 0o700)
    unpack = ["tar", "--extract", "--file=-", *_KEEP, "--preserve-permissions"]
    unpack += ["--delay-directory-restore", f"--directory={into}", "--anchored", "--no-wildcards"]
    unpack += [f"--exclude={name}" for name in task["notes"]]
    unpack += ["--same-owner" if os.geteuid() == 0 else "--no-same-owner"]
    with subprocess.Popen(unpack, stdin=subprocess.PIPE) as unpacking:
        assert unpacking.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            while chunk := source.read(_CHUNK):
                measured.pass_on(chunk, unpacking.stdin)
                report(measured.bytes, task["bytes"])
            unpacking.stdin.close()
    if measured.result() != {"bytes": task["bytes"], "sha256": task["sha256"]}:
        fail("what came is not what was stored")
    if unpacking.returncode != 0:
        fail(f"tar could not write everything to {into} (status {unpacking.returncode})")
    os.chmod(into, 0o700)
    return measured.result()


def report(done: int, total: int) -> None:
    print("homeport-progress:", done, total, file=sys.stderr, flush=True)


def in_memory(text: str) -> int:
    """Descriptor of a file without a name, which holds the text."""
    descriptor = os.memfd_create("homeport")
    os.fchmod(descriptor, 0o600)
    os.write(descriptor, text.encode())
    return descriptor


def restic(task: dict[str, Any], **streams: Any) -> subprocess.Popen[bytes]:
    """Started with its secrets; the task names the arguments and the environment."""
    told = task["restic"]
    files = {name: in_memory(text) for name, text in told["files"].items()}
    environment = {"PATH": os.environ.get("PATH", os.defpath), **told["environment"]}
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        if variable in os.environ:
            environment[variable] = os.environ[variable]
    environment.update({name: f"/dev/fd/{number}" for name, number in files.items()})
    running = subprocess.Popen(
        told["argv"], env=environment, pass_fds=tuple(files.values()), **streams
    )
    for number in files.values():
        os.close(number)
    return running


def store(task: dict[str, Any]) -> dict[str, Any]:
    running = restic(task, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert running.stdin is not None
    assert running.stdout is not None
    telling = threading.Thread(target=tell, args=(running.stdout, task["bytes"]), daemon=True)
    telling.start()
    try:
        result = send(task, running.stdin)
        running.stdin.close()
    except BrokenPipeError:
        running.wait()
        fail(f"restic ended before it had everything (status {running.returncode})")
    except BaseException:
        # The stream is not whole: nothing may be made of it.
        running.kill()
        raise
    if running.wait() != 0:
        fail(f"restic could not store everything (status {running.returncode})")
    telling.join()
    return result


def tell(lines: IO[bytes], total: int) -> None:
    for line in lines:
        with contextlib.suppress(ValueError):
            told = json.loads(line)
            if told.get("message_type") == "summary":
                print("homeport-snapshot:", told["snapshot_id"], file=sys.stderr, flush=True)
            else:
                report(int(told.get("bytes_done", 0)), total)


def load(task: dict[str, Any]) -> dict[str, Any]:
    running = restic(task, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert running.stdout is not None
    try:
        result = receive(task, running.stdout)
    except BaseException:
        running.kill()
        raise
    if running.wait() != 0:
        fail(f"restic could not read everything (status {running.returncode})")
    return result


def main() -> None:
    source = sys.stdin.buffer
    task = json.loads(source.readline())
    try:
        if task["verb"] == "send":
            result = send(task, sys.stdout.buffer)
        elif task["verb"] == "receive":
            result = receive(task, source)
        else:
            result = {"store": store, "load": load}[task["verb"]](task)
    except BrokenPipeError:
        fail("the other end closed the stream")
    except OSError as error:
        fail(str(error))
    print("homeport-result:", json.dumps(result), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
