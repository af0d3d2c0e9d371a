"""What `systemctl status`, `show` and `list-timers` say of a service or a timer."""

from __future__ import annotations

import time
from collections.abc import Sequence

from engine.lab.guest.supervisor import Supervised, Supervisor
from engine.lab.guest.timer import Timer


def summary(service: Supervised, enabled: str) -> str:
    """The head of `systemctl status`."""
    unit = service.unit
    lines = [
        f"{'●' if service.is_up else '○'} {unit.name} - {unit.description}",
        f"     Loaded: loaded ({unit.path}; {enabled})",
        f"     Active: {service.active} ({service.sub}) since {_moment(service.since)}",
    ]
    if isinstance(service, Timer):
        lines.append(f"    Trigger: {_moment(service.next) if service.next else 'n/a'}")
        lines.append(f"   Triggers: {service.unit.starts}")
    elif service.main is not None:
        lines.append(f"   Main PID: {service.main.pid}")
    return "\n".join([*lines, "", ""])


def properties(name: str, service: Supervised | None, supervisor: Supervisor) -> dict[str, str]:
    """`systemctl show`: org.freedesktop.systemd1(5). service: None where there is no unit."""
    if service is None:
        return {"Id": name, "LoadState": "not-found", "ActiveState": "inactive"} | {
            "SubState": "dead",
            "Result": "success",
            "MainPID": "0",
            "NRestarts": "0",
            "UnitFileState": "",
        }
    if isinstance(service, Timer):
        return _of_either(service, supervisor) | {
            "Unit": service.unit.starts,
            "Persistent": "yes" if service.unit.persistent else "no",
            "NextElapseUSecRealtime": _moment(service.next) if service.next else "",
            "LastTriggerUSec": _moment(service.ran) if service.ran else "",
        }
    main = service.main if service.main and not service.main.ended.done() else None
    return _of_either(service, supervisor) | {
        "Type": service.unit.type,
        "MainPID": str(main.pid if main else 0),
        "ExecMainPID": str(service.main.pid if service.main else 0),
        "ExecMainStatus": str(abs(service.status)),
        "ExecMainCode": "0" if main else "2" if service.status < 0 else "1",
        "NRestarts": str(service.restarts),
        "InvocationID": service.invocation,
    }


def _of_either(known: Supervised, supervisor: Supervisor) -> dict[str, str]:
    changed = _moment(known.since)
    return {
        "Id": known.unit.name,
        "Description": known.unit.description,
        "LoadState": "loaded",
        "ActiveState": known.active,
        "SubState": known.sub,
        "Result": known.result,
        "UnitFileState": supervisor.is_enabled(known.unit.name),
        "FragmentPath": str(known.unit.path),
        "NeedDaemonReload": "yes" if supervisor.is_stale(known) else "no",
        "StateChangeTimestamp": changed,
        "ActiveEnterTimestamp": changed if known.is_up else "",
    }


def timer_table(timers: Sequence[Timer]) -> str:
    """`systemctl list-timers`, the next one first."""
    rows: list[tuple[str, ...]] = [("NEXT", "LAST", "UNIT", "ACTIVATES")]
    for timer in sorted(timers, key=lambda timer: timer.next or float("inf")):
        times = (_moment(at) if at else "-" for at in (timer.next, timer.ran))
        rows.append((*times, timer.unit.name, timer.unit.starts))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "".join(line + "\n" for line in lines)


def _moment(at: float) -> str:
    return time.strftime("%a %Y-%m-%d %H:%M:%S %Z", time.localtime(at))
