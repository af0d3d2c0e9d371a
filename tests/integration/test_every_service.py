"""The whole story with every service of a provider real at once: deployed, configured anew and
destroyed, twice in a row, with each service as it was found."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from engine.demo.use import VALUES, use_application
from engine.model.deployment import ResourceKind
from engine.model.plan import Operation
from engine.model.provider import CheckStatus
from tests.deployed import Installation, check_nothing_left, installation
from tests.every_service import NAME, EveryService, every_service
from tests.lab_fixture import RunningLab
from tests.scripted_package import CATALOG, use_catalog

pytestmark = [pytest.mark.integration, pytest.mark.real]


@pytest.fixture(scope="module")
def services(lab: RunningLab) -> Iterator[EveryService]:
    with every_service(lab) as started:
        yield started


@pytest.fixture(scope="module")
def here(
    lab: RunningLab, services: EveryService, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    own = tmp_path_factory.mktemp("catalog")
    shutil.copytree(CATALOG / "shelf", own / "shelf")
    use_catalog(lab.paths, own)
    try:
        with installation(lab) as opened:
            opened.homeport.save_provider(services.profile(), services.secrets())
            yield opened
            opened.homeport.remove_provider(NAME)
    finally:
        (lab.paths.config / "config.toml").unlink()


def succeeded(here: Installation, *plans: Any) -> None:
    """All of them at once."""
    operations = [here.homeport.apply(plan, plan.hash) for plan in plans]
    for operation in operations:
        done: Operation = here.finish(operation)
        assert done.status.value == "succeeded", repr(done.error)


def test_two_applications_come_and_go_twice_and_every_service_is_as_it_was_found(
    here: Installation, services: EveryService
) -> None:
    checks = here.homeport.check_provider(NAME)
    assert [check for check in checks if check.status is CheckStatus.FAIL] == []
    before = services.look()
    for chat, shelf in (("talk-1", "shelf-1"), ("talk-2", "shelf-2")):
        lived_through(here, services, chat, shelf)
        assert services.look() == before


def lived_through(here: Installation, services: EveryService, chat: str, shelf: str) -> None:
    """One application takes a database, the other a bucket; they share everything else."""
    homeport = here.homeport
    succeeded(
        here,
        homeport.plan_deploy(services.request("synapse", chat, VALUES["synapse"])),
        homeport.plan_deploy(services.request("shelf", shelf, {})),
    )
    assert use_application(homeport, chat)
    assert homeport.endpoint(shelf).request("PUT", "/7").status == 200
    assert homeport.endpoint(shelf).request("GET", "/all").body == b"[7]"
    check_written_down(here, services, chat, shelf)
    values = secret_values(here, chat, shelf)

    def register() -> int:
        headers = {"Content-Type": "application/json"}
        path = "/_matrix/client/v3/register"
        return homeport.endpoint(chat).request("POST", path, body=b"{}", headers=headers).status

    assert register() == 401
    changed = {**VALUES["synapse"], "enable_registration": False}
    succeeded(here, homeport.plan_reconfigure(chat, changed))
    assert register() == 403
    assert homeport.plan_reconfigure(chat, changed).is_empty

    succeeded(here, homeport.plan_destroy(chat), homeport.plan_destroy(shelf))
    for name in (chat, shelf):
        check_nothing_left(here, name, NAME)
    told = services.logs() + (homeport.paths.state / "worker.log").read_text()
    assert [value for value in values if value in told] == []


def secret_values(here: Installation, *names: str) -> list[str]:
    """All that the deployments have in OpenBao."""
    store = here.backends(NAME).secrets
    owned = [here.homeport.deployment(name).deployment.id for name in names]
    values = [store.get(path) for one in owned for path in store.list(f"deployments/{one}")]
    assert len(values) > 6
    return values


def check_written_down(here: Installation, services: EveryService, *names: str) -> None:
    """Each service has the thing of each deployment once, and knows it by the same address."""
    seen = services.look()
    for name in names:
        kinds = [resource.kind for resource in here.homeport.resources(name)]
        for kind in (ResourceKind.GUEST, ResourceKind.ADDRESS, ResourceKind.CERTIFICATE):
            assert kinds.count(kind) == 1
        [address] = here.homeport.endpoint(name).addresses()
        api = services.netbox.admin()
        [entered] = [
            one for one in api.ipam.ip_addresses.all() if one.address.startswith(f"{address}/")
        ]
        assert entered.dns_name == here.homeport.deployment(name).deployment.domain
        assert entered.status.value == "active"
        deployment = here.homeport.deployment(name).deployment.id
        assert any(f"/{deployment}/" in path for path in seen["secrets"]["secrets"])
    assert len(seen["addresses"]["machines"]) == 2
    assert [row[0] for row in seen["databases"]["databases"] if row[0].startswith("hp_synapse")]
    assert b"hp-shelf" in seen["buckets"][0]
