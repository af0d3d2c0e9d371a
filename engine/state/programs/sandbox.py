"""A package's program, as the application's user, in a sandbox made by bubblewrap.

It sees the guest read-only, but for the paths that it may change. Homes, /tmp and /run are
empty, unless something of the deployment lies there; it has processes and, unless it needs the
guest's, a network of its own, and no capability. It ends with this program, when it has printed
too much, and when its time is over. Its lines come out behind its own name, so that none can be
taken for a line of ours; the one that begins with `homeport-result: ` gives its values.
"""

from __future__ import annotations

import base64
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
from typing import Any, NoReturn

_RESULT = b"homeport-result: "
_MOST_LINES = 5000
_LONGEST_LINE = 4000
_MOST_RESULT = 65536
_LAST_LINES = 12
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_EMPTY = ("/tmp", "/var/tmp", "/root", "/home", "/run", "/media", "/mnt", "/srv")
_SOCKETS = ("/run",)
"""Where servers are met without a network."""


def fail(why: str) -> NoReturn:
    print(why, file=sys.stderr, flush=True)
    sys.exit(1)


def is_below(path: str, top: str) -> bool:
    return path == top or path.startswith(top.rstrip("/") + "/")


def seen(task: dict[str, Any], program: str) -> list[str]:
    """Options of bwrap for the file system. Later ones lie over earlier ones."""
    root = task["root"]
    names = [name for name in _EMPTY if not (task["network"] and name in _SOCKETS)]
    words = ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    # A guest that is a directory has its own of these.
    hidden: list[str] = []
    for top in ("", root) if root else ("",):
        here = [top + name for name in names if is_directory(top + name)]
        for path in here:
            words += ["--tmpfs", path]
        if any(is_below(root, path) for path in here):
            words += ["--ro-bind", root, root]
        hidden += here
    programs = [os.path.realpath(sys.base_prefix), os.path.dirname(os.path.dirname(program))]
    for path in (*programs, *task["shown"]):
        if os.path.isdir(path) and any(is_below(path, top) for top in hidden):
            words += ["--ro-bind", path, path]
    for path in task["writes"]:
        words += ["--bind", path, path]
    return words


def is_directory(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)


def command(task: dict[str, Any]) -> list[str]:
    path = os.pathsep.join((*task["path"], _PATH))
    found = shutil.which(task["argv"][0], path=path)
    if found is None:
        fail(f"there is no program {task['argv'][0]} on the guest")
    for name in task["commands"]:
        if shutil.which(name, path=path) is None:
            fail(f"it needs the program {name}, which is not on the guest")
    words = ["bwrap", *seen(task, os.path.realpath(found))]
    words += ["--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try"]
    words = words if task["network"] else without_network(words)
    words += ["--die-with-parent", "--new-session", "--clearenv"]
    environment = {"PATH": path, "HOME": "/tmp", "TMPDIR": "/tmp", "LANG": "C.UTF-8"}
    for name, value in (environment | {"PYTHONUTF8": "1"}).items():
        words += ["--setenv", name, value]
    words += ["--chdir", "/"]
    return [*words, *as_user(task["uid"], task["gid"]), found, *task["argv"][1:]]


def without_network(words: list[str]) -> list[str]:
    """The command of bwrap, with a network of its own in which there is nothing."""
    if os.geteuid() == 0:
        # bubblewrap would set up the loopback, for which root of a container may lack the right.
        return ["unshare", "--net", "--", *words]
    return [*words, "--unshare-net"]


def as_user(uid: int, gid: int) -> list[str]:
    """No capability is left, and none can be had again; not even where the user is root."""
    if os.geteuid() != 0:
        return ["--cap-drop", "ALL", "--"]
    if uid == 0:
        return ["--unshare-user", "--cap-drop", "ALL", "--"]
    drop = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]
    return ["--", *drop, "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", "--"]


def limit(task: dict[str, Any]) -> None:
    memory = task["memory_mib"] << 20
    for what, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, task["seconds"] + 1),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def run(task: dict[str, Any]) -> dict[str, Any]:
    process = subprocess.Popen(
        command(task),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=lambda: limit(task),
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    ended: dict[str, str] = {}

    def end(why: str) -> None:
        ended.setdefault("why", why)
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    clock = threading.Timer(task["seconds"], end, [f"it took more than {task['seconds']} seconds"])
    clock.daemon = True
    clock.start()
    threading.Thread(target=feed, args=(process, task["document"]), daemon=True).start()
    last: list[str] = []
    result: Any = {}
    count = 0
    while line := process.stdout.readline(_MOST_RESULT):
        count += 1
        if count > _MOST_LINES:
            end(f"it printed more than {_MOST_LINES} lines")
            break
        if line.startswith(_RESULT):
            try:
                result = json.loads(line[len(_RESULT) :])
            except ValueError:
                end("its line homeport-result is not JSON")
            continue
        text = line[:_LONGEST_LINE].decode(errors="replace").rstrip()
        last = [*last, text][-_LAST_LINES:]
        print(f"{task['name']}: {text}", flush=True)
    status = process.wait()
    clock.cancel()
    return {"status": status, "why": ended.get("why", ""), "last": last, "result": result}


def feed(process: subprocess.Popen[bytes], document: Any) -> None:
    assert process.stdin is not None
    try:
        process.stdin.write(json.dumps(document).encode())
        process.stdin.close()
    except BrokenPipeError:
        return  # it does not read what it is told; its status says what that means


def main() -> None:
    task = json.load(sys.stdin)
    try:
        found = run(task)
    except OSError as error:
        fail(str(error))
    text = base64.b64encode(json.dumps(found).encode()).decode()
    for start in range(0, len(text), 1000):
        print("homeport-result:", text[start : start + 1000])


if __name__ == "__main__":
    main()
