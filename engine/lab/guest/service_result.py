"""What the end of a service's main process means (systemd.service(5), `Restart=`).

Statuses are as in subprocess: minus the signal's number where a signal ended the process.
"""

from __future__ import annotations

import signal

from engine.lab.guest.units import ServiceUnit

_CLEAN_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)


def judge(unit: ServiceUnit, status: int) -> str:
    """systemd's `Result` for it; "" for a clean end."""
    if status in unit.clean_statuses or -status in _CLEAN_SIGNALS:
        return ""
    return "exit-code" if status > 0 else "signal"


def wants_restart(unit: ServiceUnit, result: str) -> bool:
    """Does the unit ask for another start after this result?"""
    match unit.restart:
        case "always":
            return True
        case "on-success":
            return not result
        case "on-failure":
            return bool(result)
        case "on-abnormal":
            return result in ("signal", "timeout")
        case "on-abort":
            return result == "signal"
    return False


def exit_environment(status: int) -> dict[str, str]:
    """What `ExecStopPost=` is told of the main process."""
    if status < 0:
        name = signal.Signals(-status).name.removeprefix("SIG")
        return {"EXIT_CODE": "killed", "EXIT_STATUS": name}
    return {"EXIT_CODE": "exited", "EXIT_STATUS": str(status)}


def described(status: int) -> str:
    """As systemd's journal has it: "code=killed, status=9/KILL"."""
    if status < 0:
        return f"code=killed, status={-status}/{signal.Signals(-status).name.removeprefix('SIG')}"
    return f"code=exited, status={status}/{'SUCCESS' if status == 0 else 'FAILURE'}"
