"""What a filling (`programs.fill`) gets at the source: the plain files below one path, in pieces.

Argument: the path, which `programs.sender` has checked. Requests come as lines of JSON:

    {"list": [EXCLUDED, ...]}
    {"read": [[NAME, SIZE, MTIME, OFFSET, LENGTH], ...], "rate": BYTES_PER_SECOND, "key": HEX}
    {"piece": [NAME, SIZE, MTIME, OFFSET, LENGTH], "rate": BYTES_PER_SECOND, "key": HEX}
    {"volume": true}    {"sums": [NUMBER, ...]}    {"blocks": [NUMBER, ...]}

The last three are of a volume (`programs.volume`): its size, and whose it is where it is an image;
the hashes of blocks of a mebibyte; and blocks. There the path itself may be a block device.

Each is answered by a line of JSON that tells the length of what follows; to a read it tells
where the bytes belong, and who may do what with the file, too. A piece goes out while it is read;
behind its bytes comes one more line, for only then is it known whether the file stayed what it
was. Of all bytes of files it tells the sums (`summed`), as they were read. Names lead from the path
downwards, and no link is followed on their way: what is asked for never lies elsewhere. It
writes nothing and runs nothing. A file that is not what the listing said, or has changed too
lately to tell, is not given; rsync brings it afterwards.
"""

from __future__ import annotations

import ctypes
import gc
import grp
import hashlib
import json
import os
import pwd
import stat
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Any, NoReturn

_MOST = 64 << 20
"""Bytes that one request may ask for."""
_CHUNK = 256 << 10
"""Bytes that are read, summed and sent before the next ones are, so that they stay in the
processor's cache. A sum is of so many."""
_SAMPLE = 32 << 10
_RESTS, _FAST = 16, 20e6
"""Requests for which packing is not tried again after it was not worth it, on a line with more
bytes per second than that: trying would cost as much as sending."""
_BLOCK = 1 << 20
_SETTLED, _SETTLED_COARSE = 100_000_000, 2_000_000_000
"""Nanoseconds after which one more write would have given a file another time: clocks of file
systems go by the kernel's ticks, those of old ones by seconds."""
_NOT_KEPT = {"security.selinux"}
"""Given by each guest's own policy."""


class Told:
    """What is answered to a read.

    parts: of each piece, whether all of it is in data, or [offset, length] of what is; None where
    nothing is given. rights: with a file's first piece, which of the kinds it has, as `rights`
    tells them; -1 where that is not to be told.
    """

    def __init__(self) -> None:
        self.parts: list[bool | list[list[int]] | None] = []
        self.rights: list[int] = []
        self.data: list[bytes] = []
        self._kinds: dict[tuple[int, int, int], int] = {}

    def add(self, tree: Tree, asked: list[Any]) -> None:
        """A piece as it is, or None where the file is not as it was listed."""
        try:
            descriptor = tree.open(asked[0])
            try:
                where, found, data = taken(descriptor, *asked[1:])
            finally:
                os.close(descriptor)
        except OSError:
            where, found, data = _NOTHING
        self.parts.append(where)
        self.rights.append(-1 if found is None else self._kinds.setdefault(found, len(self._kinds)))
        self.data.extend(data)

    def head(self) -> dict[str, Any]:
        kinds = [rights(*kind) for kind in self._kinds]
        return {"parts": self.parts, "rights": self.rights, "kinds": kinds}


_NOTHING: tuple[None, None, list[bytes]] = (None, None, [])


def open_crypto() -> Any:
    """OpenSSL 3, which Python's hashlib and ssh use as well; None where it is not to be had."""
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL("libcrypto.so.3")
        library.EVP_Q_mac.restype = ctypes.c_void_p
        return library
    return None


def summed(crypto: Any, key: bytes, data: Any, size: int) -> bytes:
    """Of the first bytes of a buffer: Poly1305 (RFC 8439), which one damage in 2^100 gets past, and
    which takes a seventh of the time of SHA-256. Without a key, for want of OpenSSL at one of the
    ends, it is SHA-256."""
    if not crypto or not key:
        return hashlib.sha256(memoryview(data)[:size]).digest()
    total, many, into = ctypes.c_size_t(size), ctypes.c_size_t(), ctypes.create_string_buffer(16)
    what = (None, b"POLY1305", None, None, None, key, ctypes.c_size_t(len(key)), data, total)
    done = crypto.EVP_Q_mac(*what, into, ctypes.c_size_t(len(into)), ctypes.byref(many))
    if not done:
        raise OSError("OpenSSL has no Poly1305")
    return into.raw


def refuse(why: str) -> NoReturn:
    print(f"homeport: {why}", file=sys.stderr, flush=True)
    sys.exit(1)


class Tree:
    """Files by their names below `top`; a name is empty where the top itself is the file."""

    def __init__(self, top: str) -> None:
        parent, self._name = os.path.split(top)
        self._parent = os.open(parent, os.O_PATH | os.O_DIRECTORY)
        self._directory, self._opened = "", -1

    def open(self, name: str) -> int:
        """A descriptor for reading. OSError where there is no such file."""
        directory, _, last = name.rpartition("/")
        if not name:
            return os.open(self._name, _READING, dir_fd=self._parent)
        if last in _NO_NAMES or "\0" in last:
            refuse_name(name)
        if self._opened < 0 or directory != self._directory:
            self._enter(directory)
        return os.open(last, _READING, dir_fd=self._opened)

    def _enter(self, directory: str) -> None:
        """The directory is kept open for the next file, which most often lies there, too."""
        parts = directory.split("/") if directory else []
        if any(part in _NO_NAMES or "\0" in part for part in parts):
            refuse_name(directory)
        at = os.dup(self._parent)
        for part in [self._name, *parts]:
            try:
                below = os.open(part, _ENTERING, dir_fd=at)
            finally:
                os.close(at)
            at = below
        if self._opened >= 0:
            os.close(self._opened)
        self._directory, self._opened = directory, at


def refuse_name(name: str) -> NoReturn:
    refuse(f"{name!r} is no name below the path that this key opens")


_NO_NAMES = ("", ".", "..")
_READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_ENTERING = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Listing:
    """files: [name, size, mtime] of every regular file; of one with several names the first only,
    for the others are links that rsync makes. directories: [name, mtime, *rights] of each,
    parents first. left: there is more than that."""

    def __init__(self, top: str, exclude: list[str]) -> None:
        self.files: list[list[Any]] = []
        self.directories: list[list[Any]] = []
        self.left = False
        self._top, self._excluded = top, frozenset(exclude)
        self._seen: set[tuple[int, int]] = set()
        status = os.lstat(top)
        if stat.S_ISREG(status.st_mode):
            self.files.append(["", status.st_size, status.st_mtime_ns])
        waiting = [""] if stat.S_ISDIR(status.st_mode) else []
        while waiting:
            directory = waiting.pop()
            try:
                waiting += reversed(self._read(directory))
            except OSError:
                self.left = True  # gone meanwhile

    def told(self) -> dict[str, Any]:
        return {"files": self.files, "directories": self.directories, "left": self.left}

    def _read(self, directory: str) -> list[str]:
        """The directories in this one."""
        path, prefix = os.path.join(self._top, directory), directory and f"{directory}/"
        opened = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            status = os.fstat(opened)
            about = kind(opened, status)
            with os.scandir(opened) as entries:
                ordered = sorted(entries, key=lambda entry: entry.name)
            below = [name for entry in ordered if (name := self._taken(entry, prefix))]
        finally:
            os.close(opened)
        self.left = self.left or about is None
        self.directories.append([directory, status.st_mtime_ns, *(rights(*about) if about else ())])
        return below

    def _taken(self, entry: os.DirEntry[str], prefix: str) -> str:
        """The name of a directory; of anything else none."""
        name = prefix + entry.name
        if name in self._excluded:
            return ""
        if entry.is_dir(follow_symlinks=False):
            return name
        if entry.is_file(follow_symlinks=False):
            with suppress(FileNotFoundError):
                self._add(name, entry.stat(follow_symlinks=False))
        else:
            self.left = True
        return ""

    def _add(self, name: str, status: os.stat_result) -> None:
        node = (status.st_dev, status.st_ino)
        if node not in self._seen:
            self.files.append([name, status.st_size, status.st_mtime_ns])
        if status.st_nlink > 1:
            self.left = True
            self._seen.add(node)


class Volume:
    """The path itself, where it is a device or an image; opened when it is first asked for."""

    def __init__(self, top: str) -> None:
        follow = 0 if top.startswith("/dev/") else os.O_NOFOLLOW
        self._descriptor = os.open(top, os.O_RDONLY | follow | os.O_CLOEXEC)
        status = os.fstat(self._descriptor)
        self._is_device = stat.S_ISBLK(status.st_mode)
        if not self._is_device and not stat.S_ISREG(status.st_mode):
            refuse("this is neither a block device nor an image in a file")
        self._size = os.lseek(self._descriptor, 0, os.SEEK_END)
        self._status = status
        os.posix_fadvise(self._descriptor, 0, 0, os.POSIX_FADV_DONTNEED)

    def about(self) -> dict[str, Any]:
        image = None
        if not self._is_device:
            names = {"user": str(self._status.st_uid), "group": str(self._status.st_gid)}
            with suppress(KeyError):
                names["user"] = pwd.getpwuid(self._status.st_uid).pw_name
                names["group"] = grp.getgrgid(self._status.st_gid).gr_name
            image = {**names, "mode": stat.S_IMODE(self._status.st_mode)}
        return {"size": self._size, "image": image}

    def block(self, number: int) -> bytes:
        length = min(_BLOCK, self._size - number * _BLOCK)
        data = b""
        while len(data) < length:
            part = os.pread(self._descriptor, length - len(data), number * _BLOCK + len(data))
            if not part:
                refuse("the volume became shorter while it was read")
            data += part
        return data


def of_volume(volume: list[Volume], top: str, asked: dict[str, Any]) -> list[bytes]:
    """volume: holds it once it is opened."""
    if "volume" in asked and not os.path.exists(top):
        return [b"null"]
    if not volume:
        volume.append(Volume(top))
    if "volume" in asked:
        return [json.dumps(volume[0].about()).encode()]
    numbers = asked.get("sums") or asked.get("blocks") or []
    if len(numbers) * _BLOCK > _MOST:
        refuse("that is too much for one request")
    blocks = [volume[0].block(number) for number in numbers]
    if "sums" in asked:
        return [" ".join(hashlib.sha256(data).hexdigest() for data in blocks).encode()]
    return blocks


def parts(descriptor: int, offset: int, length: int) -> list[list[int]]:
    """[offset, length] of what is no hole in that piece of the file."""
    found, at, end = [], offset, offset + length
    while at < end:
        try:
            begin = os.lseek(descriptor, at, os.SEEK_DATA)
        except OSError:
            break  # a hole to the file's end
        if begin >= end:
            break
        at = min(os.lseek(descriptor, begin, os.SEEK_HOLE), end)
        found.append([begin, at - begin])
    return found


def taken(
    descriptor: int, size: int, mtime: int, offset: int, length: int
) -> tuple[bool | list[list[int]] | None, tuple[int, int, int] | None, list[bytes]]:
    """Where the bytes belong, what `kind` has with a file's first bytes, and the bytes."""
    before = os.fstat(descriptor)
    if not is_listed(before, size, mtime):
        return _NOTHING
    whole = before.st_blocks * 512 >= size
    where = [[offset, length]] if whole else parts(descriptor, offset, length)
    data = [os.pread(descriptor, many, at) for at, many in where]
    if [len(each) for each in data] != [many for _, many in where]:
        return _NOTHING
    if not is_settled(descriptor, before):
        return _NOTHING
    return whole or where, kind(descriptor, before) if offset == 0 else None, data


def is_listed(status: os.stat_result, size: int, mtime: int) -> bool:
    told = (status.st_size, status.st_mtime_ns)
    return told == (size, mtime) and stat.S_ISREG(status.st_mode)


def is_settled(descriptor: int, before: os.stat_result) -> bool:
    """Whether what was read since is what the file had then."""
    changed = before.st_ctime_ns
    settled = _SETTLED if changed % 1_000_000_000 else _SETTLED_COARSE
    is_old = time.time_ns() - changed >= settled
    return is_old and os.fstat(descriptor).st_ctime_ns == changed


def kind(descriptor: int, status: os.stat_result) -> tuple[int, int, int] | None:
    """Mode, user and group. None where there is more to it (attributes, access control lists):
    rsync brings these together."""
    try:
        if set(os.listxattr(descriptor)) - _NOT_KEPT:
            return None
    except OSError:
        pass  # a file system without any
    return stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid


def rights(mode: int, uid: int, gid: int) -> list[Any]:
    """[mode, number and name of the user, number and name of the group]; "" for no name."""
    return [mode, uid, user(uid), gid, group(gid)]


@lru_cache(None)
def user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return ""


@lru_cache(None)
def group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return ""


def worth_packing(share: float, speed: float, rate: float) -> bool:
    """Whether packing ends sooner. share: of the bytes that is left; speed: of packing and
    rate: of the line, both in bytes per second; 0 where a rate is not known yet."""
    return rate > 0 and speed > 0 and 1 / speed + share / rate < 1 / rate


class Packing:
    """Whether bytes are packed is found out by a sample of them, now and then."""

    def __init__(self) -> None:
        self._rests = 0

    def is_worth(self, sample: bytes | memoryview, rate: float) -> bool:
        if rate <= 0 or len(sample) < 512:
            return False
        if self._rests and rate > _FAST:
            self._rests -= 1
            return False
        began = time.perf_counter()
        small = zlib.compress(sample[:_SAMPLE], 1)
        speed = len(sample[:_SAMPLE]) / max(time.perf_counter() - began, 1e-6)
        is_worth = worth_packing(len(small) / len(sample[:_SAMPLE]), speed, rate)
        self._rests = 0 if is_worth else _RESTS
        return is_worth


class Files:
    """What is asked of the files below the top."""

    def __init__(self, top: str) -> None:
        self._tree, self._packing, self._crypto = Tree(top), Packing(), open_crypto()
        self._chunk = bytearray(_CHUNK)
        self._address = (ctypes.c_char * _CHUNK).from_buffer(self._chunk)

    def read(self, asked: dict[str, Any]) -> None:
        if sum(length for *_, length in asked["read"]) > _MOST:
            refuse("that is too much for one request")
        told = Told()
        for each in asked["read"]:
            told.add(self._tree, each)
        body, key = b"".join(told.data), bytes.fromhex(asked["key"])
        head = {**told.head(), "sum": summed(self._crypto, key, body, len(body)).hex()}
        is_packed = self._packing.is_worth(body[:_SAMPLE], asked["rate"])
        answer({**head, "packed": is_packed}, [zlib.compress(body, 1) if is_packed else body])

    def piece(self, asked: dict[str, Any]) -> None:
        name, size, mtime, offset, length = asked["piece"]
        if length > _MOST:
            refuse("that is too much for one request")
        try:
            descriptor = self._tree.open(name)
        except OSError:
            answer({"parts": None}, [])
            return
        try:
            status = os.fstat(descriptor)
            if is_listed(status, size, mtime):
                self._give(descriptor, status, offset, length, asked)
            else:
                answer({"parts": None}, [])
        finally:
            os.close(descriptor)

    def _give(
        self,
        descriptor: int,
        status: os.stat_result,
        offset: int,
        length: int,
        asked: dict[str, Any],
    ) -> None:
        whole = status.st_blocks * 512 >= status.st_size
        where = [[offset, length]] if whole else parts(descriptor, offset, length)
        about = kind(descriptor, status) if offset == 0 else None
        head: dict[str, Any] = {"parts": where, "rights": rights(*about) if about else None}
        sample = os.pread(descriptor, _SAMPLE, where[0][0]) if where and asked["rate"] else b""
        packer = zlib.compressobj(1) if self._packing.is_worth(sample, asked["rate"]) else None
        packed: list[bytes] = []
        key, sums, is_whole = bytes.fromhex(asked["key"]), [], True
        if not packer:
            answer({**head, "packed": False}, [], sum(many for _, many in where))
        for at, many in chunks(where):
            view = memoryview(self._chunk)[:many]
            is_whole = os.preadv(descriptor, [view], at) == many and is_whole
            sums.append(summed(self._crypto, key, self._address, many))
            if packer:
                packed.append(packer.compress(view))
                continue
            while view:
                view = view[os.write(1, view) :]
        if packer:
            answer({**head, "packed": True}, [*packed, packer.flush()])
        is_whole = is_whole and is_settled(descriptor, status)
        answer({"kept": is_whole, "sum": b"".join(sums).hex()}, [])


def chunks(where: list[list[int]]) -> Iterator[tuple[int, int]]:
    """Offset and length of each in turn."""
    for begin, length in where:
        for at in range(begin, begin + length, _CHUNK):
            yield at, min(_CHUNK, begin + length - at)


def answer(head: dict[str, Any], body: list[bytes], following: int = 0) -> None:
    """following: bytes that the caller sends behind it."""
    head["length"] = following or sum(map(len, body))
    out = sys.stdout.buffer
    out.write(b"".join([json.dumps(head).encode(), b"\n", *body]))
    out.flush()


def main() -> None:
    top = sys.argv[1]
    gc.disable()  # there are no cycles, and looking for them takes a third of the time
    try:
        files = Files(top)
        volume: list[Volume] = []
        for line in sys.stdin.buffer:
            asked = json.loads(line)
            if "list" in asked:
                text = json.dumps(Listing(top, asked["list"]).told()).encode()
                answer({}, [zlib.compress(text, 1)])
                continue
            if asked.keys() & {"volume", "sums", "blocks"}:
                answer({}, of_volume(volume, top, asked))
                continue
            if "piece" in asked:
                files.piece(asked)
            else:
                files.read(asked)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        refuse(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
