"""Every option that takes text, and every name, fed with attacks: refused, or carried
verbatim, and never executed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.errors import InvalidInput
from engine.homeport import DeployRequest
from tests.deployed import Installation, installation
from tests.lab_fixture import RunningLab

pytestmark = pytest.mark.integration

APPLICATIONS = ("radicale", "isso", "synapse")


def attacks(marker: Path) -> list[str]:
    """Each would make `marker`, or change another option, where something is not careful."""
    return [
        f"$(touch {marker})",
        f"`touch {marker}`",
        f"; touch {marker} #",
        f"x && touch {marker}",
        f"'; touch {marker}; '",
        f'" ; touch {marker} ; "',
        f"x\ntouch {marker}\n",
        f"x\n[auth]\ntype = none\nx = $(touch {marker})",
        "x\nenable_registration: true\n",
        f"!!python/object/apply:os.system ['touch {marker}']",
        "%(here)s ${HOME} {secret:admin-password} {root}",
        "../../../../etc/passwd",
        "/etc/passwd\0.ini",
        "\x1b]0;owned\x07\x1b[2J",
        "{{ 7 * 7 }} <%= 7 * 7 %> #{7*7}",
        "-oProxyCommand=touch " + str(marker),
        "\N{RIGHT-TO-LEFT OVERRIDE}gnp.exe",
        " leading and trailing ",
        "# comment",
        "'\"\\",
    ]


@pytest.fixture(scope="module")
def here(lab: RunningLab) -> Iterator[Installation]:
    with installation(lab) as opened:
        yield opened


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "executed"


@pytest.mark.parametrize("field", ["name", "domain", "account", "application", "release"])
def test_hostile_names_are_refused_before_anything_happens(
    here: Installation, marker: Path, field: str
) -> None:
    for attack in attacks(marker):
        request: dict[str, Any] = {
            "application": "radicale",
            "provider": "harbour-a",
            "domain": "good.harbour-a.lab",
            field: attack if field != "domain" else f"{attack}.harbour-a.lab",
        }
        with pytest.raises(Exception) as refused:  # noqa: PT011 - two types, checked below
            here.homeport.plan_deploy(DeployRequest(**request))
        assert type(refused.value).__name__ in ("InvalidInput", "NotFound")
    assert not marker.exists()


@pytest.mark.parametrize("application", APPLICATIONS)
def test_hostile_values_are_never_executed(
    here: Installation, marker: Path, application: str
) -> None:
    """All options that take an attack hold one at once; what the application makes of its
    values is its own affair, what Homeport and the guest make of them is not."""
    name = f"hostile-{application}"
    schema = here.homeport.options_schema(application)
    values: dict[str, Any] = {}
    accepted = 0
    for number, path in enumerate(string_options(schema)):
        for attack in rotated(attacks(marker), number):
            candidate = with_value(values, path, attack)
            try:
                here.plan(application, name, candidate)
            except InvalidInput:
                continue
            values, accepted = candidate, accepted + 1
            break
    assert accepted
    operation = here.deploy(application, name, values)
    assert operation.status.value in ("succeeded", "failed")
    assert here.homeport.deployment(name).deployment.application == application
    assert not marker.exists()
    assert here.destroy(name).status.value == "succeeded"
    assert not marker.exists()


def string_options(schema: dict[str, Any], path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Paths of the options that take text and that the user decides."""
    found = []
    for key, option in schema.get("properties", {}).items():
        if option.get("x-managed") or option.get("readOnly"):
            continue
        types = option.get("type", [])
        if "properties" in option:
            found += string_options(option, (*path, key))
        elif "string" in ([types] if isinstance(types, str) else types):
            found.append((*path, key))
    return found


def rotated(values: list[str], by: int) -> list[str]:
    return values[by % len(values) :] + values[: by % len(values)]


def with_value(document: dict[str, Any], path: tuple[str, ...], value: str) -> dict[str, Any]:
    if not path:
        raise ValueError("a path is needed")
    head, *rest = path
    inner = with_value(document.get(head, {}), tuple(rest), value) if rest else value
    return {**document, head: inner}
