"""`homeport show NAME`: one deployment with its resources and configuration."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from engine.cli import output
from engine.errors import HomeportError, NotFound
from engine.homeport import Homeport
from engine.model.move import Forwarded, Move, MovePhase
from engine.public import PublicEndpoint


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="name or id of the deployment")
    parser.add_argument("--check", action="store_true", help="ask the application now")
    parser.add_argument(
        "--root-certificate",
        metavar="FILE",
        help="write the root certificate of the provider's own authority to a file",
    )


def run(options: argparse.Namespace) -> int:
    with Homeport.open() as homeport:
        if options.root_certificate:
            return _write_root(homeport.endpoint(options.name), options.root_certificate)
        report = homeport.check_health(options.name) if options.check else None
        view = homeport.deployment(options.name)
        resources = homeport.resources(options.name)
        secrets = homeport.secrets(options.name)
        archived = homeport.archived_values(options.name)
        passed_on = _passed_on(homeport, options.name)
        timers = homeport.timers(options.name)
    health = report or view.health
    deployment = view.deployment
    if options.json:
        output.emit_json(
            {
                "deployment": deployment.model_dump(mode="json"),
                "address": view.address,
                "url": view.url,
                "health": health.model_dump(mode="json") if health else None,
                "operation": view.operation.id if view.operation else None,
                "move": view.move.model_dump(mode="json") if view.move else None,
                "schedule": view.schedule.model_dump(mode="json") if view.schedule else None,
                "passed_on": passed_on.model_dump(mode="json")
                if isinstance(passed_on, Forwarded)
                else None,
                "timers": {name: timer.calendar for name, timer in timers.items()},
                "resources": [resource.model_dump(mode="json") for resource in resources],
                "secrets": secrets,
                "archived": [value.model_dump(mode="json") for value in archived],
            }
        )
        return 0
    told = passed_on.told() if isinstance(passed_on, Forwarded) else passed_on
    output.fields(
        {
            "deployment": f"{deployment.name}  ({deployment.id})",
            "application": f"{deployment.application} {deployment.release}",
            "provider": deployment.provider,
            "status": deployment.status.value,
            "health": f"{health.health.value}  {health.detail}" if health else "not asked yet",
            "open": view.url,
            "address": view.address,
            "operation": view.operation.id if view.operation else "none running",
            "move": "\n".join(filter(None, (_move(deployment.name, view.move), told))),
            "backups": view.schedule.told() if view.schedule else "only by hand",
            "regular work": "\n".join(f"{one}  {spec.calendar}" for one, spec in timers.items())
            or "none",
            "secrets": "  ".join(secrets) or "none",
            "own options": "\n".join(_flat(deployment.values)) or "all at their defaults",
            "archived": "\n".join(
                f"{kept.path} = {kept.value}  (left with {kept.new_release})" for kept in archived
            )
            or "none",
        }
    )
    output.line()
    output.table(
        ("OWNS", "KEY", "AT", "THERE AS"),
        (
            (resource.kind.value, resource.key, resource.provider, resource.external_id)
            for resource in resources
        ),
    )
    return 0


def _passed_on(homeport: Homeport, name: str) -> Forwarded | str:
    """What came by the old address; in words where that is not known, and empty for none."""
    try:
        return homeport.forwarded(name) or ""
    except HomeportError as error:
        return f"what came by the old address is not known: {error.what}"


def _move(name: str, move: Move | None) -> str:
    """How far its move is, and what can be done about it."""
    if move is None:
        return "never moved"
    way = f"{move.source} -> {move.target}"
    away = move.downtime_seconds
    if away is not None:
        way += f", away for {away:.1f} s"
    match move.phase:
        case MovePhase.MOVING if move.waits:
            return (
                f"{way}: waits before the freeze since {move.held:%Y-%m-%d %H:%M} UTC; "
                f"{move.source} serves\nbegin now: homeport continue {name}"
            )
        case MovePhase.MOVING:
            return f"{way}: moving; {move.writer} may write"
        case MovePhase.OBSERVING:
            return (
                f"{way}: observing since {move.changed:%Y-%m-%d %H:%M} UTC; {move.source} keeps "
                f"its side\nsettle it: homeport confirm {name}, or homeport revert {name}"
            )
        case MovePhase.STOPPED | MovePhase.REVERTED:
            return (
                f"{way}: {move.phase.value}; {move.source} serves, {move.target} keeps its side"
                f"\nremove that: homeport confirm {name}"
            )
        case MovePhase.CONFIRMED:
            return f"{way}: confirmed"


def _write_root(endpoint: PublicEndpoint, file: str) -> int:
    if endpoint.trust_anchors is None:
        raise NotFound(
            "the provider has no authority of its own",
            on=endpoint.domain,
            do="Its certificates are trusted as they are; nothing need be installed.",
        )
    Path(file).write_bytes(endpoint.trust_anchors)
    address = endpoint.addresses()[0]
    output.line(f"wrote {file}; for example:")
    output.line(
        f"  curl --cacert {shlex.quote(file)} "
        f"--resolve {endpoint.domain}:{endpoint.port}:{address} {endpoint.url}/"
    )
    return 0


def _flat(values: dict[str, object], prefix: str = "") -> list[str]:
    lines: list[str] = []
    for name, value in values.items():
        if isinstance(value, dict):
            lines += _flat(value, f"{prefix}{name}.")
        else:
            lines.append(f"{prefix}{name} = {value}")
    return lines
