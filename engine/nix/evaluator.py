"""The evaluator of modules: `nix-instantiate`, walled in and limited.

Modules may come from anybody. So the evaluator sees no file outside of the modules (and of the
NixOS and lib of their nixpkgs), no network, no store, no environment and no settings of the
user's, and may take only so much time and memory. Nothing is built.
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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import InvalidInput

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
_MOST_LISTENED = 16 << 20
"""Bytes that a module can make the evaluator say before it is stopped."""


@dataclass(frozen=True)
class Limits:
    """What evaluating may take: all modules together, one module, and memory of the process."""

    seconds: float = 120
    module_seconds: float = 15
    memory_mib: int = 2048


def nixpkgs_of(directory: Path) -> Path | None:
    """The nixpkgs that the directory is or lies in; others have a `lib` of another kind."""
    for above in (directory, *directory.parents):
        if (above / "nixos" / "modules").is_dir() and (above / "lib" / "modules.nix").is_file():
            return above
    return None


@dataclass(frozen=True)
class Module:
    file: Path
    deep: bool = True
    """Whether its options are looked into. Where that fails, its imports may still be read."""


@dataclass(frozen=True)
class Session:
    """The evaluations of the modules of one directory, until `end` on the clock."""

    program: str
    directory: Path
    limits: Limits
    clock: Callable[[], float]
    end: float

    def check(self) -> None:
        """InvalidInput where not even a module without anything can be evaluated."""
        for items in self.run([Module(_HERE / "nothing.nix")]):
            if isinstance(items, str):
                raise InvalidInput(
                    "modules cannot be evaluated",
                    on=str(nixpkgs_of(self.directory) or self.program),
                    why=items,
                    do="Read their sources: --read-markers sources.",
                )

    def run(self, modules: Sequence[Module]) -> Iterator[list[Any] | str]:
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

    def _command(self, modules: Sequence[Module], word: str, place: Path) -> list[str]:
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
                        self._other = []
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
