"""The connection check of a provider, made by a process of its own.

The drivers of a provider and their libraries stay in the memory of the process that loaded
them, for a DNS provider's whole cloud library if need be. The interface lives for hours and
needs them for seconds. Like the worker, the process takes its paths from the environment.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from engine.errors import RemoteFailure
from engine.model.provider import Check

_COMMAND = "import sys; from engine.cli.main import main; sys.exit(main())"
_SECONDS = 300
"""Every service's own time limit is far below this."""


def check_provider(name: str) -> list[Check]:
    """What `Homeport.check_provider` gives. RemoteFailure where the process gives nothing."""
    command = [sys.executable, "-c", _COMMAND, "providers", "check", name, "--json"]
    done = subprocess.run(
        command,
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
            "the provider could not be checked",
            on=name,
            why=done.stderr.decode(errors="replace").strip()[-500:] or "the check said nothing",
            left="nothing was changed",
            do=f"Run: homeport providers check {name}",
        ) from error
    if isinstance(said, dict):
        told = {field: str(said["error"][field]) for field in ("what", "on", "why", "left", "do")}
        raise RemoteFailure(**told)
    return [Check.model_validate(check) for check in said]
