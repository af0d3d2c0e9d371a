"""Backups of real applications on a lab, and back from them: by restic, in a directory."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from engine.model.plan import Operation
from engine.model.repository import Keep, RepositoryKind, RepositoryProfile
from tests.deployed import Installation, check_one_of_each, installation
from tests.integration.test_upgrade import OLDER, captures_on_guest, deploy
from tests.lab_fixture import RunningLab

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("restic") is None, reason="needs restic (apt)"),
    pytest.mark.skipif(shutil.which("ssh") is None, reason="needs openssh-client (apt)"),
]


@pytest.fixture(scope="module")
def here(lab: RunningLab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installation(lab) as opened:
        place = tmp_path_factory.mktemp("backups") / "store"
        profile = RepositoryProfile(
            name="store",
            kind=RepositoryKind.DIRECTORY,
            location=str(place),
            keep=Keep(last=2, daily=0, weekly=0, monthly=0),
        )
        assert opened.homeport.repositories.add(profile)
        try:
            yield opened
        finally:
            opened.homeport.repositories.remove("store")


def back_up(here: Installation, name: str) -> Operation:
    plan = here.homeport.plan_backup(name)
    return here.finish(here.homeport.apply(plan, plan.hash))


def restore(here: Installation, name: str, backup: str = "") -> Operation:
    plan = here.homeport.plan_restore(name, backup)
    return here.finish(here.homeport.apply(plan, plan.hash))


@pytest.mark.parametrize("application", ["radicale", "synapse"])
def test_backed_up_and_restored_in_place_with_nothing_lost(
    here: Installation, application: str
) -> None:
    name = f"kept-{application}"
    try:
        client = deploy(here, application, name, OLDER[application])
        client.write("before")
        done = back_up(here, name)
        assert done.status.value == "succeeded", repr(done.error)
        [backup] = here.homeport.repositories.backups(name)
        assert backup.id == done.id
        assert captures_on_guest(here, name) == []
        client.write("after")
        back = restore(here, name)
        assert back.status.value == "succeeded", repr(back.error)
        assert client.has("before")
        assert not client.has("after")
        client.write("again")
        check_one_of_each(here, name)
    finally:
        here.destroy(name)
