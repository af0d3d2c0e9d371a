"""A file or a tree of files: measured, copied, listed with all that it has, put back.

GNU tar copies, because it knows hard links, holes, attributes and every odd name; the listing
is our own, so that a copy is not judged by the program that made it. Owners are numbers. What
is excluded is neither copied nor listed, and stays away from a tree that is put back: it is
what the application makes anew. Sockets are left out; they mean nothing without their process.
"""

from __future__ import annotations

import base64
import grp
import hashlib
import json
import os
import pwd
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

_CHUNK = 1 << 20
_KEEP = ("--acls", "--xattrs", "--xattrs-include=*", "--format=posix", "--numeric-owner")
_COPYING, _OLD = ".homeport-restore", ".homeport-replaced"
_NOT_COMPARED = ("security.selinux",)
"""Given by the guest's policy for a place, not by who wrote the file."""


def fail(why: str) -> NoReturn:
    print(why, file=sys.stderr, flush=True)
    sys.exit(1)


def walk(top: str, excluded: frozenset[str]) -> Iterator[tuple[str, str, os.stat_result]]:
    """(name below the top, path, status), parents first, in the order of their names."""
    waiting = [""]
    while waiting:
        name = waiting.pop()
        path = os.path.join(top, name) if name else top
        status = os.lstat(path)
        if stat.S_ISSOCK(status.st_mode):
            continue
        yield name, path, status
        if stat.S_ISDIR(status.st_mode):
            below = (f"{name}/{child}" if name else child for child in os.listdir(path))
            waiting += sorted((child for child in below if child not in excluded), reverse=True)


def attributes(path: str) -> dict[str, str]:
    try:
        names = os.listxattr(path, follow_symlinks=False)
    except OSError:
        return {}
    return {
        name: base64.b64encode(os.getxattr(path, name, follow_symlinks=False)).decode()
        for name in sorted(names)
        if name not in _NOT_COMPARED
    }


def content(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def described(name: str, path: str, status: os.stat_result, named: bool = False) -> dict[str, Any]:
    kind = stat.S_IFMT(status.st_mode)
    entry: dict[str, Any] = {
        "name": name,
        "mode": f"{status.st_mode:o}",
        "owner": named_owner(status) if named else f"{status.st_uid}:{status.st_gid}",
        "mtime": status.st_mtime_ns,
        "attributes": attributes(path),
    }
    if kind == stat.S_IFREG:
        entry |= {"size": status.st_size, "sha256": content(path)}
    elif kind == stat.S_IFLNK:
        entry["target"] = os.readlink(path)
    elif kind in (stat.S_IFBLK, stat.S_IFCHR):
        entry["device"] = status.st_rdev
    return entry


def listing(
    top: str, exclude: list[str], write_to: str = "", named: bool = False
) -> dict[str, Any]:
    """Counts and a digest of all entries; each of them as a line of the file, where asked."""
    digest, items, size = hashlib.sha256(), 0, 0
    first_names: dict[tuple[int, int], str] = {}
    lines = open(write_to, "w") if write_to else None  # noqa: SIM115 - closed below
    try:
        for name, path, status in walk(top, frozenset(exclude)):
            node = (status.st_dev, status.st_ino)
            if not stat.S_ISDIR(status.st_mode) and node in first_names:
                entry: dict[str, Any] = {"name": name, "same as": first_names[node]}
            else:
                first_names[node] = name
                entry = described(name, path, status, named)
                size += entry.get("size", 0)
            line = json.dumps(entry, sort_keys=True) + "\n"
            digest.update(line.encode())
            items += 1
            if lines:
                lines.write(line)
    finally:
        if lines:
            lines.close()
    return {"items": items, "bytes": size, "digest": digest.hexdigest()}


def describe(task: dict[str, Any]) -> dict[str, Any]:
    """What there is, comparable between two guests: owners by name, since numbers differ."""
    path = task["path"]
    if not os.path.lexists(path):
        return {"items": 0, "bytes": 0, "absent": True}
    return listing(path, task["exclude"], task.get("into", ""), named=True)


def named_owner(status: os.stat_result) -> str:
    try:
        user = pwd.getpwuid(status.st_uid).pw_name
    except KeyError:
        user = str(status.st_uid)
    try:
        group = grp.getgrgid(status.st_gid).gr_name
    except KeyError:
        group = str(status.st_gid)
    return f"{user}:{group}"


def measure(path: str, exclude: list[str]) -> dict[str, Any]:
    if not os.path.lexists(path):
        return {"items": 0, "bytes": 0}
    sizes = [max(s.st_size, s.st_blocks * 512) for _, _, s in walk(path, frozenset(exclude))]
    return {"items": len(sizes), "bytes": sum(sizes)}


def copy(source: str, into: str, exclude: list[str], total: int) -> None:
    """The file or tree under its own name in the directory `into`."""
    parent, name = os.path.split(source)
    leave = [f"--exclude=./{name}/{path}" for path in exclude]
    pack = ["tar", "--create", "--file=-", "--sparse", *_KEEP, f"--directory={parent}"]
    pack += ["--anchored", "--no-wildcards", *leave, "--", f"./{name}"]
    unpack = ["tar", "--extract", "--file=-", *_KEEP, "--preserve-permissions"]
    unpack += ["--delay-directory-restore", f"--directory={into}"]
    unpack += ["--same-owner" if os.geteuid() == 0 else "--no-same-owner"]
    with (
        subprocess.Popen(pack, stdout=subprocess.PIPE) as packing,
        subprocess.Popen(unpack, stdin=subprocess.PIPE) as unpacking,
    ):
        assert packing.stdout is not None
        assert unpacking.stdin is not None
        done = 0
        try:
            while chunk := packing.stdout.read(_CHUNK):
                unpacking.stdin.write(chunk)
                done += len(chunk)
                print("homeport-progress:", done, total, flush=True)
            unpacking.stdin.close()
        except BrokenPipeError:
            packing.terminate()
    if unpacking.returncode != 0:
        fail(f"tar could not write everything to {into} (status {unpacking.returncode})")
    if packing.returncode != 0:
        fail(f"files below {source} changed or vanished while they were read")


def differing(recorded: str, top: str, exclude: list[str], named: bool = False) -> str:
    """Names whose entries are not those of the recorded listing, the first few of them."""
    with open(recorded) as file:
        wanted = {json.loads(line)["name"]: line for line in file}
    scratch = recorded + ".now"
    listing(top, exclude, scratch, named)
    with open(scratch) as file:
        found = {json.loads(line)["name"]: line for line in file}
    os.unlink(scratch)
    names = sorted(n for n in wanted.keys() | found.keys() if wanted.get(n) != found.get(n))
    shown = ", ".join(repr(name or ".") for name in names[:5])
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def capture(task: dict[str, Any]) -> dict[str, Any]:
    path, into, exclude = task["path"], task["into"], task["exclude"]
    if not os.path.lexists(path):
        return {"items": 0, "bytes": 0, "absent": True}
    os.mkdir(into, 0o700)
    copy(path, into, exclude, measure(path, exclude)["bytes"])
    return listing(path, exclude, f"{into}.listing")


def verify(task: dict[str, Any]) -> dict[str, Any]:
    wanted, into = task["captured"], task["into"]
    if wanted.get("absent"):
        return {}
    top = os.path.join(into, os.path.basename(task["path"]))
    if not os.path.lexists(top):
        fail("the copy is gone")
    if listing(top, [])["digest"] != wanted["digest"]:
        fail(f"it differs from what was captured at {differing(into + '.listing', top, [])}")
    return {}


def restore(task: dict[str, Any]) -> dict[str, Any]:
    """The tree beside the old one first, checked, then in its place by renaming."""
    path, into, exclude, wanted = task["path"], task["into"], task["exclude"], task["captured"]
    copying, old = path + _COPYING, path + _OLD
    for left in (copying, old):
        remove(left)
    if wanted.get("absent"):
        changed = os.path.lexists(path)
        remove(path)
        return {"changed": changed}
    if os.path.lexists(path) and listing(path, exclude)["digest"] == wanted["digest"]:
        return {"changed": False}
    verify(task)
    os.makedirs(copying, 0o700)
    copy(os.path.join(into, os.path.basename(path)), copying, [], wanted["bytes"])
    fresh = os.path.join(copying, os.path.basename(path))
    if listing(fresh, [])["digest"] != wanted["digest"]:
        fail(f"what was written beside {path} is not what was captured; the disk may be damaged")
    os.sync()
    if os.path.lexists(path):
        os.rename(path, old)
    os.rename(fresh, path)
    for left in (copying, old):
        remove(left)
    return {"changed": True}


def remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def main() -> None:
    task = json.load(sys.stdin)
    try:
        if task["verb"] == "measure":
            result = measure(task["path"], task["exclude"])
        elif task["verb"] == "differing":
            names = differing(task["into"], task["path"], task["exclude"], named=True)
            result = {"names": names}
        elif task["verb"] == "describe":
            result = describe(task)
        else:
            result = {"capture": capture, "verify": verify, "restore": restore}[task["verb"]](task)
    except OSError as error:
        fail(str(error))
    text = base64.b64encode(json.dumps(result).encode()).decode()
    for start in range(0, len(text), 1000):
        print("homeport-result:", text[start : start + 1000])


if __name__ == "__main__":
    main()
