"""What `systemctl status` and `systemctl show` say of a service."""

from __future__ import annotations

import time

from engine.lab.guest.service import Service
from engine.lab.guest.supervisor import Supervisor


def summary(service: Service, enabled: str) -> str:
    """The head of `systemctl status`."""
    unit = service.unit
    lines = [
        f"{'●' if service.is_up else '○'} {unit.name} - {unit.description}",
        f"     Loaded: loaded ({unit.path}; {enabled})",
        f"     Active: {service.active} ({service.sub}) since {_moment(service.since)}",
    ]
    if service.main is not None:
        lines.append(f"   Main PID: {service.main.pid}")
    return "\n".join([*lines, "", ""])


def properties(name: str, service: Service | None, supervisor: Supervisor) -> dict[str, str]:
    """`systemctl show`: org.freedesktop.systemd1(5). service: None where there is no unit."""
    if service is None:
        return {"Id": name, "LoadState": "not-found", "ActiveState": "inactive"} | {
            "SubState": "dead",
            "Result": "success",
            "MainPID": "0",
            "NRestarts": "0",
            "UnitFileState": "",
        }
    main = service.main if service.main and not service.main.ended.done() else None
    changed = _moment(service.since)
    return {
        "Id": name,
        "Description": service.unit.description,
        "Type": service.unit.type,
        "LoadState": "loaded",
        "ActiveState": service.active,
        "SubState": service.sub,
        "Result": service.result,
        "MainPID": str(main.pid if main else 0),
        "ExecMainPID": str(service.main.pid if service.main else 0),
        "ExecMainStatus": str(abs(service.status)),
        "ExecMainCode": "0" if main else "2" if service.status < 0 else "1",
        "NRestarts": str(service.restarts),
        "InvocationID": service.invocation,
        "UnitFileState": supervisor.is_enabled(name),
        "FragmentPath": str(service.unit.path),
        "NeedDaemonReload": "yes" if supervisor.is_stale(service) else "no",
        "StateChangeTimestamp": changed,
        "ActiveEnterTimestamp": changed if service.is_up else "",
    }


def _moment(at: float) -> str:
    return time.strftime("%a %Y-%m-%d %H:%M:%S %Z", time.localtime(at))
