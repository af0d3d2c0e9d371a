"""What takes much memory or much work for a moment, done by a process of its own.

The drivers of a provider and their libraries stay in the memory of the process that loaded
them, for a DNS provider's whole cloud library if need be; comparing releases keeps a core busy
while keys are typed. The interface lives for hours and needs either for seconds. Like the
worker, the process takes its paths from the environment.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import RemoteFailure
from engine.model.deployment import Deployment
from engine.model.outdated import Outdated
from engine.model.provider import Check, Service

if TYPE_CHECKING:
    from engine.provider_setup.questions import Question

_COMMAND = "import sys; from engine.cli.main import main; sys.exit(main())"
_QUESTION = "import sys; from engine.provider_setup.aside import main; sys.exit(main())"
_SECONDS = 300
"""Every service's own time limit is far below this."""


def check_provider(name: str) -> list[Check]:
    """What `Homeport.check_provider` gives. RemoteFailure where the process gives nothing."""
    said = _said("providers", "check", name)
    return [Check.model_validate(check) for check in said]


def try_provider(name: str) -> list[Check]:
    """What `Homeport.try_provider` gives. RemoteFailure where the process gives nothing."""
    said = _said("providers", "check", name, "--try")
    return [Check.model_validate(check) for check in said]


def check_setup(name: str) -> list[Check]:
    """The same of a provider that is being set up."""
    said = _said("providers", "check", name, "--draft")
    return [Check.model_validate(check) for check in said]


def setup_question(name: str, service: Service, position: int) -> Question | None:
    """What `SetupDesk.question` gives."""
    from engine.provider_setup.questions import Question

    said = _said(name, service.value, str(position), program=_QUESTION)
    return Question.model_validate(said[0]) if said else None


def outdated(deployments: Mapping[str, Deployment]) -> list[Outdated]:
    """What `homeport outdated` finds. deployments: by name; of others nothing is told.
    RemoteFailure where the process gives nothing."""
    return [
        Outdated(
            deployments[one["name"]],
            one["newest"],
            one["releases"],
            one["changed"],
            one["new"],
            one["by_itself"],
            tuple(one["attention"]),
        )
        for one in _said("outdated")
        if one["name"] in deployments
    ]


def _said(*command: str, program: str = _COMMAND) -> Any:
    """The JSON that a command prints; the error that it tells of is raised here."""
    done = subprocess.run(
        [sys.executable, "-c", program, *command, "--json"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=Path(__file__).resolve().parents[1],
        timeout=_SECONDS,
        check=False,
    )
    try:
        said: Any = json.loads(done.stdout)
    except ValueError as error:
        raise RemoteFailure(
            f"homeport {' '.join(command)} failed",
            on=command[-1],
            why=done.stderr.decode(errors="replace").strip()[-500:] or "it said nothing",
            left="nothing was changed",
            do=f"Run: homeport {' '.join(command)}",
        ) from error
    if isinstance(said, dict):
        told = {field: str(said["error"][field]) for field in ("what", "on", "why", "left", "do")}
        raise RemoteFailure(**told)
    return said
