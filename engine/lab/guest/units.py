"""Service units: what a unit file and its drop-ins say, as a value.

Settings that harden a service or give it another user have no meaning in a rootless guest and
are passed over, as systemd passes over settings it does not know.
"""

from __future__ import annotations

import signal
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.lab.guest.unit_syntax import (
    BadValue,
    boolean,
    expand_specifiers,
    seconds,
    sections,
    split_words,
)

UNIT_DIRECTORIES = ("etc/systemd/system", "run/systemd/system", "usr/lib/systemd/system")
_LISTS = frozenset({"After", "Requires", "Wants", "BindsTo", "PartOf"})
_COMMANDS = frozenset(
    {"ExecStart", "ExecStartPre", "ExecStartPost", "ExecReload", "ExecStop", "ExecStopPost"}
)
_TYPES = ("simple", "exec", "oneshot", "notify", "notify-reload", "forking")


class UnitNotFound(LookupError):
    """There is no such unit file."""


class BadUnit(ValueError):
    """The unit file cannot be used; the text is systemd's for its journal."""


@dataclass(frozen=True)
class Command:
    """One command line. ignore_failure: it began with `-`."""

    words: tuple[str, ...]
    ignore_failure: bool = False


@dataclass(frozen=True)
class ServiceUnit:
    name: str
    path: Path
    description: str
    type: str
    commands: Mapping[str, tuple[Command, ...]]
    after: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()
    wanted_by: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    environment_files: tuple[tuple[Path, bool], ...] = ()
    """File, and whether it may be missing."""
    working_directory: str = ""
    runtime_directories: tuple[str, ...] = ()
    state_directories: tuple[str, ...] = ()
    user: str = ""
    restart: str = "no"
    restart_seconds: float = 0.1
    start_seconds: float = 90.0
    stop_seconds: float = 90.0
    remain_after_exit: bool = False
    kill_signal: int = signal.SIGTERM
    kill_mode: str = "control-group"
    clean_statuses: frozenset[int] = frozenset({0})
    start_limit: tuple[int, float] = (5, 10.0)
    """Starts, within seconds."""

    def command(self, name: str) -> tuple[Command, ...]:
        return self.commands.get(name, ())


def unit_files(root: Path, name: str) -> list[Path]:
    """The unit's file, then its drop-ins in their order. UnitNotFound where there is none."""
    head, at, tail = name.partition("@")
    template = f"{head}@.{tail.rpartition('.')[2]}" if at else name
    for directory in UNIT_DIRECTORIES:
        for candidate in dict.fromkeys((name, template)):
            path = root / directory / candidate
            if path.is_file():
                return [path, *_drop_ins(root, name)]
    raise UnitNotFound(name)


def _drop_ins(root: Path, name: str) -> list[Path]:
    found: dict[str, Path] = {}
    for directory in UNIT_DIRECTORIES:
        for path in (root / directory / f"{name}.d").glob("*.conf"):
            found.setdefault(path.name, path)
    return [found[key] for key in sorted(found)]


def load_unit(root: Path, name: str) -> ServiceUnit:
    """The unit as its files are now. UnitNotFound; BadUnit where systemd would refuse it."""
    files = unit_files(root, name)
    known = specifiers(root, name)
    try:
        return _unit(name, files[0], settings_of(files, "Service"), known)
    except BadValue as error:
        raise BadUnit(f"{files[0]}: {error}") from error


def settings_of(files: Iterable[Path], kind: str) -> dict[str, list[str]]:
    """What a unit's file and its drop-ins say. kind: the section of units of that kind."""
    settings: dict[str, list[str]] = {}
    for path in files:
        for section, assignments in sections(path.read_text(errors="replace")).items():
            if section in ("Unit", kind, "Install"):
                _collect(settings, assignments)
    return settings


def specifiers(root: Path, name: str) -> dict[str, str]:
    """What stands for `%n` and its kin."""
    bare = name.rpartition(".")[0]
    instance = bare.partition("@")[2]
    return {
        "n": name,
        "N": bare,
        "p": bare.partition("@")[0],
        "i": instance,
        "I": instance,
        "t": str(root / "run"),
        "S": str(root / "var/lib"),
        "T": str(root / "tmp"),
        "H": (root / "etc/hostname").read_text().strip(),
    }


def _collect(settings: dict[str, list[str]], assignments: list[tuple[str, str]]) -> None:
    """Repeated settings add up; an empty one starts the list anew."""
    for name, value in assignments:
        if value:
            settings.setdefault(name, []).append(value)
        else:
            settings.pop(name, None)


def _unit(
    name: str, path: Path, settings: dict[str, list[str]], known: Mapping[str, str]
) -> ServiceUnit:
    def last(key: str, default: str = "") -> str:
        return expand_specifiers(settings[key][-1], known) if key in settings else default

    def words(key: str) -> tuple[str, ...]:
        values = settings.get(key, ())
        return tuple(expand_specifiers(w, known) for value in values for w in split_words(value))

    commands = {
        key: tuple(_command(value, known) for value in settings.get(key, ())) for key in _COMMANDS
    }
    kind = last("Type", "simple" if commands["ExecStart"] else "oneshot")
    if kind not in _TYPES:
        raise BadValue(f"Failed to parse service type: {kind}")
    if not commands["ExecStart"] and not (kind == "oneshot" and commands["ExecStop"]):
        raise BadValue("Service has no ExecStart= setting. Refusing.")
    if len(commands["ExecStart"]) > 1 and kind != "oneshot":
        raise BadValue("Service has more than one ExecStart= setting. Refusing.")
    timeout = last("TimeoutSec")
    return ServiceUnit(
        name=name,
        path=path,
        description=last("Description", name),
        type=kind,
        commands=commands,
        after=words("After"),
        requires=words("Requires") + words("BindsTo"),
        wants=words("Wants"),
        wanted_by=words("WantedBy"),
        environment=dict(_assignment(word) for word in words("Environment")),
        environment_files=tuple(
            (Path(value.removeprefix("-")), value.startswith("-"))
            for value in (expand_specifiers(v, known) for v in settings.get("EnvironmentFile", ()))
        ),
        working_directory=last("WorkingDirectory"),
        runtime_directories=words("RuntimeDirectory"),
        state_directories=words("StateDirectory"),
        user=last("User"),
        restart=last("Restart", "no"),
        restart_seconds=seconds(last("RestartSec", "100ms")),
        start_seconds=seconds(
            last("TimeoutStartSec", timeout or ("infinity" if kind == "oneshot" else "90"))
        )
        or float("inf"),
        stop_seconds=seconds(last("TimeoutStopSec", timeout or "90")) or float("inf"),
        remain_after_exit=boolean(last("RemainAfterExit", "no")),
        kill_signal=_signal(last("KillSignal", "SIGTERM")),
        kill_mode=last("KillMode", "control-group"),
        clean_statuses=frozenset({0, *(int(w) for w in words("SuccessExitStatus") if w.isdigit())}),
        start_limit=(
            int(last("StartLimitBurst", "5")),
            seconds(last("StartLimitIntervalSec", "10")),
        ),
    )


def _command(text: str, known: Mapping[str, str]) -> Command:
    words = [expand_specifiers(word, known) for word in split_words(text)]
    if not words:
        raise BadValue("Empty path in command line, refusing.")
    program = words[0].lstrip("@-:+!")
    prefix = words[0][: len(words[0]) - len(program)]
    if "@" in prefix:
        raise BadValue("the prefix @ of a command is not supported in the lab")
    return Command((program, *words[1:]), ignore_failure="-" in prefix)


def _assignment(word: str) -> tuple[str, str]:
    name, separator, value = word.partition("=")
    if not separator or not name:
        raise BadValue(f"Invalid environment assignment: {word}")
    return name, value


def _signal(text: str) -> int:
    try:
        return int(text) if text.isdigit() else signal.Signals[f"SIG{text.removeprefix('SIG')}"]
    except (KeyError, ValueError) as error:
        raise BadValue(f"not a signal: {text}") from error


def read_environment_file(path: Path) -> dict[str, str]:
    """NAME=VALUE lines with shell-like quotes (systemd.exec(5), EnvironmentFile=)."""
    found = {}
    for line in path.read_text(errors="replace").replace("\\\n", "").splitlines():
        line = line.strip()
        name, separator, value = line.partition("=")
        if separator and not line.startswith(("#", ";")):
            value = value.strip()
            if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
                value = value[1:-1]
                value = value.replace('\\"', '"').replace("\\\\", "\\") if line else value
            found[name.strip()] = value
    return found
