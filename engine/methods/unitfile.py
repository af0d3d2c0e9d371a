"""Service units as text: every value is quoted so that systemd reads back what was meant.

Rules: systemd.syntax(7) and systemd.service(5) ("Command lines"). A line break would start
a new setting, so it is refused; `%` starts a specifier everywhere, `$` a variable in
commands; a first word with `@ - : + !` in front would change how the program is run.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.errors import InvalidInput

_BREAKS = ("Cc", "Zl", "Zp")
"""Control characters, and what Unicode calls line and paragraph separators."""

HARDENING = (
    "UMask=0027",
    "NoNewPrivileges=yes",
    "CapabilityBoundingSet=",
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "LockPersonality=yes",
    "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "SystemCallArchitectures=native",
)
"""For applications: they write their own directories and talk to the network, no more."""


@dataclass(frozen=True)
class Unit:
    """A service, long-running or, of type oneshot, a job that is started by others.

    after: units that it wants and that must run before it. wants: units that start with it.
    requires: units without which it cannot run: when they stop, it has ended before. after_stop:
    run with all rights when it has ended, however that was.
    """

    description: str
    exec: tuple[str, ...]
    user: str
    directory: str
    before: tuple[tuple[str, ...], ...] = ()
    reload: tuple[str, ...] = ()
    environment: Mapping[str, str] | None = None
    after: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    after_stop: tuple[str, ...] = ()
    type: str = "exec"
    stop_seconds: int = 30
    runtime_directory: str = ""
    """Relative to /run; made for the user at each start."""
    writable: tuple[str, ...] = ()
    options: tuple[str, ...] = HARDENING
    """Further lines of the [Service] section, as they are."""

    def text(self) -> str:
        """The unit file. InvalidInput for a value that a unit file cannot hold."""
        is_job = self.type == "oneshot"
        after = ("network-online.target", *self.after)
        lines = [
            "[Unit]",
            f"Description={plain(self.description)}",
            f"After={' '.join((*after, *self.requires))}",
            f"Wants={' '.join((*after, *self.wants))}",
        ]
        lines += [f"Requires={unit}" for unit in self.requires]
        if is_job:
            lines.append("StartLimitIntervalSec=0")  # the clock decides how often
        lines += [
            "",
            "[Service]",
            f"Type={self.type}",
            f"User={self.user}",
            f"Group={self.user}",
            f"WorkingDirectory={plain(self.directory)}",
            *(f"Environment={setting(k, v)}" for k, v in (self.environment or {}).items()),
            *(f"ExecStartPre={command(argv)}" for argv in self.before),
            f"ExecStart={command(self.exec)}",
        ]
        if self.reload:
            lines.append(f"ExecReload={command(self.reload)}")
        if self.after_stop:
            lines.append(f"ExecStopPost=+{command(self.after_stop)}")
        if not is_job:
            lines += ["Restart=on-failure", "RestartSec=2", "TimeoutStartSec=900"]
        lines.append(f"TimeoutStopSec={self.stop_seconds}")
        if self.runtime_directory:
            lines.append(f"RuntimeDirectory={plain(self.runtime_directory)}")
            lines.append("RuntimeDirectoryMode=0750")
        lines += [f"ReadWritePaths={quoted(plain(path))}" for path in self.writable]
        lines += self.options
        if not is_job:
            lines += ["", "[Install]", "WantedBy=multi-user.target"]
        return "\n".join([*lines, ""])


@dataclass(frozen=True)
class TimerUnit:
    """Starts the service of its own name, and only while the unit runs that it requires."""

    description: str
    calendar: str
    requires: str

    def text(self) -> str:
        """The unit file. systemd's accuracy is a minute where none is asked for."""
        return "\n".join(
            [
                "[Unit]",
                f"Description={plain(self.description)}",
                f"After={self.requires}",
                f"Requires={self.requires}",
                "",
                "[Timer]",
                f"OnCalendar={plain(self.calendar)}",
                "Persistent=true",
                "AccuracySec=1s",
                "",
            ]
        )


def plain(value: str) -> str:
    """A value that systemd does not split or unquote, only expand specifiers in."""
    _refuse_controls(value)
    return value.replace("%", "%%")


def quoted(value: str) -> str:
    """One word of a value that systemd splits and unquotes."""
    _refuse_controls(value)
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def setting(name: str, value: str) -> str:
    """An assignment of `Environment=`, in which `$` means nothing."""
    if not name.isidentifier() or not name.isascii():
        raise InvalidInput("a variable's name cannot stand in a service unit", on=name)
    return quoted(f"{name}={plain(value)}")


def command(argv: Sequence[str]) -> str:
    """A command line of `ExecStart=` and its kin: an absolute program and its arguments."""
    program = argv[0] if argv else ""
    if not program.startswith("/") or set(program) & set("\"'\\$"):
        raise InvalidInput(
            "a service unit needs the absolute path of its program",
            on=program,
            do="Correct the package's `exec` or `before`.",
        )
    return " ".join(quoted(plain(word).replace("$", "$$")) for word in argv)


def _refuse_controls(value: str) -> None:
    if any(unicodedata.category(char) in _BREAKS for char in value):
        raise InvalidInput(
            "a control character cannot stand in a service unit",
            on=repr(value)[:80],
            left="no unit was written",
            do="Remove line breaks and other control characters from the value.",
        )
