"""The first bringing over of many bytes: plain files that the target does not have at all.

Several connections ask the source's `programs.reader` for pieces, each for the next one while
the last is under way, so that neither a long line nor one core is the limit. What arrives are
directories and plain files with their times, owners and rights, and no more. Whatever else there
is, a file that changes meanwhile, one with attributes, a link, an odd one or a refused connection
is left to rsync (`programs.pull`), which follows at once where there is anything of that sort, and
before the move's end in any case. So nothing is lost by what is not brought here.

All is verified on its way: the source tells a sum of the bytes as it read them, and here they are
read back from the file that they were written to. What is not the same is thrown away, and rsync
brings it.

A file larger than a piece gets its time when all its pieces are there; which are is written to
a journal, by which a filling that was killed goes on. The journal holds as long as the guest is
up: after a crash of the guest nobody knows what reached the disk.
"""

from __future__ import annotations

import base64
import ctypes
import errno
import fcntl
import gc
import grp
import hashlib
import json
import multiprocessing
import os
import pwd
import signal
import stat
import subprocess
import sys
import time
import zlib
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from multiprocessing.connection import wait
from typing import Any, Literal, NamedTuple, NoReturn

_PIECE = 4 << 20
_AHEAD = 3
"""Pieces that a stream has asked for and not written: with the piece that is being written,
one of 16 MiB in all is what a kill costs it."""
_SMALL, _FILES, _TOGETHER = 256 << 10, 512, 1 << 20
"""Bytes up to which a file comes together with others, how many and how much of them at most."""
_CHUNK = 256 << 10
"""As the reader has it: a sum is of so many bytes."""
_NEAR, _FAR = 2, 6
"""Streams at most: for the cores' sake, and for a line on which one waits for its window. Large
files keep two cores busy with each stream, its SSH and its writing; of small ones nearly all the
time is spent by what makes them here."""
_FAR_SECONDS = 0.005
"""There and back."""
_FEW_BYTES, _FEW_FILES = 16 << 20, 2000
"""With less than that rsync alone is sooner done; twice that is worth one more login."""
_LEFT_TO_RSYNC = (errno.EEXIST, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP)
"""Something else stands where the file should go, or where its directory should."""
_PR_SET_PDEATHSIG = 1
_F_SETPIPE_SZ = 1031
"""fcntl(2); Python has a name for it since 3.10."""
_NO_NAMES = ("", ".", "..")
_CREATING, _NO_LINK = os.O_RDWR | os.O_CREAT | os.O_EXCL, os.O_NOFOLLOW | os.O_CLOEXEC
_COUNTS = ("items", "bytes", "left")
_ENDED_EARLY = 3
"""Status of a stream whose connection broke: the others, and rsync, bring the rest."""


class Rights(NamedTuple):
    mode: int
    uid: int
    gid: int


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


def open_crypto() -> Any:
    """OpenSSL 3, which Python's hashlib and ssh use as well; None where it is not to be had."""
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL("libcrypto.so.3")
        library.EVP_Q_mac.restype = ctypes.c_void_p
        return library
    return None


def summed(crypto: Any, key: bytes, data: Any, size: int) -> bytes:
    """As the reader has it."""
    if not crypto or not key:
        return hashlib.sha256(memoryview(data)[:size]).digest()
    total, many, into = ctypes.c_size_t(size), ctypes.c_size_t(), ctypes.create_string_buffer(16)
    what = (None, b"POLY1305", None, None, None, key, ctypes.c_size_t(len(key)), data, total)
    done = crypto.EVP_Q_mac(*what, into, ctypes.c_size_t(len(into)), ctypes.byref(many))
    if not done:
        raise OSError("OpenSSL has no Poly1305")
    return into.raw


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

    def hear(self) -> dict[str, Any]:
        """The next line. ConnectionError where it ended."""
        assert self.process.stdout is not None
        head = self.process.stdout.readline()
        if not head.endswith(b"\n"):
            raise ConnectionError("the source's end is gone")
        told: dict[str, Any] = json.loads(head)
        return told

    def take(self, into: memoryview, limit: int = 0) -> None:
        """Bytes that follow it. limit: KiB per second, or 0. ConnectionError where it ended."""
        assert self.process.stdout is not None
        while into:
            part = into[: limit * 128] if limit else into
            if self.process.stdout.readinto(part) != len(part):  # type: ignore[attr-defined]
                raise ConnectionError("the source's end is gone")
            if limit:
                time.sleep(len(part) / (limit * 1024))
            into = into[len(part) :]

    def let_go(self) -> None:
        """It ends when every process has let go of it."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with suppress(OSError):
            self.process.stdin.close()
        self.process.stdout.close()


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
    """Files below the target. No link is followed, for one may stand where the source has a
    directory, and no name leads elsewhere, whatever the source says."""

    def __init__(self, top: str) -> None:
        self._parent, self._name = os.path.split(top)
        self._directory, self._opened = "", -1

    def create(self, name: str, mode: int = 0o600) -> int:
        """FileExistsError where there is something; OSError where there is no place for it."""
        return self._open(name, _CREATING, mode)

    def again(self, name: str) -> int:
        return self._open(name, os.O_RDWR)

    def remove(self, name: str) -> None:
        """A file that was created before."""
        os.close(self._open(name, os.O_PATH))
        if name:
            os.unlink(name.rpartition("/")[2], dir_fd=self._opened)
        else:
            os.unlink(os.path.join(self._parent, self._name))

    def directory(self, name: str) -> int:
        """Made where there is none."""
        self._enter(name)
        return os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._opened)

    def _open(self, name: str, flags: int, mode: int = 0o600) -> int:
        directory, _, last = name.rpartition("/")
        flags |= _NO_LINK
        if not name:
            return os.open(os.path.join(self._parent, self._name), flags, mode)
        if last in _NO_NAMES:
            refuse(name)
        if self._opened < 0 or directory != self._directory:
            self._enter(directory)
        return os.open(last, flags, mode, dir_fd=self._opened)

    def _enter(self, directory: str) -> None:
        parts = directory.split("/") if directory else []
        if any(part in _NO_NAMES for part in parts):
            refuse(directory)
        at = os.open(self._parent, os.O_PATH | os.O_DIRECTORY)
        for part in [self._name, *parts]:
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


def refuse(name: str) -> NoReturn:
    fail(f"the source has {name!r} among its files, which is no name below the target")


def missing(target: str, listed: list[list[Any]], journal: Journal) -> Iterator[Wanted]:
    """The pieces that are to come. What is there already, whatever it is, is left to rsync."""
    anything = os.path.lexists(target)
    for name, size, mtime in listed:
        path = os.path.join(target, name) if name else target
        begun = journal.begun.get(name) == (size, mtime) and unfinished(path, size, mtime)
        if not begun:
            journal.forget(name)
            if anything and os.path.lexists(path):
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
    """Small ones put together in their order, neither too many bytes nor too many files; a larger
    one alone."""
    made: list[list[Wanted]] = []
    size, is_full = 0, True
    for each in wanted:
        if is_full or is_large(each) or size + each.length > _TOGETHER:
            made.append([])
            size = 0
        made[-1].append(each)
        size += each.length
        is_full = is_large(each) or len(made[-1]) == _FILES
    return made


def near(asked: list[list[Wanted]]) -> int:
    """Streams that are worth it on this machine, on a short line."""
    cores, large = len(os.sched_getaffinity(0)), sum(is_large(each[0]) for each in asked)
    return max(min(_NEAR, cores // 2 if 2 * large > len(asked) else cores), 1)


def is_large(wanted: Wanted) -> bool:
    return wanted.length > _SMALL or not wanted.alone


def write(descriptor: int, data: memoryview, offset: int) -> None:
    """And read back, in the same place."""
    size = len(data)
    at = os.pwrite(descriptor, data, offset) if size else 0
    while at < size:
        at += os.pwrite(descriptor, data[at:], offset + at)
    if os.preadv(descriptor, [data], offset) != size:
        raise OSError(errno.EIO, "less can be read than was written")


def chunks(where: list[list[int]]) -> Iterator[tuple[int, int]]:
    """Offset and length of each in turn."""
    for begin, length in where:
        for at in range(begin, begin + length, _CHUNK):
            yield at, min(_CHUNK, begin + length - at)


def give(descriptor: int, rights: Rights) -> None:
    """As far as they are others: to look costs less than to set them."""
    mode, uid, gid = rights
    status = os.fstat(descriptor)
    if (status.st_uid, status.st_gid) != (uid, gid):
        os.fchown(descriptor, uid, gid)  # first: it takes the set-user-ID bit away
        os.fchmod(descriptor, mode)
    elif stat.S_IMODE(status.st_mode) != mode:
        os.fchmod(descriptor, mode)


def made_with(rights: Rights | None) -> int:
    """The mode to make a file with: what it shall have, where nobody else is to own it. Until its
    owner has it, or where it waits for rsync, it is closed."""
    if rights is None or rights[1:] != (os.geteuid(), os.getegid()):
        return 0o600
    return rights.mode & 0o777


def attainable(told: list[Any]) -> Rights | None:
    """What the source's are here, by what rsync goes by: names before numbers. None where they
    are not to be had, for only root may give a file away: it stays closed to others until rsync
    has made of it what it can."""
    mode, *owners = told
    wanted = Rights(mode, user(*owners[:2]), group(*owners[2:]))
    ours = os.geteuid() == 0 or wanted[1:] == (os.geteuid(), os.getegid())
    return wanted if ours else None


@lru_cache(None)
def user(number: int, name: str) -> int:
    """Here: by the name where both sides have one, but for root."""
    try:
        return pwd.getpwnam(name).pw_uid if number and name else number
    except KeyError:
        return number


@lru_cache(None)
def group(number: int, name: str) -> int:
    try:
        return grp.getgrnam(name).gr_gid if number and name else number
    except KeyError:
        return number


class Stream:
    """One process's share: takes the next request there is, until there is none."""

    def __init__(
        self, task: dict[str, Any], line: Line, asked: list[list[Wanted]], shared: Any
    ) -> None:
        self._task, self._line, self._requests, self._shared = task, line, asked, shared
        self._tree = Tree(task["target"])
        self._journal = Journal(task["journal"])
        self._crypto, self._key = open_crypto(), bytes.fromhex(task["key"])
        buffer = bytearray(_TOGETHER)
        self._buffer = memoryview(buffer)
        self._address = (ctypes.c_char * len(buffer)).from_buffer(buffer)
        self._rate = 0.0

    def run(self) -> None:
        under_way: deque[list[Wanted]] = deque()
        self._ask(under_way)
        while under_way:
            began = time.monotonic()
            told, wanted = self._line.hear(), under_way.popleft()
            self._ask(under_way)
            if is_large(wanted[0]):
                self._take_piece(wanted[0], told)
            else:
                self._take(wanted, told)
            rate = told["length"] / max(time.monotonic() - began, 1e-6)
            self._rate = 0.7 * self._rate + 0.3 * rate if self._rate else rate
        self._line.let_go()

    def _ask(self, under_way: deque[list[Wanted]]) -> None:
        ahead = 1 if self._task["limit"] else _AHEAD
        while len(under_way) < ahead:
            with self._shared["next"].get_lock():
                number = self._shared["next"].value
                self._shared["next"].value += 1
            if number >= len(self._requests):
                return
            wanted = self._requests[number]
            pieces = [each[:5] for each in wanted]
            what = {"piece": pieces[0]} if is_large(wanted[0]) else {"read": pieces}
            self._line.ask({**what, "rate": self._rate, "key": self._task["key"]})
            under_way.append(wanted)

    def _take_piece(self, wanted: Wanted, told: dict[str, Any]) -> None:
        where = told["parts"]
        if where is None:
            self._count(0, 0, 1)
            return
        rights = attainable(told["rights"]) if told["rights"] else None
        descriptor = self._opened(wanted)
        try:
            sums = b"".join(self._brought(descriptor, where, told))
            then = self._line.hear()
            is_same = descriptor >= 0 and then["kept"] and then["sum"] == sums.hex()
            if is_same:
                finish_file(descriptor, wanted, where, rights)
        finally:
            if descriptor >= 0:
                os.close(descriptor)
        if is_same and not wanted.alone:
            self._journal.note(wanted.name, wanted.offset)
        if descriptor >= 0 and wanted.alone and not is_same:
            self._tree.remove(wanted.name)
        is_done = is_same and (rights is not None or wanted.offset > 0)
        self._count(wanted.offset == 0, sum(many for _, many in where), not is_done)

    def _brought(
        self, descriptor: int, where: list[list[int]], told: dict[str, Any]
    ) -> Iterator[bytes]:
        """The sums of what is in the file, chunk by chunk. descriptor: -1 for nowhere."""
        limit, body = self._task["limit"], memoryview(b"")
        if told["packed"]:
            body = self._unpacked(told["length"])
        for offset, length in chunks(where):
            data = self._buffer[:length]
            if told["packed"]:
                data[:], body = body[:length], body[length:]
            else:
                self._line.take(data, limit)
            if descriptor >= 0:
                write(descriptor, data, offset)
                yield summed(self._crypto, self._key, self._address, length)

    def _unpacked(self, length: int) -> memoryview:
        packed = bytearray(length)
        self._line.take(memoryview(packed), self._task["limit"])
        return memoryview(zlib.decompress(packed))

    def _take(self, wanted: list[Wanted], told: dict[str, Any]) -> None:
        if told["packed"]:
            body = self._unpacked(told["length"])
            length = len(body)
            self._buffer[:length] = body
        else:
            length = min(told["length"], _TOGETHER)
            self._line.take(self._buffer[:length], self._task["limit"])
        files = written = left = begun = 0
        made: list[str] = []
        kinds = [*map(attainable, told["kinds"]), None]  # the last one by the number -1
        modes = [*map(made_with, kinds)]
        for each, where, number in zip(wanted, told["parts"], told["rights"]):  # noqa: B905 - Python 3.9
            if where is None:
                left += 1
                continue
            size = each.size if where is True else sum([many for _, many in where])
            data = self._buffer[begun : begun + size]
            begun += size
            try:
                descriptor = self._tree.create(each.name, modes[number])
            except OSError as error:
                if error.errno not in _LEFT_TO_RSYNC:
                    raise
                left += 1
                continue
            made.append(each.name)
            rights = kinds[number]
            put(descriptor, each, where, rights, data)
            left += rights is None
            files += 1
            written += size
        if summed(self._crypto, self._key, self._address, length).hex() != told["sum"]:
            for name in made:
                self._tree.remove(name)
            files, left = 0, len(wanted)
        self._count(files, written, left)

    def _count(self, *counts: int) -> None:
        for name, value in zip(_COUNTS, counts):  # noqa: B905 - Python 3.9
            with self._shared[name].get_lock():
                self._shared[name].value += value

    def _opened(self, wanted: Wanted) -> int:
        """-1 where something else stands in its way."""
        try:
            return (self._tree.create if wanted.alone else self._tree.again)(wanted.name)
        except OSError as error:
            if error.errno in _LEFT_TO_RSYNC:
                return -1
            raise


def put(
    descriptor: int,
    wanted: Wanted,
    where: Literal[True] | list[list[int]],
    rights: Rights | None,
    data: memoryview,
) -> None:
    """A file that came with others, as it shall be. where: True for all of it, or where the data
    belong. Closes the descriptor."""
    try:
        if where is True:
            write(descriptor, data, 0)
            where = [[0, wanted.size]]
        else:
            for offset, length in where:
                write(descriptor, data[:length], offset)
                data = data[length:]
        finish_file(descriptor, wanted, where, rights)
    finally:
        os.close(descriptor)


def finish_file(
    descriptor: int, wanted: Wanted, where: list[list[int]], rights: Rights | None
) -> None:
    if wanted.alone:
        if where != [[0, wanted.size]]:
            os.ftruncate(descriptor, wanted.size)
        os.utime(descriptor, ns=(wanted.mtime, wanted.mtime))
    if rights:
        give(descriptor, rights)


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


def finish(target: str, journal: Journal) -> bool:
    """Large files of which every piece is there get their time, and are known to be whole by it.
    Whether that is all of them."""
    is_all = True
    for name, (size, mtime) in journal.begun.items():
        if set(range(0, size, _PIECE)) <= journal.there.get(name, set()):
            path = os.path.join(target, name) if name else target
            with suppress(OSError):
                os.utime(path, ns=(mtime, mtime), follow_symlinks=False)
        else:
            is_all = False
    return is_all


def furnish(tree: Tree, directories: list[list[Any]]) -> bool:
    """What directories are, once all is in them. Whether rsync has nothing to do with any."""
    is_all = True
    for name, mtime, *told in reversed(directories):
        rights = attainable(told) if told else None
        try:
            descriptor = tree.directory(name)
        except OSError as error:
            if error.errno not in _LEFT_TO_RSYNC:
                raise
            is_all = False
            continue
        try:
            if rights:
                give(descriptor, rights)
            is_all = is_all and rights is not None
            os.utime(descriptor, ns=(mtime, mtime))
        finally:
            os.close(descriptor)
    return is_all


def work(task: dict[str, Any], lines: list[Line], number: int, asked: Any, shared: Any) -> None:
    """In a process of its own, which ends with the one that began it."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    parent = multiprocessing.parent_process()
    if parent is None or os.getppid() != parent.pid:
        sys.exit(1)  # it had ended before
    os.umask(0)  # files are made with the rights that they shall have
    line = lines.pop(number)
    for other in lines:
        other.let_go()
    try:
        Stream(task, line, asked, shared).run()
    except ConnectionError as error:
        print(f"a stream ended early: {error}", flush=True)
        sys.exit(_ENDED_EARLY)
    except OSError as error:
        fail(str(error))


def acquainted(line: Line) -> tuple[float, str]:
    """Seconds that a question takes to get there and back; the key for the sums, empty where one
    of the ends has no OpenSSL for it."""
    taken, key = [], os.urandom(32).hex() if open_crypto() else ""
    for _ in range(3):  # the first one waits for the login, too; a busy machine delays any
        began = time.monotonic()
        line.ask({"read": [], "rate": 0, "key": key})
        told = line.hear()
        taken.append(time.monotonic() - began)
        if told["sum"] == hashlib.sha256().hexdigest():
            key = ""
    return min(taken), key


def listing(line: Line, exclude: list[str]) -> dict[str, Any]:
    line.ask({"list": exclude})
    packed = bytearray(line.hear()["length"])
    line.take(memoryview(packed))
    found: dict[str, Any] = json.loads(zlib.decompress(packed))
    return found


def streamed(
    task: dict[str, Any], asked: list[list[Wanted]], total: int, lines: list[Line]
) -> tuple[bool, dict[str, Any]]:
    """Whether every stream came to its end; what they brought, and how many pieces are left."""
    forked = multiprocessing.get_context("fork")
    shared = {name: forked.Value("q", 0) for name in ("next", *_COUNTS)}
    running = [
        forked.Process(target=work, args=(task, lines, number, asked, shared))
        for number in range(len(lines))
    ]
    for process in running:
        process.start()
    for line in lines:
        line.let_go()
    waiting = {process.sentinel for process in running}
    while waiting:
        waiting -= {each for each in wait(list(waiting), timeout=0.5) if isinstance(each, int)}
        print("homeport-progress:", shared["bytes"].value, total, flush=True)
    for process in running:
        process.join()
    if any(process.exitcode not in (0, _ENDED_EARLY) for process in running):
        sys.exit(1)  # the stream has said why
    moved = {name: shared[name].value for name in _COUNTS}
    return all(process.exitcode == 0 for process in running), moved


def fill(task: dict[str, Any]) -> dict[str, Any]:
    """What came, and whether anything is left to rsync. Where the source is not reached nothing
    is said: rsync will say it better."""
    lines = [Line(task["config"], task["source"])]
    try:
        seconds, key = acquainted(lines[0])
        listed = listing(lines[0], task["exclude"])
    except ConnectionError:
        return {"items": 0, "bytes": 0, "left": True}
    target, journal = task["target"], Journal(task["journal"])
    fresh = is_nothing(target)
    wanted = list(missing(target, listed["files"], journal))
    total, whole = sum(each.length for each in wanted), True
    moved = {"items": 0, "bytes": 0, "left": True}
    worth = total / _FEW_BYTES + len(wanted) / _FEW_FILES
    if worth >= 1 or journal.begun:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        begin(wanted, Tree(target), journal)
        asked = requests(wanted)
        most = 1 if task["limit"] else _FAR if seconds > _FAR_SECONDS else near(asked)
        streams = min(most, len(asked), int(1 + worth / 2))
        lines += [Line(task["config"], task["source"]) for _ in range(1, streams)]
        whole, moved = streamed(task | {"key": key}, asked, total, lines)
        is_all = finish(target, Journal(task["journal"]))
        is_all = furnish(Tree(target), listed["directories"]) and is_all
        moved["left"] = bool(moved["left"] or listed["left"]) or not (fresh and whole and is_all)
    if whole:
        os.rename(task["journal"], task["journal"] + ".done")
    return moved


def is_nothing(path: str) -> bool:
    try:
        return not os.listdir(path)
    except FileNotFoundError:
        return True
    except NotADirectoryError:
        return False


def main() -> None:
    task = json.load(sys.stdin)
    gc.disable()  # there are no cycles, and looking for them takes its time
    try:
        result = fill(task)
    except OSError as error:
        fail(str(error))
    text = base64.b64encode(json.dumps(result).encode()).decode()
    print("homeport-result:", text)


if __name__ == "__main__":
    main()
