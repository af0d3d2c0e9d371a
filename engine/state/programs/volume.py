"""A block volume: a device, or a raw image in a file, block by block.

What is read and compared is content, in blocks of a mebibyte and by their SHA-256; only blocks
that differ are moved and written. A device cannot be replaced by renaming: it is written in
place, from a copy that was verified before, or from the other guest; what was cut off is done
again from what is there. Blocks of zeros stay holes where the volume is an image.

At the source nothing may have the volume open for writing by the last pass, a mounted file system
included: what that still holds in memory is not on the volume. At the target a device that is
mounted is refused.
"""

from __future__ import annotations

import base64
import grp
import hashlib
import json
import os
import pwd
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NoReturn

BLOCK = 1 << 20
_IN_ONE = 16
"""Blocks in one request: 16 MiB are what a kill costs."""
_PART = 64
"""Blocks that are told by one digest."""
_ZEROS = bytes(BLOCK)


def fail(why: str) -> NoReturn:
    print(why, file=sys.stderr, flush=True)
    sys.exit(1)


class Volume:
    """Opened by its path; a link is followed among devices only, whose names are links."""

    def __init__(self, path: str, *, write: bool = False) -> None:
        self.path = path
        follow = 0 if path.startswith("/dev/") else os.O_NOFOLLOW
        access = os.O_RDWR if write else os.O_RDONLY
        self.descriptor = os.open(path, access | follow | os.O_CLOEXEC)
        self.status = os.fstat(self.descriptor)
        self.is_device = stat.S_ISBLK(self.status.st_mode)
        if not self.is_device and not stat.S_ISREG(self.status.st_mode):
            fail(f"{path} is neither a block device nor an image in a file")
        self.size = os.lseek(self.descriptor, 0, os.SEEK_END)
        # Read from the disk, and not what somebody's reading left in memory.
        os.posix_fadvise(self.descriptor, 0, 0, os.POSIX_FADV_DONTNEED)

    def blocks(self) -> Iterator[tuple[int, bytes]]:
        """(number, content); of an image, holes are not read."""
        for number in range((self.size + BLOCK - 1) // BLOCK):
            yield number, self.block(number)

    def block(self, number: int) -> bytes:
        length = min(BLOCK, self.size - number * BLOCK)
        if not self.is_device and self._is_hole(number, length):
            return _ZEROS[:length]
        data = b""
        while len(data) < length:
            part = os.pread(self.descriptor, length - len(data), number * BLOCK + len(data))
            if not part:
                fail(f"{self.path} became shorter while it was read")
            data += part
        return data

    def _is_hole(self, number: int, length: int) -> bool:
        at = number * BLOCK
        try:
            return os.lseek(self.descriptor, at, os.SEEK_DATA) >= at + length
        except OSError:
            return True  # a hole to the file's end

    def write(self, number: int, data: bytes) -> None:
        done = 0
        while done < len(data):
            done += os.pwrite(self.descriptor, data[done:], number * BLOCK + done)

    def close(self) -> None:
        os.close(self.descriptor)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def measure(task: dict[str, Any]) -> dict[str, Any]:
    if not os.path.exists(task["path"]):
        return {"items": 0, "bytes": 0}
    volume = Volume(task["path"])
    held = volume.size if volume.is_device else min(volume.size, volume.status.st_blocks * 512)
    return {"items": (volume.size + BLOCK - 1) // BLOCK, "bytes": held}


def sums(path: str, size: int = 0) -> tuple[int, list[str]]:
    """size: as far as is read of a device, which may be larger than what it holds is."""
    volume = Volume(path)
    if volume.is_device and size:
        volume.size = min(volume.size, size)
    found = []
    for number, data in volume.blocks():
        found.append(digest(data))
        if number % 64 == 63:
            print("homeport-progress:", number * BLOCK, volume.size, flush=True)
    volume.close()
    return volume.size, found


def facts(size: int, found: list[str]) -> dict[str, Any]:
    """The blocks by digests of a part each, so that what differs is told by its place."""
    parts = {
        f"{start} MiB": digest("".join(found[start : start + _PART]).encode())
        for start in range(0, len(found), _PART)
    }
    return {"size": size, "from": parts}


def size(task: dict[str, Any]) -> dict[str, Any]:
    return {"size": Volume(task["path"]).size if os.path.exists(task["path"]) else 0}


def describe(task: dict[str, Any]) -> dict[str, Any]:
    if not os.path.exists(task["path"]):
        return {"items": 0, "bytes": 0, "facts": {"size": 0, "from": {}}}
    total, found = sums(task["path"], task["size"])
    return {"items": len(found), "bytes": total, "facts": facts(total, found)}


def owner(status: os.stat_result) -> dict[str, Any]:
    """Of an image; by name, for the other guest may have another number."""
    names = {"user": str(status.st_uid), "group": str(status.st_gid)}
    with suppress(KeyError):
        names["user"] = pwd.getpwuid(status.st_uid).pw_name
        names["group"] = grp.getgrgid(status.st_gid).gr_name
    return {**names, "mode": stat.S_IMODE(status.st_mode)}


def capture(task: dict[str, Any]) -> dict[str, Any]:
    path, into = task["path"], task["into"]
    if not os.path.exists(path):
        return {"items": 0, "bytes": 0, "absent": True}
    volume = Volume(path)
    copied = []
    with open(into, "wb") as file:
        file.truncate(volume.size)
        for number, data in volume.blocks():
            copied.append(digest(data))
            if any(data):
                file.seek(number * BLOCK)
                file.write(data)
            print("homeport-progress:", number * BLOCK, volume.size, flush=True)
        file.flush()
        os.fsync(file.fileno())
    about = {"size": volume.size, "digest": digest("".join(copied).encode())}
    image = {} if volume.is_device else {"image": owner(volume.status)}
    return {"items": len(copied), "bytes": volume.size, **about, **image}


def verify(task: dict[str, Any]) -> dict[str, Any]:
    wanted = task["captured"]
    if wanted.get("absent"):
        return {}
    if not os.path.exists(task["into"]):
        fail("the copy is gone")
    total, found = sums(task["into"])
    if total != wanted["size"] or digest("".join(found).encode()) != wanted["digest"]:
        fail("the copy is not what was captured; the disk may be damaged")
    return {}


def restore(task: dict[str, Any]) -> dict[str, Any]:
    path, wanted = task["path"], task["captured"]
    if wanted.get("absent"):
        return {"changed": False}  # a volume that there was none of is left alone
    if os.path.exists(path):
        total, found = sums(path, wanted["size"])
        if total == wanted["size"] and digest("".join(found).encode()) == wanted["digest"]:
            return {"changed": False}
    verify(task)
    copy = Volume(task["into"])
    target = writable(path, copy.size, wanted.get("image"))
    for number, data in copy.blocks():
        put(target, number, data)
    finish(target, copy.size, wanted["digest"])
    return {"changed": True}


def writable(path: str, size: int, image: dict[str, Any] | None) -> Volume:
    """The target's volume, as large as is needed: an image is made so, a device is or is not."""
    if path.startswith("/dev/"):
        if not os.path.exists(path):
            fail(f"there is no {path}; attach a volume of {size} bytes to this guest")
        refuse_mounted(path)
    else:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        os.ftruncate(descriptor, size)
        if image:
            os.fchmod(descriptor, image["mode"])
            with suppress(KeyError, PermissionError):
                user, group = pwd.getpwnam(image["user"]), grp.getgrnam(image["group"])
                os.fchown(descriptor, user.pw_uid, group.gr_gid)
        os.close(descriptor)
    volume = Volume(path, write=True)
    if volume.size < size:
        fail(f"{path} has {volume.size} bytes, and {size} are needed; attach a larger volume")
    return volume


def refuse_mounted(path: str) -> None:
    device = os.stat(path).st_rdev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    with open("/proc/self/mountinfo") as file:
        for line in file:
            if line.split()[2] == wanted:
                fail(f"{path} is mounted at {line.split()[4]}; unmount it before it is written")


def put(target: Volume, number: int, data: bytes) -> bool:
    """False where it was so already."""
    if target.block(number) == data:
        return False
    target.write(number, data)
    return True


def finish(target: Volume, size: int, wanted: str) -> None:
    """On the disk, and read back from there as far as the source's size goes."""
    os.fsync(target.descriptor)
    target.close()
    again = Volume(target.path)
    again.size = size
    found = [digest(data) for _, data in again.blocks()]
    if digest("".join(found).encode()) != wanted:
        fail(f"what is read from {target.path} is not what was written; the disk may be damaged")


# --- from the other guest ---------------------------------------------------------------------


class Line:
    """A connection to `programs.reader` at the source."""

    def __init__(self, config: str, source: str) -> None:
        command = ["ssh", "-F", config, "source", "homeport-read", source]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, request: dict[str, Any]) -> bytes:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        head = self.process.stdout.readline()
        if not head.endswith(b"\n"):
            fail("the source's end is gone")
        length = json.loads(head)["length"]
        data = self.process.stdout.read(length)
        if len(data) != length:
            fail("the source's end is gone")
        return data

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def sync(task: dict[str, Any]) -> dict[str, Any]:
    """Blocks that differ come over; each must have the hash that the source told of it, unless
    the source's application is still writing."""
    line = Line(task["config"], task["source"])
    about = json.loads(line.ask({"volume": True}))
    if about is None:
        line.close()
        return {"items": 0, "bytes": 0}
    total = about["size"]
    target = writable(task["path"], total, about["image"])
    wanted: list[str] = []
    count = (total + BLOCK - 1) // BLOCK
    items = moved = 0
    for first in range(0, count, _IN_ONE):
        numbers = list(range(first, min(first + _IN_ONE, count)))
        told = line.ask({"sums": numbers}).decode().split()
        differ = [
            number
            for number, one in zip(numbers, told)  # noqa: B905 - Python 3.9
            if digest(target.block(number)[: total - number * BLOCK]) != one
        ]
        data = line.ask({"blocks": differ}) if differ else b""
        for number in differ:
            length = min(BLOCK, total - number * BLOCK)
            block, data = data[:length], data[length:]
            if digest(block) != told[number - first] and not task["live"]:
                fail(f"block {number} changed at the source while it was read; who writes to it?")
            target.write(number, block)
            items += 1
            moved += length
        wanted += told
        print("homeport-progress:", first * BLOCK, total, flush=True)
    line.close()
    if task["live"]:
        target.close()
    else:
        finish(target, total, digest("".join(wanted).encode()))
    return {"items": items, "bytes": moved}


def main() -> None:
    task = json.load(sys.stdin)
    verbs = {
        "measure": measure,
        "size": size,
        "capture": capture,
        "verify": verify,
        "restore": restore,
    }
    try:
        result = (verbs | {"describe": describe, "sync": sync})[task["verb"]](task)
    except OSError as error:
        fail(str(error))
    text = base64.b64encode(json.dumps(result).encode()).decode()
    for start in range(0, len(text), 1000):
        print("homeport-result:", text[start : start + 1000])


if __name__ == "__main__":
    main()
