"""What a filling (`programs.fill`) gets at the source: the plain files below one path, in pieces.

Argument: the path, which `programs.sender` has checked. Requests come as lines of JSON:

    {"list": [EXCLUDED, ...]}
    {"read": [[NAME, SIZE, MTIME, OFFSET, LENGTH], ...], "rate": BYTES_PER_SECOND}
    {"volume": true}    {"sums": [NUMBER, ...]}    {"blocks": [NUMBER, ...]}

The last three are of a volume (`programs.volume`): its size, and whose it is where it is an image;
the hashes of blocks of a mebibyte; and blocks. There the path itself may be a block device.

Each is answered by a line of JSON that tells the length of what follows. Names lead from the
path downwards, and no link is followed on their way: what is asked for never lies elsewhere.
It writes nothing and runs nothing. A file that is not what the listing said, or has changed
too lately to tell, is not given; rsync brings it afterwards.
"""

from __future__ import annotations

import contextlib
import grp
import hashlib
import json
import os
import pwd
import stat
import sys
import time
import zlib
from typing import Any, NoReturn

_MOST = 64 << 20
"""Bytes that one request may ask for."""
_SAMPLE = 128 << 10
_BLOCK = 1 << 20
_SETTLED, _SETTLED_COARSE = 100_000_000, 2_000_000_000
"""Nanoseconds after which one more write would have given a file another time: clocks of file
systems go by the kernel's ticks, those of old ones by seconds."""


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
        """A descriptor for reading. OSError where there is no such regular file."""
        *above, last = self._parts(name)
        descriptor = os.open(last, _READING, dir_fd=self._within(above))
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise FileNotFoundError(name)
        return descriptor

    def _parts(self, name: str) -> list[str]:
        parts = name.split("/") if name else []
        if any(part in ("", ".", "..") or "\0" in part for part in parts):
            refuse(f"{name!r} is no name below the path that this key opens")
        return [self._name, *parts]

    def _within(self, above: list[str]) -> int:
        """The directory, kept open for the next file, which most often lies there, too."""
        if not above:
            return self._parent
        wanted = "/".join(above)
        if self._opened < 0 or wanted != self._directory:
            descriptor = os.dup(self._parent)
            for part in above:
                try:
                    below = os.open(part, _ENTERING, dir_fd=descriptor)
                finally:
                    os.close(descriptor)
                descriptor = below
            if self._opened >= 0:
                os.close(self._opened)
            self._directory, self._opened = wanted, descriptor
        return self._opened


_READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_ENTERING = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def listing(top: str, exclude: list[str]) -> list[list[Any]]:
    """[name, size, mtime] of every regular file; of one with several names the first only,
    for the others are links that rsync makes."""
    status = os.lstat(top)
    if stat.S_ISREG(status.st_mode):
        return [["", status.st_size, status.st_mtime_ns]]
    found: list[list[Any]] = []
    seen: set[tuple[int, int]] = set()
    excluded, waiting = frozenset(exclude), [""] if stat.S_ISDIR(status.st_mode) else []
    while waiting:
        directory = waiting.pop()
        try:
            with os.scandir(os.path.join(top, directory)) as entries:
                ordered = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            continue  # gone meanwhile
        below = []
        for entry in ordered:
            name = f"{directory}/{entry.name}" if directory else entry.name
            if name in excluded:
                continue
            if entry.is_dir(follow_symlinks=False):
                below.append(name)
            elif entry.is_file(follow_symlinks=False):
                try:
                    status = entry.stat(follow_symlinks=False)
                except OSError:
                    continue
                node = (status.st_dev, status.st_ino)
                if status.st_nlink == 1 or node not in seen:
                    found.append([name, status.st_size, status.st_mtime_ns])
                if status.st_nlink > 1:
                    seen.add(node)
        waiting += reversed(below)
    return found


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
            with contextlib.suppress(KeyError):
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


def piece(tree: Tree, asked: list[Any]) -> tuple[list[list[int]] | None, list[bytes]]:
    """Where the bytes belong, and the bytes; None where the file is not as it was listed."""
    name, size, mtime, offset, length = asked
    try:
        descriptor = tree.open(name)
    except OSError:
        return None, []
    try:
        before = os.fstat(descriptor)
        coarse = before.st_ctime_ns % 1_000_000_000 == 0
        age = time.time_ns() - before.st_ctime_ns
        if (before.st_size, before.st_mtime_ns) != (size, mtime):
            return None, []
        if age < (_SETTLED_COARSE if coarse else _SETTLED):
            return None, []
        whole = before.st_blocks * 512 >= size
        where = [[offset, length]] if whole else parts(descriptor, offset, length)
        data = [os.pread(descriptor, many, at) for at, many in where if many]
        same = os.fstat(descriptor).st_ctime_ns == before.st_ctime_ns
        if not same or sum(map(len, data)) != sum(many for _, many in where):
            return None, []
        return where, data
    except OSError:
        return None, []
    finally:
        os.close(descriptor)


def worth_packing(share: float, speed: float, rate: float) -> bool:
    """Whether packing ends sooner. share: of the bytes that is left; speed: of packing and
    rate: of the line, both in bytes per second; 0 where a rate is not known yet."""
    return rate > 0 and speed > 0 and 1 / speed + share / rate < 1 / rate


def packed(data: list[bytes], rate: float) -> tuple[bool, list[bytes]]:
    sample = b"".join(data[:64])[:_SAMPLE]
    if rate <= 0 or len(sample) < 512:
        return False, data
    began = time.perf_counter()
    small = zlib.compress(sample, 1)
    speed = len(sample) / max(time.perf_counter() - began, 1e-6)
    if not worth_packing(len(small) / len(sample), speed, rate):
        return False, data
    packer = zlib.compressobj(1)
    return True, [*map(packer.compress, data), packer.flush()]


def answer(head: dict[str, Any], body: list[bytes]) -> None:
    head["length"] = sum(map(len, body))
    out = sys.stdout.buffer
    out.write(json.dumps(head).encode() + b"\n")
    for each in body:
        out.write(each)
    out.flush()


def main() -> None:
    top = sys.argv[1]
    try:
        tree = Tree(top)
        volume: list[Volume] = []
        for line in sys.stdin.buffer:
            asked = json.loads(line)
            if "list" in asked:
                text = json.dumps(listing(top, asked["list"])).encode()
                answer({}, [zlib.compress(text, 1)])
                continue
            if asked.keys() & {"volume", "sums", "blocks"}:
                answer({}, of_volume(volume, top, asked))
                continue
            if sum(length for *_, length in asked["read"]) > _MOST:
                refuse("that is too much for one request")
            pieces = [piece(tree, each) for each in asked["read"]]
            is_packed, body = packed([each for _, data in pieces for each in data], asked["rate"])
            answer({"parts": [where for where, _ in pieces], "packed": is_packed}, body)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        refuse(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
