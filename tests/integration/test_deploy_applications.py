"""The main job on real input: deployed, given other passwords, used under its name, configured
anew, destroyed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from engine.catalog.load import Catalog
from engine.demo.use import VALUES, use_application
from engine.homeport import Homeport
from engine.model.deployment import DeploymentStatus, Health
from tests.deployed import Installation, check_nothing_left, check_one_of_each, installation
from tests.integration.test_upgrade import OLDER, can_compile
from tests.lab_fixture import RunningLab

pytestmark = pytest.mark.integration

CHANGES: dict[str, dict[str, Any]] = {
    "radicale": {"auth": {"realm": "Harbour \"%s\" ; # 'realm'"}},
    "isso": {"moderation": {"enabled": True}},
    "synapse": {"enable_registration": False},
}


@pytest.fixture(scope="module")
def here(lab: RunningLab) -> Iterator[Installation]:
    with installation(lab) as opened:
        yield opened


def realm(homeport: Homeport, name: str) -> bool:
    answer = homeport.endpoint(name).request("PROPFIND", "/admin/", headers={"Depth": "0"})
    return "Harbour \"%s\" ; # 'realm'" in answer.headers["www-authenticate"]


def moderation(homeport: Homeport, name: str) -> bool:
    info = json.loads(homeport.endpoint(name).request("GET", "/info").body)
    return info["moderation"] is True


def closed(homeport: Homeport, name: str) -> bool:
    headers = {"Content-Type": "application/json"}
    path = "/_matrix/client/v3/register"
    return homeport.endpoint(name).request("POST", path, body=b"{}", headers=headers).status == 403


EFFECTS: Mapping[str, Callable[[Homeport, str], bool]] = {
    "radicale": realm,
    "isso": moderation,
    "synapse": closed,
}


@pytest.mark.parametrize("application", ["radicale", "isso", "synapse"])
def test_from_nothing_to_used_to_changed_to_gone(here: Installation, application: str) -> None:
    homeport, name = here.homeport, f"all-{application}"
    deployed = here.deploy(application, name)
    try:
        assert deployed.status.value == "succeeded", repr(deployed.error)
        check_one_of_each(here, name)
        rotated = here.carry_out(homeport.plan_rotate(name))
        assert rotated.status.value == "succeeded", repr(rotated.error)
        assert use_application(homeport, name)
        assert homeport.check_health(name).health is Health.HEALTHY

        assert not EFFECTS[application](homeport, name)
        plan = homeport.plan_reconfigure(name, {**VALUES[application], **CHANGES[application]})
        changed = here.finish(homeport.apply(plan, plan.hash))
        assert changed.status.value == "succeeded", repr(changed.error)
        assert EFFECTS[application](homeport, name)
        assert homeport.plan_reconfigure(name, plan.values).is_empty
        assert homeport.deployment(name).deployment.status is DeploymentStatus.RUNNING
    finally:
        destroyed = here.destroy(name)
    assert destroyed.status.value == "succeeded", repr(destroyed.error)
    check_nothing_left(here, name)


def older_releases() -> Iterator[Any]:
    """But for the last before the newest: upgrades begin with that one (`test_upgrade.OLDER`)."""
    for package in Catalog.open().packages():
        for release in package.releases[1:]:
            if OLDER.get(package.id) == release.version:
                continue
            yield pytest.param(
                package.id,
                release.version,
                id=f"{package.id}-{release.version}",
                marks=pytest.mark.skipif(
                    "gcc" in release.build and not can_compile(),
                    reason="it is compiled: needs gcc and python3-dev (apt)",
                ),
            )


@pytest.mark.parametrize(("application", "release"), list(older_releases()))
def test_older_release_is_deployed_as_well(
    here: Installation, application: str, release: str
) -> None:
    name = f"old-{application}"
    plan = here.plan(application, name, release=release)
    assert plan.release == release
    done = here.finish(here.homeport.apply(plan, plan.hash))
    try:
        assert done.status.value == "succeeded", repr(done.error)
        assert use_application(here.homeport, name)
    finally:
        here.destroy(name)


def test_option_the_application_refuses_is_named_and_its_users_notice_nothing(
    here: Installation,
) -> None:
    homeport, name = here.homeport, "refuses"
    here.deploy("radicale", name, {"auth": {"realm": "Before"}})

    def realm_now() -> str:
        answer = homeport.endpoint(name).request("PROPFIND", "/admin/", headers={"Depth": "0"})
        return answer.headers["www-authenticate"]

    try:
        # Each is fine by itself; Radicale refuses to start with both.
        bad = {"auth": {"lc_username": True, "uc_username": True, "realm": "After"}}
        plan = homeport.plan_reconfigure(name, bad)
        failed = here.finish(homeport.apply(plan, plan.hash))
        assert failed.status.value == "failed"
        assert failed.error
        assert "lc_username and auth.uc_username" in str(failed.error["why"])
        assert "runs with the configuration from before" in str(failed.error["left"])
        assert failed.error["do"]
        assert use_application(homeport, name)
        assert "Before" in realm_now()

        # Resuming tries the approved configuration again; it does not pretend.
        again = here.finish(homeport.resume(failed.id))
        assert again.status.value == "failed"
        assert "Before" in realm_now()

        plan = homeport.plan_reconfigure(name, {"auth": {"realm": "After"}})
        mended = here.finish(homeport.apply(plan, plan.hash))
        assert mended.status.value == "succeeded", repr(mended.error)
        assert "After" in realm_now()
    finally:
        here.destroy(name)
