"""Who wakes Homeport for what is due, on a machine where nobody is logged in.

As root a timer of systemd; for a user whose service manager lingers after logout a timer of that;
else the user's crontab, where a cron daemon runs. Each of them gives a tick every five minutes
(`engine.backup.tick`), outlives a restart of the machine, and knows nothing of what is due: that
is in the inventory. Where there is none of them the worker stays for it, which a restart of the
machine ends; then it is there again with the next use of Homeport.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from engine.errors import RemoteFailure
from engine.operations.launch import program_directory, unit_scope
from engine.paths import Paths
from engine.private_files import write_private

TICK = "engine.backup.tick"
_KEPT = ("HOME", "PATH", "LANG", "HOMEPORT_HOME", "HOMEPORT_DATABASE_URL", "PGPASSFILE",
         "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR",
         "SSL_CERT_FILE", "SSL_CERT_DIR")  # fmt: skip
_CRON_RUNS = ("/run/crond.pid", "/var/run/crond.pid", "/run/cron.pid")
_FILE, _SCRIPT = "schedule-waker", "schedule-tick.sh"
_SERVICE = """\
[Unit]
Description=Homeport: begin the backups that are due
[Service]
Type=oneshot
KillMode=process
WorkingDirectory={directory}
{environment}
ExecStart={program} -m {tick}
"""
_TIMER = """\
[Unit]
Description=Homeport: look for backups that are due
[Timer]
OnCalendar=*:0/5
Persistent=true
[Install]
WantedBy=timers.target
"""


class Waker(StrEnum):
    SYSTEM = "systemd"
    USER = "systemd --user"
    CRON = "cron"
    WORKER = "worker"

    @property
    def told(self) -> str:
        return {
            Waker.SYSTEM: "by a timer of systemd, also after a restart of this machine",
            Waker.USER: "by your own systemd, also after a restart of this machine",
            Waker.CRON: "by cron, also after a restart of this machine",
            Waker.WORKER: "by Homeport's worker, until this machine restarts: after that only "
            "once Homeport is used again. Install cron, or let your services linger "
            "(loginctl enable-linger), and set the schedule once more",
        }[self]


def waker(paths: Paths) -> Waker | None:
    """Who was asked to; None where nobody was."""
    file = paths.state / _FILE
    return Waker(file.read_text().strip()) if file.exists() else None


def ask_to_be_woken(paths: Paths, environ: Mapping[str, str] | None = None) -> Waker:
    """By whoever can do it here. Repeated, it does no more. RemoteFailure."""
    env = os.environ if environ is None else environ
    chosen = _choose(env)
    if chosen in (Waker.SYSTEM, Waker.USER):
        _write_timer(paths, chosen, env)
    elif chosen is Waker.CRON:
        _write_crontab(paths, env, wanted=True)
    write_private(paths.state / _FILE, f"{chosen}\n".encode())
    return chosen


def let_sleep(paths: Paths) -> None:
    """Nobody wakes Homeport any more."""
    chosen = waker(paths)
    if chosen in (Waker.SYSTEM, Waker.USER):
        scope = ["--user"] if chosen is Waker.USER else []
        _systemctl(scope, "disable", "--now", f"{_name(paths)}.timer", check=False)
        for ending in ("timer", "service"):
            (_units(chosen, os.environ) / f"{_name(paths)}.{ending}").unlink(missing_ok=True)
        _systemctl(scope, "daemon-reload", check=False)
    elif chosen is Waker.CRON:
        _write_crontab(paths, os.environ, wanted=False)
    (paths.state / _FILE).unlink(missing_ok=True)


def _choose(env: Mapping[str, str]) -> Waker:
    scope = unit_scope(env)
    if scope is not None:
        return Waker.SYSTEM if scope == "--system" else Waker.USER
    if env.get("HOMEPORT_TESTING") == "1":
        return Waker.WORKER
    if shutil.which("crontab", path=env.get("PATH")) and any(map(os.path.exists, _CRON_RUNS)):
        return Waker.CRON
    return Waker.WORKER


def _write_timer(paths: Paths, chosen: Waker, env: Mapping[str, str]) -> None:
    directory = _units(chosen, env)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{_name(paths)}.service").write_text(service_text(env))
    (directory / f"{_name(paths)}.timer").write_text(_TIMER)
    scope = ["--user"] if chosen is Waker.USER else []
    _systemctl(scope, "daemon-reload")
    _systemctl(scope, "enable", "--now", f"{_name(paths)}.timer")


def service_text(env: Mapping[str, str]) -> str:
    """Of the service that the timer starts."""
    kept = [f"Environment={_unit_word(f'{n}={env[n]}')}" for n in _KEPT if n in env]
    return _SERVICE.format(
        directory=program_directory().replace("%", "%%"),
        environment="\n".join(kept),
        program=_unit_word(sys.executable),
        tick=TICK,
    )


def _unit_word(text: str) -> str:
    """One word of a unit file: quoted, and without specifiers (systemd.syntax(7))."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _write_crontab(paths: Paths, env: Mapping[str, str], *, wanted: bool) -> None:
    mark = f"# {_name(paths)}"
    had = _run(["crontab", "-l"], check=False)
    lines = [line for line in had.splitlines() if not line.endswith(mark)]
    script = paths.state / _SCRIPT
    if wanted:
        write_private(script, script_text(env).encode())
        lines.append(crontab_line(script, mark))
    else:
        script.unlink(missing_ok=True)
    if lines or had:
        _run(["crontab", "-"], text="".join(f"{line}\n" for line in lines))


def script_text(env: Mapping[str, str]) -> str:
    """What cron runs: its lines have room for 999 signs."""
    kept = [f"{name}={env[name]}" for name in _KEPT if name in env]
    words = ["env", "-C", program_directory(), *kept, sys.executable, "-m", TICK]
    return f"exec {shlex.join(words)}\n"


def crontab_line(script: Path, mark: str) -> str:
    """cron gives a line to a shell, and takes a percent sign for the line's end."""
    words = shlex.join(["/bin/sh", str(script)])
    return f"*/5 * * * * {words} >/dev/null 2>&1 ".replace("%", "\\%") + mark


def _units(chosen: Waker, env: Mapping[str, str]) -> Path:
    if chosen is Waker.SYSTEM:
        return Path("/etc/systemd/system")
    home = env.get("XDG_CONFIG_HOME") or os.path.join(env["HOME"], ".config")
    return Path(home, "systemd/user")


def _name(paths: Paths) -> str:
    """One for each installation on this machine."""
    return f"homeport-backups-{hashlib.sha256(str(paths.state).encode()).hexdigest()[:12]}"


def _systemctl(scope: list[str], *words: str, check: bool = True) -> None:
    _run(["systemctl", *scope, *words], check=check)


def _run(argv: list[str], *, text: str | None = None, check: bool = True) -> str:
    done = subprocess.run(
        argv, input=text or "", capture_output=True, text=True, timeout=60, check=False
    )
    if check and done.returncode != 0:
        raise RemoteFailure(
            what="nobody can be asked to wake Homeport for the backups",
            on=" ".join(argv[:2]),
            why=done.stderr.strip()[-500:] or f"exit status {done.returncode}",
            left="no schedule was set",
            do="Mend the cause, then set the schedule again.",
        )
    return done.stdout if done.returncode == 0 else ""
