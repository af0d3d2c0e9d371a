"""Applications on throw-away guests: all that they write is declared, or named."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.cli.main import main
from engine.errors import InvalidInput, NotFound
from engine.model.plan import Intent
from engine.model.probe import Probed
from engine.operations.steps.probe import unclaimed_databases, unclaimed_in_servers
from tests.conformance.state_ground import ground
from tests.deployed import Installation, check_nothing_left
from tests.lab_fixture import RunningLab
from tests.scripted_package import CATALOG, with_catalog

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not shutil.which("bwrap"), reason="needs: apt-get install bubblewrap"),
]


@pytest.fixture(scope="module")
def here(lab: RunningLab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """With a package that forgets its collections, and leaves something elsewhere."""
    own = tmp_path_factory.mktemp("catalog") / "own"
    forgetful(Path(shutil.copytree(CATALOG / "scripted", own / "forgetful")))
    with with_catalog(lab, own) as opened:
        yield opened


def forgetful(directory: Path) -> None:
    """The package, without most of what it says of its state; and it leaves a file behind."""
    manifest = directory / "manifest.yaml"
    text = manifest.read_text().replace("id: scripted", "id: forgetful")
    before, _, rest = text.partition("state:\n")
    rest = rest[rest.index("load:\n") :]
    state = "state:\n  - {id: users, kind: files, locator: '{config}/users', class: identity}\n"
    leave = "quiesce:\n  before:\n    - [sh, -c, 'echo x | tee {data}/left-behind {data}/known']\n"
    timers = "  timers:\n"
    for name in ("clean", "known"):
        job = f"[/bin/sh, -c, 'echo x > {{data}}/by-{name}']"
        timers += f"    {name}: {{exec: {job}, calendar: daily}}\n"
    before = before.replace("  port: 5232\n", f"  port: 5232\n{timers}")
    ignored = "ignored:\n  '{data}/known': written anew each time\n  '{data}/by-known': so\n"
    ignored += "  'timer:known': it may be done twice\n"
    manifest.write_text(before + state + leave + ignored + rest)


def probe(here: Installation, application: str) -> Probed:
    plan = here.homeport.plan_probe(application, "harbour-a")
    assert plan.intent is Intent.PROBE
    operation = here.carry_out(plan)
    assert operation.status.value == "succeeded", repr(operation.error)
    check_nothing_left(here, plan.name)
    return here.homeport.probed(operation.id)


@pytest.mark.parametrize("application", ["radicale", "isso", "synapse"])
def test_our_packages_declare_all_that_their_applications_keep(
    here: Installation, application: str
) -> None:
    found = probe(here, application)
    assert found.unclaimed == ()
    assert found.loads == 1
    assert found.written >= 2


def test_what_a_package_forgets_is_named_with_its_size_and_writer(
    here: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["catalog", "probe", "forgetful", "--provider", "harbour-a", "--yes"]) == 1
    told = capsys.readouterr().out
    assert "forgetful 3.9.0 keeps what no state unit of its package has" in told
    operation = next(o for o in here.homeport.operations() if o.plan.application == "forgetful")
    check_nothing_left(here, operation.plan.name)
    unclaimed = here.homeport.probed(operation.id).unclaimed
    found = {(one.kind, one.name): one for one in unclaimed}
    assert found.keys() == {
        ("path", "{data}/collections/collection-root"),
        ("path", "{data}/collections/.Radicale.lock"),
        ("path", "{data}/left-behind"),
        ("path", "{data}/by-clean"),
        ("timer", "clean"),
        ("secret", "admin-password"),
    }
    collections = found["path", "{data}/collections/collection-root"]
    assert collections.items >= 3
    assert collections.bytes > 100
    assert found["path", "{data}/left-behind"].bytes == 2
    assert collections.by.startswith("a program of user ")
    for one in unclaimed:
        assert any(one.name in line and str(one.bytes) in line for line in told.splitlines())


def test_databases_and_keys_that_no_unit_has_are_named(here: Installation) -> None:
    with ground(here, "synapse") as made:
        place = made.place
        create = ("runuser", "-u", "postgres", "--", "psql", "-d", "postgres", "-c")
        place.run(*create, 'CREATE DATABASE "stray|one"')
        place.run("python3", "-c", SET_KEY, place.facts.loopback, data=b"canary-redis-password")
        [stray] = unclaimed_databases(place)
        assert (stray.name, stray.by) == ("stray|one", "PostgreSQL role postgres")
        assert stray.bytes > 1_000_000
        assert unclaimed_in_servers(place, made) == []
        bare = place.app.package.model_copy(update={"state": ()})
        undeclared = replace(place, app=replace(place.app, package=bare))
        names = {one.name for one in unclaimed_databases(undeclared)}
        assert names == {"stray|one", "synapse"}
        [keys] = unclaimed_in_servers(undeclared, replace(made, place=undeclared))
        assert (keys.kind, keys.items) == ("keys", 1)


SET_KEY = """\
import socket, sys
with socket.create_connection((sys.argv[1], 6379), 10) as server:
    server.sendall(b"AUTH " + sys.stdin.buffer.read() + b"\\r\\nSET stray 1\\r\\n")
    said = b""
    while said.count(b"\\n") < 2:
        said += server.recv(100)
assert said == b"+OK\\r\\n+OK\\r\\n", said
"""


def test_where_the_guest_shall_be_is_asked_for(here: Installation) -> None:
    with pytest.raises(InvalidInput, match="harbour-a, harbour-b"):
        here.homeport.plan_probe("isso")
    with pytest.raises(NotFound):
        here.homeport.plan_probe("isso", "harbour-a", "0.0.1")
