"""What is written on a guest between two moments, and by whom.

`mark` notes every file below the root; `hold` notes which processes have files open for
writing; `compare` tells what came and what changed since, as far as it belongs to the user in
question or lies in one of the places in question. Directories count where they are new.
"""

from __future__ import annotations

import base64
import json
import os
import pwd
import stat
import sys
from collections.abc import Iterator
from typing import Any

_NOT_ON_DISK = frozenset(
    {
        *("proc", "sysfs", "devtmpfs", "devpts", "tmpfs", "ramfs", "cgroup", "cgroup2", "mqueue"),
        *("debugfs", "tracefs", "securityfs", "configfs", "fusectl", "bpf", "pstore", "autofs"),
        *("binfmt_misc", "nsfs", "hugetlbfs", "efivarfs", "rpc_pipefs"),
    }
)
_MOST = 20000
_WRITING = 0o3
"""Of the flags in /proc/PID/fdinfo: O_WRONLY or O_RDWR."""


def mounted_elsewhere() -> set[str]:
    with open("/proc/self/mounts") as file:
        fields = [line.split() for line in file]
    return {words[1] for words in fields if words[2] in _NOT_ON_DISK}


def walk(top: str, leave: frozenset[str]) -> Iterator[tuple[str, os.stat_result]]:
    waiting = [top]
    while waiting:
        directory = waiting.pop()
        try:
            found = list(os.scandir(directory))
        except OSError:
            continue  # gone meanwhile
        for entry in found:
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            if entry.path in leave or stat.S_ISSOCK(status.st_mode):
                continue
            yield entry.path, status
            if stat.S_ISDIR(status.st_mode):
                waiting.append(entry.path)


def leave(task: dict[str, Any]) -> frozenset[str]:
    return frozenset(mounted_elsewhere() | {task["desk"]})


def is_directory(status: os.stat_result) -> bool:
    return stat.S_ISDIR(status.st_mode)


def seen(status: os.stat_result) -> str:
    """What is another one once the file was written to; of a directory only that it is there."""
    if is_directory(status):
        return "directory"
    return f"{status.st_ino} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"


def mark(task: dict[str, Any]) -> dict[str, Any]:
    os.makedirs(task["desk"], 0o700, exist_ok=True)
    count = 0
    part = task["desk"] + "/marked.part"
    with open(part, "w", errors="surrogateescape") as file:
        for path, status in walk(task["root"] or "/", leave(task)):
            file.write(json.dumps([path, seen(status)]) + "\n")
            count += 1
    os.replace(part, task["desk"] + "/marked")
    return {"items": count}


def hold(task: dict[str, Any]) -> dict[str, Any]:
    """By path, the names of the programs that write to it."""
    found: dict[str, list[str]] = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm") as file:
                name = file.read().strip()
            for number in os.listdir(f"/proc/{pid}/fd"):
                path = os.readlink(f"/proc/{pid}/fd/{number}")
                if not path.startswith((task["root"] or "") + "/") or not writes(pid, number):
                    continue
                found[path] = sorted({*found.get(path, []), name})
        except OSError:
            continue  # it has ended
    with open(task["desk"] + "/held", "w", errors="surrogateescape") as file:
        json.dump(found, file)
    return {"items": len(found)}


def writes(pid: str, number: str) -> bool:
    with open(f"/proc/{pid}/fdinfo/{number}") as file:
        flags = next(line for line in file if line.startswith("flags:"))
    return bool(int(flags.split()[1], 8) & _WRITING)


def compare(task: dict[str, Any]) -> dict[str, Any]:
    with open(task["desk"] + "/marked", errors="surrogateescape") as file:
        before = dict(map(json.loads, file))
    try:
        with open(task["desk"] + "/held", errors="surrogateescape") as file:
            held = json.load(file)
    except FileNotFoundError:
        held = {}
    found: list[dict[str, Any]] = []
    for path, status in walk(task["root"] or "/", leave(task)):
        if before.get(path) == seen(status):
            continue
        own = any(path == place or path.startswith(place + "/") for place in task["places"])
        if status.st_uid != task["uid"] and not own:
            continue
        if len(found) >= _MOST:
            return {"written": found, "more": True}
        found.append(
            {
                "path": printable(path),
                "bytes": 0 if is_directory(status) else status.st_size,
                "directory": is_directory(status),
                "new": path not in before,
                "by": ", ".join(held.get(path, [])) or f"a program of user {user(status.st_uid)}",
            }
        )
    return {"written": found, "more": False}


def printable(path: str) -> str:
    return path.encode(errors="surrogateescape").decode(errors="replace")


def user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def main() -> None:
    task = json.load(sys.stdin)
    try:
        result = {"mark": mark, "hold": hold, "compare": compare}[task["verb"]](task)
    except OSError as error:
        print(error, file=sys.stderr, flush=True)
        sys.exit(1)
    text = base64.b64encode(json.dumps(result).encode()).decode()
    for start in range(0, len(text), 1000):
        print("homeport-result:", text[start : start + 1000])


if __name__ == "__main__":
    main()
