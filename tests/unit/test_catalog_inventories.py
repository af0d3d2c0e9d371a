"""Packages that are there for what they say of an application's state, before any method here
can install them."""

from __future__ import annotations

import json

import pytest

from engine.catalog.load import Catalog
from engine.catalog.options import leaves
from engine.catalog.package import Package
from engine.cli.main import main
from engine.errors import NotReady
from engine.homeport import DeployRequest, Homeport
from engine.methods.registry import methods
from tests.unit.test_homeport import homeport

__all__ = ["homeport"]

CATALOG = Catalog.open()
ASKED_FOR = (
    *("mastodon", "peertube", "pixelfed", "nextcloud"),
    *("forgejo", "gotosocial", "vaultwarden", "immich"),
)


@pytest.fixture(params=ASKED_FOR)
def package(request: pytest.FixtureRequest) -> Package:
    return CATALOG.package(request.param)


def test_it_says_what_must_never_be_lost_and_who_it_is(package: Package) -> None:
    assert package.method == "nixos"
    assert package.module.startswith("services.")
    classes = {unit.klass for unit in package.state}
    assert {"irreplaceable"} <= classes
    databases = [unit for unit in package.state if unit.kind in ("postgresql", "mariadb", "sqlite")]
    assert [unit.klass for unit in databases] == ["irreplaceable"]
    identity = [unit for unit in package.state if unit.klass == "identity"]
    assert identity or "identity" in databases[0].after
    assert package.quiesce.note


def test_paths_are_whole_and_no_two_units_have_the_same_files(package: Package) -> None:
    units = [unit for unit in package.state if unit.kind in ("files", "sqlite")]
    assert all(unit.locator.startswith("/var/") for unit in units)
    for unit in units:
        for other in units:
            inside = other.locator.removeprefix(unit.locator + "/")
            if other is unit or inside == other.locator or unit.klass in ("rebuildable", "cache"):
                continue
            assert inside in unit.exclude, f"{unit.id} has {other.id}"


def test_what_is_made_anew_says_how_or_is_a_cache(package: Package) -> None:
    for unit in package.state:
        if unit.klass == "rebuildable" and unit.kind == "redis":
            assert unit.after


def test_every_option_has_a_default_or_is_decided_by_homeport(package: Package) -> None:
    for path, node in leaves(CATALOG.options_schema(package.id)):
        assert node.get("x-managed") or "default" in node, path


def test_it_cannot_be_deployed_and_that_is_said(package: Package, homeport: Homeport) -> None:
    with pytest.raises(NotReady, match="cannot be installed yet") as caught:
        homeport.plan_deploy(DeployRequest(package.id, "home", "app.home.example"))
    assert "needs the method nixos" in caught.value.why
    with pytest.raises(NotReady, match="needs the method nixos"):
        homeport.plan_probe(package.id)


def test_it_is_not_offered_and_yet_listed(
    homeport: Homeport, capsys: pytest.CaptureFixture[str]
) -> None:
    assert {"nixos"}.isdisjoint(methods())
    offered = {package.id for package in homeport.packages()}
    assert offered == {"radicale", "isso", "synapse"}
    listed = {package.id for package in homeport.packages(installable=False)}
    assert listed == offered | set(ASKED_FOR)
    assert main(["catalog"]) == 0
    lines = capsys.readouterr().out.splitlines()
    words = "not installable yet: needs method nixos"
    assert {line.split()[0] for line in lines if words in line} == set(ASKED_FOR)


def test_its_inventory_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalog", "immich"]) == 0
    shown = capsys.readouterr().out
    assert "not installable yet: needs method nixos" in shown
    [thumbs] = [line for line in shown.splitlines() if line.startswith("thumbnails ")]
    assert thumbs.split()[:5] == [
        *("thumbnails", "files", "rebuildable", "main", "/var/lib/immich/thumbs"),
    ]
    assert "it is made anew" in thumbs
    assert main(["catalog", "immich", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"][0]["kind"] == "postgresql"
