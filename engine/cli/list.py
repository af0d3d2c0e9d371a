"""`homeport list`: all deployments, a line each."""

from __future__ import annotations

import argparse

from engine.cli import output
from engine.homeport import DeploymentView, Homeport
from engine.model.move import MovePhase


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help="destroyed ones, too")


def run(options: argparse.Namespace) -> int:
    with Homeport.open() as homeport:
        views = homeport.deployments(destroyed=options.all)
    if options.json:
        output.emit_json(
            [
                {
                    "deployment": view.deployment.model_dump(mode="json"),
                    "address": view.address,
                    "url": view.url,
                    "health": view.health.model_dump(mode="json") if view.health else None,
                    "operation": view.operation.id if view.operation else None,
                    "move": view.move.model_dump(mode="json") if view.move else None,
                    "schedule": view.schedule.model_dump(mode="json") if view.schedule else None,
                }
                for view in views
            ]
        )
        return 0
    if not views:
        output.line("No deployments yet. Begin with: homeport catalog")
        return 0
    output.table(
        ("NAME", "APPLICATION", "PROVIDER", "STATUS", "HEALTH", "OPEN"),
        (
            (
                view.deployment.name,
                f"{view.deployment.application} {view.deployment.release}",
                view.deployment.provider,
                _status(view),
                view.health.health.value if view.health else "unknown",
                view.url,
            )
            for view in views
        ),
    )
    return 0


def _status(view: DeploymentView) -> str:
    status = view.deployment.status.value
    observed = view.move is not None and view.move.phase is MovePhase.OBSERVING
    return f"{status}, observing" if observed else status
