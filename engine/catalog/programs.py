"""Programs of migrations: what no declared change can say, worked out in Starlark.

    def migrate(values):
        return {"limits.burst": values["limits.rate"] * 3}

`values` holds the old values by written path, `migrate` gives the new ones. Starlark knows no
files, no network, no clock and no chance, so that a package from anybody may bring a program,
and the same values always become the same. It runs in a process of its own, without this
one's memory and environment, that ends when it takes too much time or memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

_SECONDS = 2
"""Of CPU. What works a few values out takes milliseconds."""
_WALL_SECONDS = 20
_MEMORY_MIB = 512
_PROGRAM = """\
import json, resource, sys
import starlark
task = json.load(sys.stdin)
for what, most in (
    (resource.RLIMIT_CPU, task["seconds"]),
    (resource.RLIMIT_AS, task["bytes"]),
    (resource.RLIMIT_FSIZE, 0),
    (resource.RLIMIT_NOFILE, 3),
    (resource.RLIMIT_NPROC, 0),
    (resource.RLIMIT_CORE, 0),
):
    resource.setrlimit(what, (most, most))
try:
    module = starlark.Module()
    program = starlark.parse("program", task["program"] + "\\ntype(migrate)\\n")
    starlark.eval(module, program, starlark.Globals.standard())
    values = task["values"]
    found = {} if values is None else module.freeze().call("migrate", values)
except (starlark.StarlarkError, ValueError, TypeError) as error:
    print(json.dumps({"error": str(error)}))
else:
    print(json.dumps({"values": found}))
"""


def run_program(program: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """`forms.migrations.Runner`: what the program makes of the values, by written path.

    ValueError, in words for a person, where it gives none.
    """
    return _run(program, dict(values))


def check_program(program: str) -> None:
    """ValueError, in words for its author, for a program that cannot be read or that has no
    `migrate`."""
    _run(program, None)


def _run(program: str, values: Mapping[str, Any] | None) -> Mapping[str, Any]:
    limits = {"seconds": _SECONDS, "bytes": _MEMORY_MIB << 20}
    task = {"program": program, "values": values, **limits}
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", _PROGRAM],
            input=json.dumps(task),
            capture_output=True,
            text=True,
            env={},
            cwd="/",
            timeout=_WALL_SECONDS,
            check=False,
        )
        said: Any = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise ValueError(f"the program did not end within {_WALL_SECONDS} seconds") from None
    except ValueError:
        raise ValueError(
            f"the program broke off: it may take {_SECONDS} seconds and {_MEMORY_MIB} MiB"
        ) from None
    if "error" in said:
        raise ValueError(f"the program ends in an error: {_said(said['error'])}")
    if not isinstance(said["values"], dict):
        raise ValueError("the program gave no values")
    found: dict[str, Any] = said["values"]
    return found


def _said(text: str) -> str:
    """The sentence of a Starlark error, without the frame that it draws around the source."""
    lines = [line.strip() for line in text.splitlines()]
    sentence = next((line for line in lines if line.startswith("error: ")), lines[0])
    return sentence.removeprefix("error: ").removeprefix("fail: ")
