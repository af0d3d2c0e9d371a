"""A file or a tree of another guest, brought here by rsync over SSH.

rsync knows links, holes, attributes and odd names, moves of a changed file what changed, and
goes on in a file where it was cut off (what has arrived is compared by its checksums first).
Owners go by their names where both guests know them, by number otherwise: the same service
may have another number here.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from typing import Any, NoReturn

_PROGRESS = re.compile(r"\s*([0-9]+)\s+([0-9]+)%")
_FILES = re.compile(r"Number of regular files transferred: ([0-9]+)")
_LITERAL = re.compile(r"Literal data: ([0-9]+)")
_GONE = 24
"""rsync's status for files that vanished while it read the tree: a live application's habit."""
_SILENT_SECONDS = 120


def fail(why: str) -> NoReturn:
    print(why, file=sys.stderr, flush=True)
    sys.exit(1)


def pattern(path: str) -> str:
    """An exclude pattern that matches this path below the top and nothing else. rsync takes a
    backslash for itself only where the pattern has a wildcard in it."""
    if any(sign in path for sign in "*?["):
        path = re.sub(r"([*?\[\\])", r"\\\1", path)
    return f"/{path}"


def words(task: dict[str, Any]) -> list[str]:
    source, target = task["source"], task["target"]
    if task["tree"]:
        source, target = f"{source}/", f"{target}/"
    command = ["rsync", "--archive", "--hard-links", "--acls", "--xattrs", "--sparse", "--inplace"]
    command += ["--modify-window=-1"]  # times are the same to the nanosecond, or they are not
    # The source sees the path as an argument, and compares it with what it lets out.
    command += ["--delete", "--no-protect-args"] if task["tree"] else ["--no-protect-args"]
    command += ["--no-human-readable", "--info=progress2,stats2", f"--timeout={_SILENT_SECONDS}"]
    command += [f"--rsh=ssh -F {shlex.quote(task['config'])}"]
    command += ["--checksum"] if task["thorough"] else []
    command += [f"--bwlimit={task['limit']}"] if task["limit"] else []
    command += [f"--exclude={pattern(path)}" for path in task["exclude"]]
    return [*command, "--", f"source:{source}", target]


def pull(task: dict[str, Any]) -> dict[str, Any]:
    target = task["target"]
    if task["tree"] is None:
        return {"items": int(remove(target)), "bytes": 0}
    if os.path.lexists(target) and os.path.isdir(target) != task["tree"]:
        remove(target)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    said: list[str] = []
    # Errors go to a file: a live tree gives more of them than a pipe holds while nobody reads it.
    # What is inherited stays open: among it is the guest's lock, held until rsync has ended.
    with (
        tempfile.TemporaryFile("w+", errors="replace") as errors,
        subprocess.Popen(
            words(task),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            errors="replace",
            close_fds=False,
        ) as running,
    ):
        assert running.stdout is not None
        for line in running.stdout:  # a carriage return ends a line, too
            if found := _PROGRESS.match(line):
                done, share = int(found[1]), int(found[2])
                print("homeport-progress:", done, done * 100 // max(share, 1), flush=True)
            else:
                said.append(line)
        running.wait()
        errors.seek(0)
        problem = errors.read().strip()
    if running.returncode not in ((0, _GONE) if task["live"] else (0,)):
        fail(problem[-1200:] or f"rsync ended with status {running.returncode}")
    if not task["live"]:
        os.sync()  # of a pass that is not the last nothing depends on the disk
    text = "".join(said)
    counts = [int(found[1]) if (found := each.search(text)) else 0 for each in (_FILES, _LITERAL)]
    return {"items": counts[0], "bytes": counts[1]}


def remove(path: str) -> bool:
    there = os.path.lexists(path)
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif there:
        os.unlink(path)
    return there


def main() -> None:
    task = json.load(sys.stdin)
    try:
        result = pull(task)
    except OSError as error:
        fail(str(error))
    text = base64.b64encode(json.dumps(result).encode()).decode()
    print("homeport-result:", text)


if __name__ == "__main__":
    main()
