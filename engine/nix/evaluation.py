"""Rename markers of NixOS modules by evaluating them, with `nix-instantiate`.

`read_markers.nix` calls each module with marker functions that give data, so that computed
paths come out and those inside submodules have their whole path. What a module asks of its
configuration is not there, and nothing is built.

Modules may come from anybody. So the evaluator sees no file outside of the modules (and of the
NixOS and lib of their nixpkgs), no network, no store, no environment and no settings of the
user's, and may take only so much time and memory. A module that stops it is left out and named,
the others go on.
"""

from __future__ import annotations

import json
import math
import os
import secrets
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import InvalidInput
from engine.nix.markers import Marker

_HERE = Path(__file__).resolve().parent
_LIMITED = """\
import os, resource, sys
for what, most in (
    (resource.RLIMIT_AS, int(sys.argv[1])),
    (resource.RLIMIT_CPU, int(sys.argv[2])),
    (resource.RLIMIT_CORE, 0),
):
    hard = resource.getrlimit(what)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, most))
os.execvp(sys.argv[3], sys.argv[3:])
"""
_OPTIONS = {
    "restrict-eval": "true",
    "allow-import-from-derivation": "false",
    "allow-unsafe-native-code-during-evaluation": "false",
    "allowed-uris": "",
    "plugin-files": "",
}
_MOST_LISTENED = 64 << 20
"""Bytes that a module can make the evaluator say before it is stopped."""


@dataclass(frozen=True)
class Limits:
    """What evaluating may take: all modules together, one module, and memory of the process."""

    seconds: float = 120
    module_seconds: float = 15
    memory_mib: int = 2048


@dataclass
class Evaluated:
    """What evaluating the modules of a directory gave, by path relative to it."""

    markers: dict[str, list[Marker]] = field(default_factory=dict)
    """Of each module that was evaluated; their lines are not known."""
    lost_imports: set[str] = field(default_factory=set)
    """Modules with an import that depends on a configuration and was not read."""
    lost_submodules: set[str] = field(default_factory=set)
    """Modules with a type, or with an import of a submodule, for which that holds."""
    failed: dict[str, str] = field(default_factory=dict)
    """Modules that stopped the evaluation, and why."""


def nixpkgs_of(directory: Path) -> Path | None:
    """The nixpkgs that the directory is or lies in; others have a `lib` of another kind."""
    for above in (directory, *directory.parents):
        if (above / "nixos" / "modules").is_dir() and (above / "lib" / "modules.nix").is_file():
            return above
    return None


def evaluate_modules(
    program: str,
    directory: Path,
    files: Sequence[Path],
    limits: Limits,
    clock: Callable[[], float] = time.monotonic,
) -> Evaluated:
    """The markers of these modules below the directory, by the nix-instantiate at `program`.

    Raises InvalidInput if the evaluator itself cannot be run.
    """
    directory = directory.resolve()
    session = _Session(program, directory, limits, clock, clock() + limits.seconds)
    session.check()
    found = Evaluated()
    left = [_Module(file.resolve()) for file in files]
    while left:
        why = ""
        for items in session.run(left):
            if isinstance(items, str):
                why = items
                break
            _take(found, str(left[0].file.relative_to(directory)), items)
            left = left[1:]
        if not left:
            break
        name = str(left[0].file.relative_to(directory))
        if clock() >= session.end:
            said = f"the time limit of {limits.seconds:g} s for all modules was reached"
            names = [str(module.file.relative_to(directory)) for module in left]
            found.failed.update((name, said) for name in names if name not in found.failed)
            break
        if left[0].deep:
            found.failed[name] = why
            left = [_Module(left[0].file, deep=False), *left[1:]]
        else:
            left = left[1:]
    for name in found.failed:
        if name in found.markers:
            found.lost_submodules.add(name)
    found.markers = _without_those_of_submodules(found.markers)
    return found


def _take(found: Evaluated, name: str, items: Sequence[Any]) -> None:
    markers = found.markers.setdefault(name, [])
    for item in items:
        marker = _marker(item, name)
        if marker is None:
            only_submodules = isinstance(item, dict) and item.get("lost") == "submodules"
            (found.lost_submodules if only_submodules else found.lost_imports).add(name)
        elif marker not in markers:
            markers.append(marker)


def _marker(item: Any, name: str) -> Marker | None:
    """None for what was not read, and for paths that are none."""
    try:
        within = _path(item["within"])
        old = tuple((*within, *_path(path)) for path in item["old"])
        new = _path(item["new"])
        if not new and item["kind"] != "removed":
            return None
        new = (*within, *new) if new else ()
        return Marker(str(item["kind"]), old, new, str(item["text"]), name, within=within)
    except (KeyError, TypeError):
        return None


def _path(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise TypeError(value)
    return tuple(value)


def _without_those_of_submodules(found: dict[str, list[Marker]]) -> dict[str, list[Marker]]:
    """A file that is the module of a submodule was also read as if it were one of the system."""
    inside = {
        (marker.kind, *marker.relative())
        for markers in found.values()
        for marker in markers
        if marker.within
    }
    return {
        name: [m for m in markers if m.within or (m.kind, *m.relative()) not in inside]
        for name, markers in found.items()
    }


@dataclass(frozen=True)
class _Module:
    file: Path
    deep: bool = True
    """Whether its options are looked into. Where that fails, its imports may still be read."""


@dataclass(frozen=True)
class _Session:
    """The evaluations of one directory."""

    program: str
    directory: Path
    limits: Limits
    clock: Callable[[], float]
    end: float

    def check(self) -> None:
        """InvalidInput where not even a module without anything can be evaluated."""
        for items in self.run([_Module(_HERE / "nothing.nix")]):
            if isinstance(items, str):
                raise InvalidInput(
                    "modules cannot be evaluated",
                    on=str(nixpkgs_of(self.directory) or self.program),
                    why=items,
                    do="Read their sources: --read-markers sources.",
                )

    def run(self, modules: Sequence[_Module]) -> Iterator[list[Any] | str]:
        """What each gave, in their order, until all are done or one stops it: its reason."""
        word = f"homeport-{secrets.token_hex(8)} "
        with tempfile.TemporaryDirectory(prefix="homeport-nix-") as place:
            command = self._command(modules, word, Path(place))
            with _running(command, place) as process:
                said = _Saying(process, word)
                for _ in modules:
                    until = min(self.end, self.clock() + self.limits.module_seconds)
                    line = said.result(until, self.clock)
                    if line is None:
                        yield said.reason(self.limits)
                        return
                    try:
                        items = json.loads(line)
                    except (ValueError, RecursionError):
                        items = None
                    yield items if isinstance(items, list) else "it gave no markers"

    def _command(self, modules: Sequence[_Module], word: str, place: Path) -> list[str]:
        nixpkgs = nixpkgs_of(self.directory)
        theirs = [nixpkgs / name for name in ("lib", "nixos", ".version")] if nixpkgs else []
        request = place / "request.json"
        asked = {
            "modules": [{"file": str(module.file), "deep": module.deep} for module in modules],
            "lib": str(nixpkgs / "lib") if nixpkgs else None,
            "modulesPath": str(self.directory),
            "word": word,
        }
        request.write_text(json.dumps(asked), encoding="utf-8")
        seen = [self.directory, _HERE, place, *theirs]
        return [
            *(sys.executable, "-I", "-c", _LIMITED),
            *(str(self.limits.memory_mib << 20), str(math.ceil(self.limits.seconds))),
            *(self.program, "--eval", "--strict", "--store", "dummy://"),
            *(text for name, value in _OPTIONS.items() for text in ("--option", name, value)),
            *(text for number, path in enumerate(seen) for text in ("-I", f"seen{number}={path}")),
            *("--argstr", "request", str(request), str(_HERE / "read_markers.nix")),
        ]


@contextmanager
def _running(command: list[str], place: str) -> Iterator[subprocess.Popen[bytes]]:
    """The process in a session of its own, with nothing of our environment; dead in the end."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={
            **dict.fromkeys(("HOME", "NIX_CONF_DIR", "XDG_CACHE_HOME", "TMPDIR"), place),
            "NIX_USER_CONF_FILES": "",
            "GC_INITIAL_HEAP_SIZE": "16M",
        },
        cwd=place,
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


class _Saying:
    """The standard error of an evaluation: results among what modules and the evaluator say."""

    def __init__(self, process: subprocess.Popen[bytes], word: str) -> None:
        assert process.stderr is not None
        self._process, self._stream = process, process.stderr
        self._mark = b"trace: " + word.encode()
        self._buffer, self._heard, self._late = b"", 0, False
        self._other: list[bytes] = []

    def result(self, until: float, clock: Callable[[], float]) -> bytes | None:
        """The next result. None when there will be none, for which `reason` has words."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._stream, selectors.EVENT_READ)
            while True:
                while b"\n" in self._buffer:
                    line, _, self._buffer = self._buffer.partition(b"\n")
                    if line.startswith(self._mark):
                        return line.removeprefix(self._mark)
                    self._other = [*self._other[-200:], line]
                if not selector.select(max(0.0, until - clock())):
                    self._late = True
                    return None
                more = os.read(self._stream.fileno(), 1 << 16)
                self._heard += len(more)
                if not more or self._heard > _MOST_LISTENED:
                    return None
                self._buffer += more

    def reason(self, limits: Limits) -> str:
        if self._late:
            return f"it took longer than its time limit ({limits.module_seconds:g} s)"
        if self._heard > _MOST_LISTENED:
            return f"it said more than {_MOST_LISTENED >> 20} MiB"
        said = b"\n".join([*self._other, self._buffer]).decode(errors="replace")
        if "out of memory" in said.lower() or "bad_alloc" in said:
            return f"it needs more than its memory limit ({limits.memory_mib} MiB)"
        for line in said.splitlines():
            text = line.strip()
            if text.startswith("error: ") and len(text) > len("error: "):
                return text.removeprefix("error: ")[:300]
        errors = [line.strip() for line in said.splitlines() if line.strip()]
        return errors[-1][:300] if errors else f"nix-instantiate ended ({self._process.wait()})"
