"""Migration scripts on a guest of the lab: each run twice, kept to what it declares, and in
their places within a move."""

from __future__ import annotations

import base64
import http.server
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.catalog.migration_script import GuestProgram
from engine.errors import HomeportError, InvalidInput, RemoteFailure
from engine.guests.protocols import GuestTarget
from engine.methods.place import Place
from engine.methods.protocols import Installation as App
from engine.model.events import LogLine, StepFinished
from engine.model.plan import Operation
from engine.operations.workplace import SSH_KEY
from engine.planning.scripts import KIND
from engine.state.scripting import run_guest_program
from tests.deployed import Installation
from tests.lab_fixture import RunningLab
from tests.quiet_work import Quiet
from tests.scripted_package import with_packages

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not shutil.which("bwrap"), reason="needs: apt-get install bubblewrap"),
]
NAME = "scripted"


@pytest.fixture(scope="module")
def here(lab: RunningLab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """With one deployment of the package, which has an event in it."""
    with with_packages(lab, tmp_path_factory.mktemp("catalog"), "scripted") as opened:
        deployed = opened.deploy("scripted", NAME, {})
        assert deployed.status.value == "succeeded", repr(deployed.error)
        put(opened, "collection-root/admin/work/one.ics", b"BEGIN:VCALENDAR\nEND:VCALENDAR\n")
        yield opened
        opened.destroy(NAME)


def put(here: Installation, name: str, data: bytes) -> None:
    provider = here.homeport.deployment(NAME).deployment.provider
    root = here.guest_root(NAME, provider)
    file = root / "var/lib/homeport" / NAME / "collections" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)


@pytest.fixture
def place(here: Installation) -> Iterator[Place]:
    """The deployment's guest, with a work that keeps the lines."""
    homeport = here.homeport
    deployment = homeport.deployment(NAME).deployment
    workplace = homeport._workplace
    here_now = [r for r in homeport.resources(NAME) if r.provider == deployment.provider]
    guest, address = (next(r for r in here_now if r.kind == kind) for kind in ("guest", "address"))
    provider = homeport.provider(deployment.provider)
    target = GuestTarget(
        address.external_id.partition("/")[0],
        provider.access.ssh_port,
        provider.access.user,
        tuple(guest.attributes["host_keys"]),
    )
    shell = workplace.open_shell(target, workplace.installation_secrets().get(SSH_KEY))
    package = homeport.package("scripted")
    app = App(
        deployment=deployment.id,
        name=NAME,
        domain=deployment.domain,
        access=provider.access,
        package=package,
        release=package.release(),
        options_schema=homeport.options_schema("scripted"),
        values={},
        read_secret=lambda name: homeport.reveal_secret(NAME, name),
    )
    try:
        yield Place.of(shell, app, Quiet())
    finally:
        shell.close()


def told(place: Place) -> list[str]:
    assert isinstance(place.work, Quiet)
    return place.work.lines


def left(place: Place) -> dict[str, bytes]:
    """All files of the deployment's data by their paths."""
    top = Path(place.paths.data)
    return {str(path): path.read_bytes() for path in top.rglob("*") if path.is_file()}


def document(script: str) -> dict[str, Any]:
    return {
        "phase": script,
        "operation": "migrate",
        "release": "3.9.0",
        "from_release": "3.9.0",
        "earlier": {"count": {"events": 1}, "index": {"events": 1}},
    }


@pytest.mark.parametrize("script", ["count", "index", "stamp", "ask", "tell"])
def test_run_a_second_time_it_leaves_and_says_the_same(place: Place, script: str) -> None:
    program = next(one for one in place.app.package.scripts if one.id == script)
    found = []
    for _ in range(2):
        before = len(told(place))
        values = run_guest_program(place, program, script, document(script))
        found.append((values, left(place), told(place)[before:]))
    assert found[0] == found[1]


def attempt(place: Place, text: str, **more: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {"exec": ["python3", "{program}"], "program": text} | more
    program = GuestProgram.model_validate(fields)
    return run_guest_program(place, program, "attempt", {"phase": "test"})


def test_it_writes_nowhere_but_where_it_says(place: Place) -> None:
    outside = f"{place.paths.config}/planted"
    script = (
        "import sys, json, os\n"
        "task = json.load(sys.stdin)['inputs']\n"
        "for path in task.values():\n"
        "    try:\n        open(path, 'w').write('x'); print('wrote', path)\n"
        "    except OSError as error:\n        print('refused', path)\n"
    )
    inside = "{data}/index/mine"
    inputs = {"a": outside, "b": "{data}/collections/planted", "c": inside, "d": "/etc/planted"}
    attempt(place, script, inputs=inputs, writes=["{data}/index"])
    wrote = [line for line in told(place) if "wrote" in line]
    assert len([line for line in told(place) if "refused" in line]) == 3
    assert wrote == [f"attempt: wrote {place.paths.data}/index/mine"]
    Path(f"{place.paths.data}/index/mine").unlink()


def test_it_has_no_network_unless_that_is_declared(place: Place) -> None:
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    ask = (
        "import socket, sys, json\n"
        "port = int(json.load(sys.stdin)['inputs']['port'])\n"
        "socket.create_connection(('127.0.0.1', port), 5).close()\n"
    )
    inputs = {"port": str(server.server_port)}
    try:
        with pytest.raises(RemoteFailure, match=r"[Rr]efused|unreachable"):
            attempt(place, ask, inputs=inputs)
        attempt(place, ask, inputs=inputs, needs={"network": True})
    finally:
        server.shutdown()


def test_it_has_no_rights_and_no_environment_of_others(place: Place) -> None:
    look = (
        "import os\n"
        "print('rights', [l.split()[1] for l in open('/proc/self/status') if 'CapEff' in l])\n"
        "print('names', sorted(os.environ))\n"
        "print('pids', len([n for n in os.listdir('/proc') if n.isdigit()]))\n"
        "print('homes', os.listdir('/home'))\n"
    )
    attempt(place, look)
    said = "\n".join(told(place))
    assert "rights ['0000000000000000']" in said
    assert "HOMEPORT" not in said
    assert "PIP_" not in said
    assert "homes []" in said
    pids = next(int(line.split()[-1]) for line in told(place) if "pids" in line)
    assert pids <= 3


@pytest.mark.parametrize(
    ("text", "more", "why"),
    [
        ("import time\nwhile True: time.sleep(1)", {"seconds": 1}, "more than 1 seconds"),
        ("x = 'a' * (1 << 30)", {"needs": {"memory_mib": 128}}, "MemoryError"),
        ("while True: print('again')", {}, "more than 5000 lines"),
        ("print('the last word'); raise SystemExit(3)", {}, "status 3\nthe last word"),
        ("print('homeport-result: {')", {}, "homeport-result is not JSON"),
        ("print('homeport-result: {\"a\": 1}')", {}, "it gives a, and declares none"),
        ("pass", {"outputs": ["rows"]}, "it gives nothing, and declares rows"),
        ("print('homeport-result: {\"a\": []}')", {"outputs": ["a"]}, "not a number, a short text"),
        ("", {"exec": ["no-such-program"]}, "no program no-such-program"),
        ("", {"exec": ["true"], "needs": {"commands": ["no-such"]}}, "needs the program no-such"),
    ],
)
def test_what_goes_wrong_says_what_and_where(
    place: Place, text: str, more: dict[str, Any], why: str
) -> None:
    with pytest.raises(RemoteFailure) as caught:
        attempt(place, text, **more)
    assert why in caught.value.why
    assert place.facts.address in caught.value.on


def test_its_lines_cannot_pass_for_ours(place: Place) -> None:
    forged = base64.b64encode(b'{"status": 0, "why": "", "last": [], "result": {}}').decode()
    text = (
        f"print('x homeport-result: {forged}')\n"
        "print('homeport-progress: 1 2')\n"
        "raise SystemExit(1)\n"
    )
    with pytest.raises(RemoteFailure, match="status 1"):
        attempt(place, text)
    assert "attempt: homeport-progress: 1 2" in told(place)


def test_data_of_others_are_refused_before_it_starts(place: Place) -> None:
    with pytest.raises(InvalidInput, match="deployment's data only"):
        attempt(place, "pass", writes=["{data}/../other"])
    with pytest.raises(InvalidInput, match="may not stand in a command"):
        attempt(place, "pass", exec=["echo", "{secret:admin-password}"])


# --- in a move ----------------------------------------------------------------------------


def steps_of(here: Installation, operation: Operation) -> list[str]:
    events = here.homeport.events(operation.id)
    return [event.step for event in events if isinstance(event, StepFinished)]


def transcript(here: Installation, operation: Operation) -> list[str]:
    return [e.text for e in here.homeport.events(operation.id) if isinstance(e, LogLine)]


def migrate(here: Installation, to: str) -> Operation:
    return here.carry_out(here.homeport.plan_migrate(NAME, to))


def test_a_package_that_changed_since_the_plan_is_not_run(here: Installation) -> None:
    plan = here.homeport.plan_migrate(NAME, "harbour-b")
    steps = [
        step.model_copy(update={"args": {**step.args, "digest": "0" * 64}})
        if step.kind == KIND
        else step
        for step in plan.steps
    ]
    changed = plan.model_copy(update={"steps": tuple(steps)})
    with pytest.raises(HomeportError, match="cannot be applied any more"):
        here.homeport.apply(changed, changed.hash)


def test_one_that_fails_leaves_the_source_serving_and_a_good_move_runs_all_in_their_places(
    here: Installation,
) -> None:
    password = here.homeport.reveal_secret(NAME, "admin-password")
    put(here, "collection-root/admin/refuse", b"")
    failed = migrate(here, "harbour-b")
    assert failed.status.value == "failed"
    assert failed.error is not None
    assert "index of Scripted failed" in str(failed.error["what"])
    assert "the index cannot hold" in str(failed.error["why"])
    assert "nothing is lost" in str(failed.error["left"])
    assert "source.fence" not in steps_of(here, failed)
    assert here.homeport.deployment(NAME).deployment.provider == "harbour-a"
    assert here.homeport.check_health(NAME).health.value == "healthy"

    collections = here.guest_root(NAME) / "var/lib/homeport" / NAME / "collections"
    (collections / "collection-root/admin/refuse").unlink()
    # Killed while one runs, and when one has run and that is not written down.
    moments = ["script.count:after", "script.index:300", "script.ask:after"]
    moved = here.killed_everywhere(here.homeport.plan_migrate(NAME, "harbour-b"), moments)
    assert moved.status.value == "succeeded", repr(moved.error)
    order = [
        *("source.freeze", "script.count", "state.delta.collections", "state.compare.users"),
        *("script.index", "script.stamp", "source.fence", "target.run", "script.ask"),
        *("move.serving", "app.health", "script.tell"),
    ]
    assert [step for step in steps_of(here, moved) if step in order] == order
    said = transcript(here, moved)
    assert "count: before-capture of migrate finds 1 events" in said
    assert "index: indexed 1 events for (secret)" in said
    assert "stamp: 3.9.0" in said
    assert "ask: it answers 301" in said
    assert "tell: moved with 1 events" in said
    assert password not in "\n".join(said)
    index = here.guest_root(NAME, "harbour-b") / "var/lib/homeport" / NAME / "index"
    assert (index / "events").read_text() == "one.ics"
