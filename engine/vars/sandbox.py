"""Running a generator's script on this machine, walled in by bubblewrap.

It sees the programs of this machine and nothing else of it: no home, no configuration, no
network, no other process. What it is told are read-only files that have no name on any disk;
what it makes goes to a directory of its own, in memory where there is one (tmpfs(5)), which is
gone when this returns. Its environment holds nothing of the caller's.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from engine.errors import NotReady, RemoteFailure
from engine.redaction import Redactor
from engine.state.programs.sandbox import as_user, without_network
from engine.vars.generators import Generator
from engine.vars.memory_directory import memory_directory

MOST_BYTES = 512 * 1024
"""Of one file: what a store of secrets takes, encoded, in one piece."""
_SHOWN = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/run/current-system"),
    *("/etc/alternatives", "/etc/ssl", "/etc/pki"),
)
_MOST_WRITTEN = 64 << 20
_MOST_MEMORY = 4 << 30
_LAST_LINES = 12
_LONGEST_LINE = 400
_READ_BACK = 1 << 20
_UNCHANGED = "nothing was stored"

Files = Mapping[str, bytes]


def run_generator(
    generator: Generator, answers: Files, inputs: Mapping[str, Files]
) -> dict[str, bytes]:
    """Exactly the files that the generator declares.

    answers: by prompt. inputs: by dependency, then by file. NotReady where a program is missing;
    RemoteFailure where the script fails, takes too long or leaves other files than it should.
    """
    made: dict[str, bytes] = {}
    if generator.script:
        with memory_directory() as top:
            place = top / "out"
            place.mkdir(mode=0o700)
            made = _run(generator, answers, inputs, place)
    for name in generator.kept_answers:
        made.setdefault(name, answers[name])
    _refuse_unless_declared(generator, set(made))
    return made


def _run(
    generator: Generator, answers: Files, inputs: Mapping[str, Files], place: Path
) -> dict[str, bytes]:
    path = _search_path()
    for program in ("bwrap", "bash", *generator.runtime_inputs):
        if shutil.which(program, path=path) is None:
            raise NotReady(
                "a program that a generator needs is not here",
                on=generator.name,
                why=f"there is no {program} in {path}",
                left=_UNCHANGED,
                do="Install it, then try again. Debian has bwrap in the package bubblewrap.",
            )
    account = f"user:x:{os.geteuid()}:{os.getegid()}::/tmp:/bin/sh\n"
    told = {
        "/script": generator.script.encode(),
        "/etc/passwd": account.encode(),
        "/etc/group": f"user:x:{os.getegid()}:\n".encode(),
        **{f"/prompts/{name}": value for name, value in answers.items()},
        **{f"/in/{dep}/{name}": v for dep, files in inputs.items() for name, v in files.items()},
    }
    with ExitStack() as stack:
        descriptors = {name: stack.enter_context(_told(data)) for name, data in told.items()}
        said = stack.enter_context(tempfile.TemporaryFile(dir=place.parent))
        argv = [*_walls(place, path), *_shown_files(descriptors)]
        argv += [*as_user(os.geteuid(), os.getegid())]
        argv += ["bash", "-eu", "-o", "pipefail", "/script"]
        why = _status(argv, generator.seconds, tuple(descriptors.values()), said)
        if why:
            secrets = [*answers.values(), *(v for files in inputs.values() for v in files.values())]
            raise _failed(generator, f"{why}\n{_last_lines(said, [*secrets, *_bytes_in(place)])}")
    return _collected(generator, place)


def _walls(place: Path, path: str) -> list[str]:
    words = ["bwrap", "--tmpfs", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]
    for shown in _SHOWN:
        words += ["--ro-bind-try", shown, shown]
    words += ["--tmpfs", "/in", "--tmpfs", "/prompts", "--bind", str(place), "/out"]
    words += ["--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try"]
    words = without_network(words)
    words += ["--die-with-parent", "--new-session", "--clearenv", "--chdir", "/tmp"]
    environment = {
        "PATH": path,
        "HOME": "/tmp",
        "TMPDIR": "/tmp",
        "LANG": "C.UTF-8",
        "in": "/in",
        "out": "/out",
        "prompts": "/prompts",
    }
    for name, value in environment.items():
        words += ["--setenv", name, value]
    return words


def _shown_files(descriptors: Mapping[str, int]) -> Iterator[str]:
    for name, descriptor in descriptors.items():
        yield from ("--ro-bind-data", str(descriptor), name)
    for directory in ("/in", "/prompts", "/"):
        yield from ("--remount-ro", directory)


def _search_path() -> str:
    """Of the caller's directories of programs, those that the script can see."""
    wanted = [*os.environ.get("PATH", "").split(os.pathsep), "/usr/bin", "/bin", "/usr/sbin"]
    seen = [
        directory
        for directory in wanted
        if any(directory == top or directory.startswith(f"{top}/") for top in _SHOWN)
    ]
    return os.pathsep.join(dict.fromkeys(seen))


def _status(argv: list[str], seconds: int, descriptors: tuple[int, ...], said: IO[bytes]) -> str:
    """Why it failed; empty where it did not."""

    def limit() -> None:
        for what, most in (
            (resource.RLIMIT_AS, _MOST_MEMORY),
            (resource.RLIMIT_FSIZE, _MOST_WRITTEN),
            (resource.RLIMIT_CORE, 0),
        ):
            resource.setrlimit(what, (most, most))

    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            pass_fds=descriptors,
            preexec_fn=limit,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"it took more than {seconds} seconds"
    return f"it ended with status {done.returncode}" if done.returncode else ""


def _collected(generator: Generator, place: Path) -> dict[str, bytes]:
    found = {}
    for entry in sorted(place.iterdir()):
        status = entry.lstat()
        if not stat.S_ISREG(status.st_mode):
            raise _failed(generator, f"{entry.name} is not a regular file")
        if status.st_size > MOST_BYTES:
            raise _failed(generator, f"{entry.name} is larger than {MOST_BYTES // 1024} KiB")
        entry.chmod(0o600)  # a script may take away even its own right to read
        found[entry.name] = entry.read_bytes()
    return found


def _refuse_unless_declared(generator: Generator, made: set[str]) -> None:
    declared = set(generator.outputs)
    told = [f"it did not make {name}" for name in sorted(declared - made)]
    told += [f"it made {name}, which is not declared" for name in sorted(made - declared)]
    if told:
        raise _failed(generator, "\n".join(told))


def _failed(generator: Generator, why: str) -> RemoteFailure:
    return RemoteFailure(
        "a generator's script failed",
        on=generator.name,
        why=why.strip(),
        left=_UNCHANGED + " of it; what there was before is still in use",
        do="Correct the script or the files that it declares, then generate again.",
    )


def _last_lines(said: IO[bytes], secrets: list[bytes]) -> str:
    # from far before the lines that are shown: a value that is cut is not recognised
    said.seek(max(0, said.seek(0, os.SEEK_END) - _READ_BACK))
    redactor = Redactor()
    for secret in secrets:
        with contextlib.suppress(UnicodeDecodeError):
            redactor.hide(secret.decode())
    text = redactor.redact(said.read().decode(errors="replace"))
    return "\n".join(line[:_LONGEST_LINE] for line in text.splitlines()[-_LAST_LINES:])


def _bytes_in(place: Path) -> Iterator[bytes]:
    for entry in place.iterdir():
        if stat.S_ISREG((status := entry.lstat()).st_mode) and status.st_size <= MOST_BYTES:
            entry.chmod(0o600)
            yield entry.read_bytes()


@contextmanager
def _told(data: bytes) -> Iterator[int]:
    """A descriptor that gives the data; nothing of it is on a disk."""
    descriptor = os.memfd_create("homeport")
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(data)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)
