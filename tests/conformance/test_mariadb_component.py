"""The guest's own MariaDB: made for an application, locked by the fence, open again after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from engine.methods import mariadb
from engine.methods.bindings import bindings_of
from engine.methods.in_turn import run_in_turn
from engine.methods.place import Place
from engine.password_hashes import native_hash
from tests.conformance.state_ground import ground
from tests.conformance.test_state_conformance import installed
from tests.deployed import installation
from tests.lab_fixture import RunningLab

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def place(lab: RunningLab) -> Iterator[Place]:
    with installation(lab) as here, ground(here, "radicale") as made:
        app = made.place.app
        needs = app.package.needs.model_copy(update={"components": ("mariadb",)})
        package = app.package.model_copy(update={"needs": needs})
        installed(made, mariadb.DEBIAN_PACKAGE, "mariadbd")
        yield replace(made.place, app=replace(app, package=package))


def test_an_application_gets_an_account_and_a_database_of_its_own(place: Place) -> None:
    for _ in range(2):
        mariadb.ensure_mariadb(place)
    assert not is_refused(place)
    assert bindings_of(place)["mariadb.database"] == "radicale"


def test_a_locked_account_is_refused_until_it_is_opened_again(place: Place) -> None:
    mariadb.ensure_mariadb(place)
    for allowed in (False, True):
        run_in_turn(place, mariadb.login_allowed(place, allowed=allowed))
        assert is_refused(place) is not allowed


def test_a_side_that_was_fenced_lets_it_in_once_it_is_made_anew(place: Place) -> None:
    """As a move that comes there again does."""
    mariadb.ensure_mariadb(place)
    run_in_turn(place, mariadb.login_allowed(place, allowed=False))
    mariadb.ensure_mariadb(place)
    assert not is_refused(place)


def is_refused(place: Place) -> bool:
    return mariadb.is_refused(run_in_turn(place, *mariadb.login_tried(place)))


def test_the_password_is_not_in_what_the_server_is_told() -> None:
    told = mariadb.setup_input(mariadb.Database.of("next-cloud"), native_hash("canary"))
    assert "canary" not in told
    assert "`next_cloud`@`127.0.0.0/255.0.0.0`" in told
    assert native_hash("password") == "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"
