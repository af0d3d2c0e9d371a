"""The first bringing over of many bytes: plain files that the target does not have at all.

Several connections ask the source's `programs.reader` for pieces, each for the next one while
the last is under way, so that neither a long line nor one core is the limit. What arrives is a
file's content and its time and no more: rsync (`programs.pull`) follows in any case, makes all
the rest as it is at the source, and brings what is not brought here. So a file that changes
meanwhile, a link, an odd one or a refused connection is left to rsync, and nothing is lost by it.

A file larger than a piece gets its time when all its pieces are there; which are is written to
a journal, by which a filling that was killed goes on. The journal holds as long as the guest is
up: after a crash of the guest nobody knows what reached the disk.
"""

from __future__ import annotations

import base64
import ctypes
import errno
import fcntl
import json
import multiprocessing
import os
import signal
import stat
import subprocess
import sys
import time
import zlib
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import wait
from typing import Any, NamedTuple, NoReturn

_PIECE = 4 << 20
_AHEAD = 3
"""Pieces that a stream has asked for and not written: with the piece that is being written,
one of 16 MiB in all is what a kill costs it."""
_FILES = 512
"""Of small ones in one request."""
_NEAR, _FAR = 2, 6
"""Streams: for the cores' sake, and for a line on which one waits for its window."""
_FAR_SECONDS = 0.005
"""There and back."""
_SMALL_FAR = 64 << 10
"""Bytes up to which rsync needs less time of a core for a file than a far line takes of it; on a
near one that holds up to a piece."""
_FEW, _SHARE = 16 << 20, 32 << 20
"""Bytes below which rsync alone is sooner done, and those that are worth one more login."""
_LEFT_TO_RSYNC = (errno.EEXIST, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP)
"""Something else stands where the file should go, or where its directory should."""
_PR_SET_PDEATHSIG = 1
_F_SETPIPE_SZ = 1031
"""fcntl(2); Python has a name for it since 3.10."""
_ENDED_EARLY = 3
"""Status of a stream whose connection broke: the others, and rsync, bring the rest."""


class Wanted(NamedTuple):
    """One file, or a piece of a large one. alone: the piece is all of it."""

    name: str
    size: int
    mtime: int
    offset: int
    length: int
    alone: bool


def fail(why: str) -> NoReturn:
    print(why, file=sys.stderr, flush=True)
    sys.exit(1)


class Line:
    """A connection to the reader at the source."""

    def __init__(self, config: str, source: str) -> None:
        command = ["ssh", "-F", config, "source", "homeport-read", source]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        with suppress(OSError):  # more than the system lets a user have
            fcntl.fcntl(self.process.stdout, _F_SETPIPE_SZ, 1 << 20)

    def ask(self, request: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()

    def hear(self, limit: int = 0) -> tuple[dict[str, Any], bytes]:
        """limit: KiB per second, or 0. ConnectionError where it ended."""
        assert self.process.stdout is not None
        head = self.process.stdout.readline()
        if not head.endswith(b"\n"):
            raise ConnectionError("the source's end is gone")
        told: dict[str, Any] = json.loads(head)
        left, body = told["length"], []
        while left:
            part = self.process.stdout.read(min(left, limit * 128) if limit else left)
            if not part:
                raise ConnectionError("the source's end is gone")
            if limit:
                time.sleep(len(part) / (limit * 1024))
            body.append(part)
            left -= len(part)
        return told, b"".join(body)

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with suppress(OSError):
            self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


class Journal:
    """What of large files has arrived, a line of JSON each. Lines of several processes do not
    mix: each is one write to the file's end."""

    def __init__(self, path: str) -> None:
        with open("/proc/sys/kernel/random/boot_id") as file:
            boot = file.read().strip()
        self.begun: dict[str, tuple[int, int]] = {}
        self.there: dict[str, set[int]] = {}
        lines: list[str] = []
        with suppress(FileNotFoundError), open(path) as file:
            lines = file.read().splitlines()
        if lines[:1] == [boot]:
            self._read(lines[1:])
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        fresh = 0 if lines[:1] == [boot] else os.O_TRUNC
        self._descriptor = os.open(path, flags | fresh, 0o600)
        if fresh:
            os.write(self._descriptor, f"{boot}\n".encode())

    def _read(self, lines: list[str]) -> None:
        for line in lines:
            with suppress(ValueError):
                name, *numbers = json.loads(line)
                if len(numbers) == 2:
                    self.forget(name)  # begun once more
                    self.begun[name] = (numbers[0], numbers[1])
                else:
                    self.there.setdefault(name, set()).add(numbers[0])

    def forget(self, name: str) -> None:
        self.begun.pop(name, None)
        self.there.pop(name, None)

    def note(self, name: str, *numbers: int) -> None:
        """Size and time of a file that is begun, or the offset of a piece that is there."""
        os.write(self._descriptor, (json.dumps([name, *numbers]) + "\n").encode())


class Tree:
    """Files below the target, where no link is followed: one may stand where the source has a
    directory."""

    def __init__(self, top: str) -> None:
        self._parent, self._name = os.path.split(top)
        self._directory, self._opened = "", -1

    def create(self, name: str) -> int:
        """FileExistsError where there is something; OSError where there is no place for it."""
        return self._open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL)

    def again(self, name: str) -> int:
        return self._open(name, os.O_WRONLY)

    def _open(self, name: str, flags: int) -> int:
        directory, _, last = name.rpartition("/")
        flags |= os.O_NOFOLLOW | os.O_CLOEXEC
        if not name:
            return os.open(os.path.join(self._parent, self._name), flags, 0o600)
        if self._opened < 0 or directory != self._directory:
            self._enter(directory)
        return os.open(last, flags, 0o600, dir_fd=self._opened)

    def _enter(self, directory: str) -> None:
        parts = [self._name, *(directory.split("/") if directory else [])]
        at = os.open(self._parent, os.O_PATH | os.O_DIRECTORY)
        for part in parts:
            try:
                with suppress(FileExistsError):
                    os.mkdir(part, 0o700, dir_fd=at)
                entering = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
                below = os.open(part, entering, dir_fd=at)
            finally:
                os.close(at)
            at = below
        if self._opened >= 0:
            os.close(self._opened)
        self._directory, self._opened = directory, at


def sooner_here(listed: list[list[Any]], far: bool) -> list[list[Any]]:
    """What several streams of pieces bring sooner than rsync's one."""
    return [each for each in listed if each[1] > (_SMALL_FAR if far else _PIECE)]


def missing(target: str, listed: list[list[Any]], journal: Journal) -> Iterator[Wanted]:
    """The pieces that are to come. What is there already, whatever it is, is left to rsync."""
    for name, size, mtime in listed:
        path = os.path.join(target, name) if name else target
        begun = journal.begun.get(name) == (size, mtime) and unfinished(path, size, mtime)
        if not begun:
            journal.forget(name)
            if os.path.lexists(path):
                continue
        if size <= _PIECE:
            yield Wanted(name, size, mtime, 0, size, True)
            continue
        there = journal.there.get(name, set())
        for offset in range(0, size, _PIECE):
            if offset not in there:
                yield Wanted(name, size, mtime, offset, min(_PIECE, size - offset), False)


def unfinished(path: str, size: int, mtime: int) -> bool:
    with suppress(OSError):
        status = os.lstat(path)
        there = (status.st_size, status.st_mtime_ns)
        return stat.S_ISREG(status.st_mode) and there != (size, mtime) and there[0] == size
    return False


def requests(wanted: list[Wanted]) -> list[list[Wanted]]:
    """Put together in their order; neither too many bytes nor too many files in one."""
    made: list[list[Wanted]] = []
    size = 0
    for each in wanted:
        if not made or size + each.length > _PIECE or len(made[-1]) >= _FILES:
            made.append([])
            size = 0
        made[-1].append(each)
        size += each.length
    return made


def write(descriptor: int, data: memoryview, offset: int) -> None:
    while data:
        many = os.pwrite(descriptor, data, offset)
        data, offset = data[many:], offset + many


class Stream:
    """One process's share: takes the next request there is, until there is none."""

    def __init__(self, task: dict[str, Any], asked: list[list[Wanted]], shared: Any) -> None:
        self._task, self._requests, self._shared = task, asked, shared
        self._line = Line(task["config"], task["source"])
        self._tree = Tree(task["target"])
        self._journal = Journal(task["journal"])
        self._rate = 0.0

    def run(self) -> None:
        under_way: deque[list[Wanted]] = deque()
        self._ask(under_way)
        began = time.monotonic()
        while under_way:
            told, body = self._line.hear(self._task["limit"])
            now = time.monotonic()
            rate = len(body) / max(now - began, 1e-6)
            self._rate = 0.7 * self._rate + 0.3 * rate if self._rate else rate
            began = now
            wanted = under_way.popleft()
            self._ask(under_way)
            self._take(wanted, told, body)
        self._line.close()

    def _ask(self, under_way: deque[list[Wanted]]) -> None:
        ahead = 1 if self._task["limit"] else _AHEAD
        while len(under_way) < ahead:
            with self._shared["next"].get_lock():
                number = self._shared["next"].value
                self._shared["next"].value += 1
            if number >= len(self._requests):
                return
            wanted = self._requests[number]
            self._line.ask({"read": [each[:5] for each in wanted], "rate": self._rate})
            under_way.append(wanted)

    def _take(self, wanted: list[Wanted], told: dict[str, Any], body: bytes) -> None:
        data = memoryview(zlib.decompress(body) if told["packed"] else body)
        files = written = 0
        for number, each in enumerate(wanted):
            where = told["parts"][number]
            if where is None:
                continue
            many = sum(length for _, length in where)
            if self._put(each, where, data[:many]):
                files += each.offset == 0
                written += many
            data = data[many:]
        for name, value in (("files", files), ("bytes", written)):
            with self._shared[name].get_lock():
                self._shared[name].value += value

    def _put(self, wanted: Wanted, where: list[list[int]], data: memoryview) -> bool:
        try:
            descriptor = (self._tree.create if wanted.alone else self._tree.again)(wanted.name)
        except OSError as error:
            if error.errno in _LEFT_TO_RSYNC:
                return False
            raise
        try:
            for offset, length in where:
                write(descriptor, data[:length], offset)
                data = data[length:]
            if wanted.alone:
                if where != [[0, wanted.size]]:
                    os.ftruncate(descriptor, wanted.size)
                os.utime(descriptor, ns=(wanted.mtime, wanted.mtime))
        finally:
            os.close(descriptor)
        if not wanted.alone:
            self._journal.note(wanted.name, wanted.offset)
        return True


def begin(wanted: list[Wanted], tree: Tree, journal: Journal) -> None:
    """Large files as holes of their size, for their pieces come in any order."""
    for each in wanted:
        if each.alone or each.name in journal.begun:
            continue
        try:
            descriptor = tree.create(each.name)
        except OSError as error:
            if error.errno in _LEFT_TO_RSYNC:
                continue
            raise
        with open(descriptor, "wb") as file:
            file.truncate(each.size)
        journal.note(each.name, each.size, each.mtime)
        journal.begun[each.name] = (each.size, each.mtime)


def finish(target: str, begun: dict[str, tuple[int, int]], there: dict[str, set[int]]) -> None:
    """Large files of which every piece is there get their time, and are known to be whole by it."""
    for name, (size, mtime) in begun.items():
        if set(range(0, size, _PIECE)) <= there.get(name, set()):
            path = os.path.join(target, name) if name else target
            with suppress(OSError):
                os.utime(path, ns=(mtime, mtime), follow_symlinks=False)


def work(task: dict[str, Any], asked: list[list[Wanted]], shared: Any, parent: int) -> None:
    """In a process of its own, which ends with the one that began it."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)
    try:
        Stream(task, asked, shared).run()
    except ConnectionError as error:
        print(f"a stream ended early: {error}", flush=True)
        sys.exit(_ENDED_EARLY)
    except OSError as error:
        fail(str(error))


def listing(task: dict[str, Any]) -> tuple[list[list[Any]], float]:
    """What there is at the source, and the seconds that a question takes to get there."""
    line = Line(task["config"], task["source"])
    try:
        distances = []
        for _ in range(4):  # the first one waits for the login, too
            began = time.monotonic()
            line.ask({"read": [], "rate": 0})
            line.hear()
            distances.append(time.monotonic() - began)
        line.ask({"list": task["exclude"]})
        return json.loads(zlib.decompress(line.hear()[1])), min(distances)
    finally:
        line.close()


def streamed(
    task: dict[str, Any], asked: list[list[Wanted]], total: int, streams: int
) -> tuple[bool, dict[str, Any]]:
    """Whether every stream came to its end, and what they brought."""
    forked = multiprocessing.get_context("fork")
    shared = {name: forked.Value("q", 0) for name in ("next", "files", "bytes")}
    running = [
        forked.Process(target=work, args=(task, asked, shared, os.getpid()))
        for _ in range(min(streams, len(asked)))
    ]
    for process in running:
        process.start()
    waiting = {process.sentinel for process in running}
    while waiting:
        waiting -= {each for each in wait(list(waiting), timeout=0.5) if isinstance(each, int)}
        print("homeport-progress:", shared["bytes"].value, total, flush=True)
    for process in running:
        process.join()
    if any(process.exitcode not in (0, _ENDED_EARLY) for process in running):
        sys.exit(1)  # the stream has said why
    moved = {"items": shared["files"].value, "bytes": shared["bytes"].value}
    return all(process.exitcode == 0 for process in running), moved


def fill(task: dict[str, Any]) -> dict[str, Any]:
    """Where the source is not reached nothing is said: rsync will say it better."""
    try:
        listed, distance = listing(task)
    except ConnectionError:
        return {"items": 0, "bytes": 0}
    target, journal = task["target"], Journal(task["journal"])
    far = distance > _FAR_SECONDS
    wanted = list(missing(target, sooner_here(listed, far), journal))
    total, whole, moved = sum(each.length for each in wanted), True, {"items": 0, "bytes": 0}
    if total >= _FEW or journal.begun:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        begin(wanted, Tree(target), journal)
        most = 1 if task["limit"] else _FAR if far else _NEAR
        streams = min(most, 1 + total // _SHARE)
        whole, moved = streamed(task, requests(wanted), total, streams)
        finish(target, journal.begun, Journal(task["journal"]).there)
    if whole:
        os.rename(task["journal"], task["journal"] + ".done")
    return moved


def main() -> None:
    task = json.load(sys.stdin)
    try:
        result = fill(task)
    except OSError as error:
        fail(str(error))
    text = base64.b64encode(json.dumps(result).encode()).decode()
    print("homeport-result:", text)


if __name__ == "__main__":
    main()
