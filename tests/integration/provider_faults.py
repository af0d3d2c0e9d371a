"""Services of a provider that are struck while a deployment comes, changes and goes: which one, at
which step and how is chosen by a seed. Whatever was struck, the operation goes on by itself or
says what is wrong, finishes when it is resumed, and nothing is left of it in any service.

`python -m tests.integration.provider_faults --runs 100 --seed 1` runs many and prints a line for
each; `--in-turn` leaves only for how long to chance, and takes every service, step and way of
being struck, the one of this number first. `test_every_service.py` runs a few.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from engine.lab.lab import Lab
from engine.model.events import StepRetrying, StepStarted
from engine.model.plan import Operation, Plan
from engine.model.provider import Service
from engine.operations.retry import LIMIT_VARIABLE
from engine.paths import Paths
from tests.deployed import Installation, check_nothing_left
from tests.every_service import NAME, EveryService, every_service
from tests.lab_fixture import RunningLab
from tests.scripted_package import CATALOG, with_catalog
from tests.struck_line import Blow

PACKAGE = "strongbox"
RETRY_SECONDS = "4"
_SECONDS = (1.0, 9.0)
"""For how long a service is struck, from the beginning of the step on."""
_LONG, _OFTEN = (32.0, 40.0), 0.1
"""Now and then so long that a client gives up waiting."""
_TRIES = 3

STEPS: Mapping[Service, tuple[str, ...]] = {
    Service.HYPERVISOR: ("preflight", "guest.ensure", "guest.start", "guest.destroy"),
    Service.ADDRESSES: ("preflight", "address.allocate", "guest.ensure", "address.release"),
    Service.DNS: ("preflight", "certificate.issue", "dns.apply", "app.health", "dns.remove"),
    Service.SECRETS: (
        *("preflight", "secrets.ensure", "databases.ensure", "buckets.ensure", "guest.ensure"),
        *("app.configure", "app.publish", "certificate.issue", "app.health", "dns.remove"),
        *("certificate.remove", "secrets.remove", "deployment.forget"),
    ),
    Service.CERTIFICATES: ("preflight", "certificate.issue"),
    Service.DATABASES: ("preflight", "databases.ensure", "app.start", "databases.drop"),
    Service.BUCKETS: ("preflight", "buckets.ensure", "buckets.drop"),
    Service.MAIL: ("preflight", "mail.ensure", "mail.drop"),
}
"""Kinds of steps in which each service takes part."""

Switch = Callable[[], object]


@dataclass
class Scene:
    here: Installation
    services: EveryService

    def ways(self, service: Service) -> dict[str, tuple[Switch, Switch]]:
        """How the service can be struck: by name, what does it and what takes it back."""
        part = self.services.parts[service]
        found: dict[str, tuple[Switch, Switch]] = {}
        if (line := part.line) is not None:
            in_http = {Blow.ERRORS, Blow.DEAF}
            for blow in sorted(set(Blow) - (in_http if service is Service.DATABASES else set())):
                found[blow.value] = (lambda b=blow: line.strike(b), line.mend)  # type: ignore[misc]
        return found | self._own_ways().get(service, {})

    def _own_ways(self) -> dict[Service, dict[str, tuple[Switch, Switch]]]:
        services = self.services
        acme, names = services.authority, services.dns.process
        limit = "ALTER ROLE homeport CONNECTION LIMIT {}"
        stop, go = signal.SIGSTOP, signal.SIGCONT
        return {
            Service.SECRETS: {"sealed": (services.bao.seal, services.bao.unseal)},
            Service.MAIL: {"stopped": (services.mail.stop, services.mail.start)},
            Service.CERTIFICATES: {
                "stopped": (acme.stop, acme.start),
                "silent": (lambda: acme.signal(stop), lambda: acme.signal(go)),
            },
            Service.DNS: {
                "stands still": (lambda: names.send_signal(stop), lambda: names.send_signal(go))
            },
            Service.DATABASES: {
                "full": (
                    lambda: services.database.admin(limit.format(0)),
                    lambda: services.database.admin(limit.format(-1)),
                )
            },
        }


@dataclass(frozen=True)
class Struck:
    """What came of one operation. ended: "went on" by itself, or after "resumed" so often."""

    intent: str
    service: str
    how: str
    step: str
    ended: str
    retried: int
    said: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class Ran:
    seed: int
    struck: tuple[Struck, ...]


@dataclass(frozen=True)
class Target:
    """What is struck: this service, when this step of the plan begins, in this way."""

    service: Service
    step: str
    how: str


def run(scene: Scene, seed: int, in_turn: bool = False) -> Ran:
    """A deployment that comes, is changed and goes, struck once in each. AssertionError, which
    names the seed, where anything is not as it must be."""
    chance, homeport = random.Random(seed), scene.here.homeport
    name, before = f"struck-{seed}", scene.services.look()
    request = scene.services.request(PACKAGE, name, {})
    struck = []

    def struck_once(plan: Plan) -> None:
        targets = targets_in(scene, plan)
        target = targets[seed % len(targets)] if in_turn else by_chance(targets, chance)
        struck.append(strike(scene, seed, plan, target, chance))

    struck_once(homeport.plan_deploy(request))
    answers(scene.here, name)
    struck_once(homeport.plan_reconfigure(name, {"title": "Ahoy"}))
    answers(scene.here, name)
    struck_once(homeport.plan_destroy(name))
    check_nothing_left(scene.here, name, NAME)
    after = scene.services.look()
    for service, found in before.items():
        assert after[service] == found, f"seed {seed}: {service} is not as it was: {struck}"
    return Ran(seed, tuple(struck))


def answers(here: Installation, name: str) -> None:
    number = random.randrange(1 << 30)
    answer = here.homeport.endpoint(name).request("PUT", f"/{number}", timeout=60)
    assert answer.status == 200, answer.body


def targets_in(scene: Scene, plan: Plan) -> list[Target]:
    """Every service at every step in which it takes part, in every way it can be struck."""
    return [
        Target(service, step.id, how)
        for service, kinds in sorted(STEPS.items())
        for step in plan.steps
        if step.kind.partition("@")[0] in kinds
        for how in sorted(scene.ways(service))
    ]


def by_chance(targets: Sequence[Target], chance: random.Random) -> Target:
    """Each service as often as any other, however many steps and ways it has."""
    service = chance.choice(sorted({target.service for target in targets}))
    return chance.choice([target for target in targets if target.service == service])


def strike(scene: Scene, seed: int, plan: Plan, target: Target, chance: random.Random) -> Struck:
    """The plan is carried out, with one service struck from just before one of its steps on."""
    homeport, began = scene.here.homeport, time.monotonic()
    service, step, how = target.service, target.step, target.how
    what = f"seed {seed}: {service} {how} at {step} of {plan.intent.value}"
    lasts = chance.uniform(*(_LONG if chance.random() < _OFTEN else _SECONDS))
    blow = Blowing(scene.ways(service)[how], lasts)
    # What comes just before a step is where a service goes away so that the step meets it.
    before = next(one.after for one in plan.steps if one.id == step)
    retried, said = 0, set[str]()

    def follow(operation: Operation) -> Operation:
        nonlocal retried
        for event in homeport.follow(operation.id):
            if isinstance(event, StepStarted):
                if event.step in before:
                    blow.begin()
                if event.step == step:
                    blow.begin()
                    blow.count()
            if isinstance(event, StepRetrying):
                retried += 1
                check_explained(event.error, what)
                said.add(str(event.error["what"]))
        return homeport.operation(operation.id)

    try:
        if not before:
            blow.begin()
        operation = follow(homeport.apply(plan, plan.hash))
    finally:
        blow.end()
    resumed = 0
    while operation.status.value != "succeeded":
        check_explained(operation.error, what)
        said.add(str((operation.error or {})["what"]))
        assert resumed < _TRIES, f"{what}: it does not come to its end: {operation.error!r}"
        resumed += 1
        operation = follow(homeport.resume(operation.id))
    ended = f"resumed {resumed} times" if resumed else "went on"
    seconds = round(time.monotonic() - began, 1)
    return Struck(
        plan.intent.value, service.value, how, step, ended, retried, tuple(sorted(said)), seconds
    )


class Blowing:
    """One blow: begun once, and over a while after the step that it is meant for began; or after
    it began itself, where that step is held up by it; or at the end."""

    def __init__(self, way: tuple[Switch, Switch], seconds: float) -> None:
        self._on, self._off = way
        self._seconds = seconds
        self._begun = self._counted = self._over = False
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._on()
            self._end_later()

    def count(self) -> None:
        if not self._counted:
            self._counted = True
            self._end_later()

    def end(self) -> None:
        self._stop_timer()
        self._finish()

    def _end_later(self) -> None:
        self._stop_timer()
        self._timer = threading.Timer(self._seconds, self._finish)
        self._timer.start()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()

    def _finish(self) -> None:
        with self._lock:
            if self._begun and not self._over:
                self._off()
            self._over = True


def check_explained(error: Mapping[str, Any] | None, what: str) -> None:
    """It says what is wrong, and is no accident in Homeport's own code."""
    assert error is not None, what
    told = f"{what}: {error!r}"
    assert error["what"], told
    assert error["why"], told
    assert error["do"], told
    assert "nobody foresaw" not in error["what"], told


@contextmanager
def scene(lab: RunningLab, services: EveryService, catalog: Path) -> Iterator[Scene]:
    """An installation that knows the provider and the packages. catalog: a directory for them."""
    shutil.copytree(CATALOG / "shelf", catalog / "shelf")
    write_package(catalog / PACKAGE)
    with with_catalog(lab, catalog) as here:
        here.homeport.save_provider(services.profile(), services.secrets())
        yield Scene(here, services)
        here.homeport.remove_provider(NAME)


def write_package(place: Path) -> None:
    """The logbook of the tests' catalog, which has a bucket and a mail account beside its
    database."""
    shutil.copytree(CATALOG / "logbook", place)
    manifest = yaml.safe_load((place / "manifest.yaml").read_text())
    manifest |= {"id": PACKAGE, "name": "Strongbox"}
    manifest["needs"] |= {"bucket": True, "mail": True}
    for name in ("s3-access-key", "s3-secret-key", "smtp-password"):
        manifest["secrets"][name] = {"kind": "token"}
    told = manifest["config"][0]["settings"]
    told["bucket"] = {"name": "{s3.bucket}", "key": "{secret:s3-secret-key}"}
    told["mail"] = {"user": "{smtp.username}", "password": "{secret:smtp-password}"}
    (place / "manifest.yaml").write_text(yaml.safe_dump(manifest))
    options = json.loads((place / "options-1.0.json").read_text())
    for name in ("bucket", "mail"):
        options["properties"][name] = options["properties"]["database"]
    (place / "options-1.0.json").write_text(json.dumps(options))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1, help="of the first run")
    parser.add_argument("--in-turn", action="store_true", help="all there are, one after the other")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and the services end with it
    home = Path(tempfile.mkdtemp(prefix="hp-faults-"))
    os.environ |= {"HOMEPORT_HOME": str(home), LIMIT_VARIABLE: RETRY_SECONDS}
    paths = Paths.from_environment()
    lab = RunningLab(Lab(paths.lab), paths)
    lab.lab.up()
    try:
        with every_service(lab) as services, scene(lab, services, home / "catalog") as struck:
            for seed in range(given.seed, given.seed + given.runs):
                sys.stdout.write(json.dumps(asdict(run(struck, seed, given.in_turn))) + "\n")
                sys.stdout.flush()
    finally:
        lab.lab.reset()
        with suppress(OSError):
            shutil.rmtree(home)
    return 0


if __name__ == "__main__":
    sys.exit(main())
