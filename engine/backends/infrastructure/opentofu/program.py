"""Running `tofu` or `terraform`: arguments, environment, output, and being stopped.

No secret is in its arguments or its environment, since others can read the first, and what it
starts inherits the second: variables come in files without a name, which the kernel lets this user
alone open. They are ephemeral, so OpenTofu writes them neither into a plan nor into a state. Of the
user's own environment it gets what it needs to reach the world; variables that would change what it
does (TF_*, PROXMOX_VE_*) stay behind, TF_LOG among them, which would print requests.

What it says goes into a file and is read from there: a pipe that nobody reads any more, because
this process was killed, would end it before it could write down what it made.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from engine.backends.infrastructure.opentofu.diagnosis import explained
from engine.backends.infrastructure.opentofu.stream import Diagnostic, Listener
from engine.backends.protocols import Progress
from engine.errors import InvalidInput, NotFound
from engine.memory_files import memory_file

_PASSED_ON = re.compile(r"PATH|HOME|LANG|LC_\w+|TMPDIR|SSL_CERT_\w+|(https?|no)_proxy", re.I)
_OLDEST = {"OpenTofu": (1, 11), "Terraform": (1, 10)}
_LOOK_SECONDS = 0.1
OUTPUT = "output"
_FINISHES_WITHIN = 600.0
"""Seconds that it may take, once asked to stop, to finish what it is doing at the provider."""


def installed_version(binary: str) -> str:
    """ "OpenTofu 1.11.2". NotFound; InvalidInput for one that is too old to keep secrets out of
    its plans."""
    path = shutil.which(binary)
    if path is None:
        raise NotFound(
            f"the program {binary} is not installed on this machine",
            on=binary,
            left="nothing was changed",
            do="Install OpenTofu (https://opentofu.org/docs/intro/install/), or name another "
            "program as 'binary' in the provider's settings of infrastructure.",
        )
    environment = {**_base_environment(), "CHECKPOINT_DISABLE": "1"}
    done = subprocess.run(
        [path, "version"],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.match(r"(OpenTofu|Terraform) v(\d+)\.(\d+)(\S*)", done.stdout)
    if found is None:
        raise InvalidInput(
            "this is not OpenTofu or Terraform",
            on=path,
            why=(done.stdout or done.stderr).strip()[:200] or f"status {done.returncode}",
            do="Correct 'binary' in the provider's settings of infrastructure.",
        )
    if (int(found[2]), int(found[3])) < _OLDEST[found[1]]:
        oldest = ".".join(map(str, _OLDEST[found[1]]))
        raise InvalidInput(
            f"{found[1]} is too old",
            on=path,
            why=f"it is {found[2]}.{found[3]}{found[4]}; before {oldest} it writes secrets into "
            "its plans",
            do=f"Update it to {oldest} or later.",
        )
    return f"{found[1]} {found[2]}.{found[3]}{found[4]}"


@dataclass(frozen=True)
class Program:
    """OpenTofu in one directory. variables: secrets. on: what it is run for, in errors. lock: a
    descriptor that it inherits. authority: a file, believed in place of the system's authorities
    by plug-ins; their registry is not asked with it."""

    binary: str
    directory: Path
    environment: Mapping[str, str]
    variables: Mapping[str, str]
    on: str
    lock: int | None = None
    authority: Path | None = None

    def init(self, progress: Progress, *, upgrade: bool = False) -> None:
        """upgrade: plug-ins are chosen anew. A state elsewhere is not asked about: what one does
        not know is taken over from the provider."""
        arguments = ["init", "-no-color", "-reconfigure", *(["-upgrade"] if upgrade else [])]
        self._run("preparing", arguments, Listener(_Quiet(progress)))

    def plan(
        self, file: str, progress: Progress, *, locked: bool = True, targets: Sequence[str] = ()
    ) -> None:
        """targets: addresses that the plan is limited to; none: it is of everything."""
        lock = [] if locked else ["-lock=false"]
        limits = [f"-target={address}" for address in targets]
        arguments = ["plan", "-json", f"-out={file}", *lock, *limits]
        self._run("planning", arguments, Listener(progress, is_json=True), secret=True)

    def apply(self, file: str, changes: int, progress: Progress) -> None:
        listener = Listener(progress, changes, is_json=True)
        self._run("applying", ["apply", "-json"], listener, secret=True, last=file)

    def show(self, file: str, progress: Progress) -> Mapping[str, object]:
        """The plan in this file."""
        lines: list[str] = []
        quiet = Listener(_Quiet(progress))
        self._run("reading the plan", ["show", "-json", file], quiet, keep=lines)
        shown: Mapping[str, object] = json.loads(next(x for x in lines if x.startswith("{")))
        return shown

    def push(self, file: str, progress: Progress) -> None:
        """A state that could not be stored before."""
        self._run("storing the state", ["state", "push", file], Listener(_Quiet(progress)))

    def _run(
        self,
        doing: str,
        arguments: list[str],
        listener: Listener,
        *,
        secret: bool = False,
        last: str = "",
        keep: list[str] | None = None,
    ) -> None:
        with ExitStack() as stack:
            if secret:
                path = stack.enter_context(memory_file(_assignments(self.variables)))
                arguments = [*arguments, f"-var-file={path}"]
            output = stack.enter_context((self.directory / OUTPUT).open("w+", errors="replace"))
            process = subprocess.Popen(
                [shutil.which(self.binary) or self.binary, *arguments, *([last] if last else [])],
                cwd=self.directory,
                env={**_base_environment(), **self.environment, **self._trust(arguments[0])},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=() if self.lock is None else (self.lock,),
            )
            said = _attend(process, output, listener, keep)
        if process.returncode != 0:
            errors = listener.errors or [Diagnostic(_plain(said))]
            raise explained(errors, doing, self.on)

    def _trust(self, command: str) -> dict[str, str]:
        if self.authority is None or command == "init":
            return {}
        return {"SSL_CERT_FILE": str(self.authority)}


@dataclass(frozen=True)
class _Quiet:
    """Steps in between tell nothing worth a line."""

    progress_of: Progress

    def log(self, text: str) -> None:
        """Left out."""

    def progress(self, done: float, total: float | None, unit: str = "items") -> None:
        """Left out."""

    def raise_if_cancelled(self) -> None:
        self.progress_of.raise_if_cancelled()


def _attend(
    process: subprocess.Popen[bytes], output: IO[str], listener: Listener, keep: list[str] | None
) -> list[str]:
    """Until it has ended; what it said besides. Asked to stop, it gets the time to finish what it
    is doing, since what it made must get into the state."""
    said: list[str] = []
    hear = listener.hear if listener.is_json else (said if keep is None else keep).append
    try:
        for line in _lines(output, process, listener.progress.raise_if_cancelled):
            hear(line)
    except BaseException:
        process.send_signal(signal.SIGINT)
        _end(process)
        raise
    return said


def _lines(
    output: IO[str], process: subprocess.Popen[bytes], look: Callable[[], None]
) -> Iterator[str]:
    """As they come, by a reader of its own place in the file that they are written to."""
    with open(output.name, errors="replace") as reader:
        rest = ""
        while True:
            look()
            has_ended = process.poll() is not None
            *lines, rest = (rest + reader.read()).split("\n")
            yield from lines
            if has_ended:
                if rest:
                    yield rest
                return
            with suppress(subprocess.TimeoutExpired):
                process.wait(_LOOK_SECONDS)


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_FINISHES_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()


def _plain(lines: list[str]) -> str:
    """Of a message for people: without the frame and the colours."""
    text = " ".join(line.strip("│╷╵ \t") for line in lines if line)
    return re.sub(r"\x1b\[[0-9;]*m", "", text).strip()[-1500:]


def _assignments(variables: Mapping[str, str]) -> str:
    """Variables as HCL. Only "${" and "%{" mean more there than in JSON."""
    return "".join(
        f"{name} = {json.dumps(value).replace('${', '$${').replace('%{', '%%{')}\n"
        for name, value in variables.items()
    )


def _base_environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if _PASSED_ON.fullmatch(k)}
    return {"HOME": "/nonexistent", **kept}
