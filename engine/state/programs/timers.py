"""When timers of systemd last ran: the time of their stamps (systemd.timer(5), `Persistent=`).

A persistent timer that is started looks at its stamp: what it should have done since then it
does once, and what it did it does not do again. A timer without `Persistent=` has no stamp.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from contextlib import suppress
from typing import Any, NoReturn


def fail(why: str) -> NoReturn:
    print(why, file=sys.stderr, flush=True)
    sys.exit(1)


def stamps(task: dict[str, Any]) -> dict[str, int | None]:
    """Timer -> nanoseconds since 1970 of its last run, or None. The task has a name for each that
    is the same wherever the deployment is, and that of its unit here."""
    found: dict[str, int | None] = {}
    for name, unit in task["timers"].items():
        try:
            found[name] = os.stat(stamp(task, unit)).st_mtime_ns
        except FileNotFoundError:
            found[name] = None
    return found


def stamp(task: dict[str, Any], unit: str) -> str:
    return os.path.join(task["directory"], f"stamp-{unit}")


def measure(task: dict[str, Any]) -> dict[str, Any]:
    return {"items": sum(at is not None for at in stamps(task).values()), "bytes": 0}


def describe(task: dict[str, Any]) -> dict[str, Any]:
    return {"items": len(task["timers"]), "bytes": 0, "facts": {"last run": stamps(task)}}


def capture(task: dict[str, Any]) -> dict[str, Any]:
    refuse_running(task)
    found = stamps(task)
    with open(task["into"], "w") as file:
        json.dump(found, file)
        file.flush()
        os.fsync(file.fileno())
    return {"items": len(found), "bytes": os.stat(task["into"]).st_size, "stamps": found}


def verify(task: dict[str, Any]) -> dict[str, Any]:
    try:
        with open(task["into"]) as file:
            kept = json.load(file)
    except (FileNotFoundError, ValueError):
        fail("the copy is gone, or cannot be read")
    if kept != task["captured"]["stamps"]:
        fail("the copy is not what was captured; the disk may be damaged")
    return {}


def restore(task: dict[str, Any]) -> dict[str, Any]:
    """Timers that the copy does not know, or that are no longer there, are left alone."""
    present, kept = stamps(task), task["captured"]["stamps"]
    wanted = {name: kept[name] for name in present if name in kept}
    if all(present[name] == at for name, at in wanted.items()):
        return {"changed": False}
    verify(task)
    refuse_running(task)
    os.makedirs(task["directory"], exist_ok=True)
    for name, at in wanted.items():
        path = stamp(task, task["timers"][name])
        if at is None:
            with suppress(FileNotFoundError):
                os.unlink(path)
            continue
        with open(path, "a"):
            pass
        os.utime(path, ns=(at, at))
    os.sync()
    return {"changed": True}


def refuse_running(task: dict[str, Any]) -> None:
    """A timer that runs would do now what the other side did, and writes its stamp anew."""
    for name in task["timers"].values():
        asked = ["systemctl", "is-active", "--quiet", name]
        if subprocess.run(asked, check=False, capture_output=True).returncode == 0:
            fail(f"{name} runs; name it under the units of the service, so that it is stopped")


def main() -> None:
    task = json.load(sys.stdin)
    verbs = {"measure": measure, "capture": capture, "verify": verify, "restore": restore}
    verbs["describe"] = describe
    try:
        result = verbs[task["verb"]](task)
    except OSError as error:
        fail(str(error))
    text = base64.b64encode(json.dumps(result).encode()).decode()
    for start in range(0, len(text), 1000):
        print("homeport-result:", text[start : start + 1000])


if __name__ == "__main__":
    main()
