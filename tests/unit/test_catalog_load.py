"""Catalogs are directories; a package that is broken or taken is named and hides no other."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import schemas
from engine.catalog.load import Catalog, further_directories
from engine.errors import InvalidInput, NotFound
from engine.paths import Paths


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A catalog of one's own with one package, `notes`, made from isso's."""
    package = tmp_path / "catalog" / "notes"
    shutil.copytree(schemas.applications() / "isso", package)
    manifest = package / "manifest.yaml"
    manifest.write_text(manifest.read_text().replace("id: isso", "id: notes"))
    return package.parent


def test_packages_of_all_catalogs_are_offered(own: Path) -> None:
    catalog = Catalog((schemas.applications(), own, own.parent / "gone"))
    packages = catalog.packages()
    assert {package.id for package in packages} > {"synapse", "radicale", "isso", "notes"}
    assert [package.name for package in packages] == sorted(
        (package.name for package in packages), key=str.casefold
    )
    assert catalog.options_schema("notes") == catalog.options_schema("isso")
    assert catalog.broken == {}


def test_a_broken_package_hides_no_other_and_says_what_to_run(own: Path) -> None:
    (own / "notes" / "manifest.yaml").write_text("id: notes\nname: [")
    catalog = Catalog((schemas.applications(), own))
    assert "notes" not in [package.id for package in catalog.packages()]
    assert {package.id for package in catalog.packages()} >= {"synapse", "radicale", "isso"}
    error = catalog.broken[own / "notes"]
    assert error.do == f"Run: homeport catalog check {own / 'notes'}"


def test_a_name_that_is_taken_stays_with_its_first_package(own: Path) -> None:
    manifest = own / "notes" / "manifest.yaml"
    manifest.write_text(manifest.read_text().replace("id: notes", "id: isso"))
    catalog = Catalog((schemas.applications(), own))
    assert catalog.package("isso").name == "isso"
    assert str(schemas.applications() / "isso") in catalog.broken[own / "notes"].why


def test_what_is_not_there_is_answered_with_what_is() -> None:
    catalog = Catalog.open()
    with pytest.raises(NotFound) as caught:
        catalog.package("no-such")
    assert "isso" in caught.value.do
    with pytest.raises(NotFound) as caught:
        catalog.options_schema("isso", "0.1")
    assert "0.14.0" in caught.value.do


def test_further_catalogs_are_named_in_the_configuration(tmp_path: Path) -> None:
    paths = Paths.from_environment({"HOMEPORT_HOME": str(tmp_path)})
    assert further_directories(paths) == ()
    paths.config.mkdir(parents=True, exist_ok=True)
    (paths.config / "config.toml").write_text('[catalog]\ndirectories = ["ours", "/srv/theirs"]\n')
    assert further_directories(paths) == (paths.config / "ours", Path("/srv/theirs"))
    (paths.config / "config.toml").write_text("[catalog]\ndirectories = 5\n")
    with pytest.raises(InvalidInput, match=r"config\.toml"):
        further_directories(paths)
