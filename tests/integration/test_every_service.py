"""The whole story with every service of a provider real at once: deployed, configured anew and
destroyed, twice in a row, with each service as it was found."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.demo.use import VALUES, use_application
from engine.model.deployment import ResourceKind
from engine.model.plan import Plan
from engine.model.provider import CheckStatus
from engine.operations.retry import LIMIT_VARIABLE
from tests.deployed import Installation, check_nothing_left
from tests.every_service import NAME, EveryService, every_service
from tests.integration import provider_faults
from tests.integration.provider_faults import PACKAGE, Scene, answers
from tests.lab_fixture import RunningLab

pytestmark = [pytest.mark.integration, pytest.mark.real, pytest.mark.slow]


@pytest.fixture(scope="module")
def services(lab: RunningLab) -> Iterator[EveryService]:
    with every_service(lab) as started:
        yield started


@pytest.fixture(scope="module")
def scene(
    lab: RunningLab, services: EveryService, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    with provider_faults.scene(lab, services, tmp_path_factory.mktemp("catalog")) as made:
        yield made


@pytest.fixture
def here(scene: Scene) -> Installation:
    return scene.here


def succeeded(here: Installation, *plans: Plan) -> None:
    """All of them at once."""
    operations = [here.homeport.apply(plan, plan.hash) for plan in plans]
    for operation in operations:
        done = here.finish(operation)
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
    """One application takes a database and a mail account, the other a bucket; they share
    everything else."""
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
    assert [one for one in seen["buckets"][0] if one.startswith("hp-shelf")]
    assert "hp-synapse" in seen["mail"]["users"].replace("_", "-")


def test_six_at_once_take_nothing_twice(here: Installation, services: EveryService) -> None:
    homeport, before = here.homeport, services.look()
    names = [f"one-of-six-{number}" for number in range(6)]
    succeeded(here, *(homeport.plan_deploy(services.request(PACKAGE, name, {})) for name in names))
    taken: dict[ResourceKind, list[str]] = {}
    for name in names:
        answers(here, name)
        for resource in homeport.resources(name):
            taken.setdefault(resource.kind, []).append(resource.external_id)
    for kind in (
        *(ResourceKind.GUEST, ResourceKind.ADDRESS, ResourceKind.RECORD),
        *(ResourceKind.DATABASE, ResourceKind.BUCKET),
    ):
        assert len(set(taken[kind])) == len(taken[kind]) == len(names), kind
    succeeded(here, *(homeport.plan_destroy(name) for name in names))
    assert services.look() == before


@pytest.mark.parametrize("seed", [1, 13])
def test_a_service_that_is_struck_at_any_step_leaves_nothing_behind(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    scene.here.end_worker()
    monkeypatch.setenv(LIMIT_VARIABLE, provider_faults.RETRY_SECONDS)
    try:
        assert len(provider_faults.run(scene, seed).struck) == 3
    finally:
        scene.here.end_worker()
