"""Who may know whom: proved by importing everything, each package in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

WALK = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, sys.argv[1] + "."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print("\\n".join(sorted({name.partition(".")[0] for name in sys.modules})))
"""
LIGHT = "import sys, {module}; print('\\n'.join(sorted(sys.modules)))"


def imported(code: str, *arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("package", "never"),
    [
        ("forms", {"engine", "tui", "textual", "rich"}),
        ("schemas", {"engine", "tui", "forms", "textual", "rich"}),
        ("engine", {"tui", "textual", "rich"}),
    ],
)
def test_dependencies_point_one_way(package: str, never: set[str]) -> None:
    assert not imported(WALK, package) & never


@pytest.mark.parametrize("module", ["engine.homeport", "engine.cli.main", "tui.entry"])
def test_what_starts_first_stays_light(module: str) -> None:
    heavy = {"sqlalchemy", "dbos", "octodns", "proxmoxer", "requests", "asyncssh", "jsonschema"}
    assert not imported(LIGHT.format(module=module)) & heavy


def test_a_form_is_painted_before_its_model_is_imported() -> None:
    assert "forms.model.form" not in imported(LIGHT.format(module="tui.form_app"))


def test_the_engine_does_not_know_the_lab() -> None:
    """It is reached like any provider; only the commands that make a lab know it."""
    code = (
        "import sys, importlib, pkgutil, engine.backends, engine.operations, engine.planning\n"
        "for package in (engine.backends, engine.operations, engine.planning):\n"
        "    for module in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "        importlib.import_module(module.name)\n"
        "print('\\n'.join(sys.modules))"
    )
    assert not {name for name in imported(code) if name.startswith("engine.lab")}
