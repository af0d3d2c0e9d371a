"""What guests are made from is fetched by the node itself, once, and only the right thing."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from engine.backends.hypervisor.sources import newest
from engine.errors import Denied, RemoteFailure
from engine.model.provider import CheckStatus
from tests.conformance.doubles import Journal, MemoryLeases
from tests.conformance.proxmox_lab import NODE, LabWorld, lab_world
from tests.conformance.test_hypervisor_conformance import OWNER, explained, hypervisor, spec

IMAGE = b"QFI\xfb" + bytes(20) + (2 * 1024**3).to_bytes(8, "big") + bytes(4096)


@pytest.fixture(scope="module")
def running() -> Iterator[LabWorld]:
    with lab_world() as opened:
        yield opened


@pytest.fixture
def lab(running: LabWorld) -> Iterator[LabWorld]:
    running.reset()
    yield running
    running.reset()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def settings(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Of an image that is to be fetched, from a server that has it."""
    (tmp_path / "image.qcow2").write_bytes(IMAGE)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    name = hashlib.sha256(request.node.name.encode()).hexdigest()[:8]
    yield {
        "image": f"local:import/{name}.qcow2",
        "image_url": f"http://127.0.0.1:{server.server_port}/image.qcow2",
        "image_checksum": hashlib.sha512(IMAGE).hexdigest(),
    }
    server.shutdown()
    server.server_close()


def downloads(lab: LabWorld) -> int:
    return len(lab._ask("GET", f"nodes/{NODE}/tasks", typefilter="download", source="all"))


def test_an_image_is_fetched_once_and_guests_are_made_from_it(
    lab: LabWorld, settings: dict[str, str]
) -> None:
    backend, before = hypervisor(lab, MemoryLeases(), **settings), downloads(lab)
    [line] = [check for check in backend.check() if check.title == "Cloud image"]
    assert (line.status, "fetched when it is needed" in line.found) == (CheckStatus.PASS, True)
    for _ in range(2):
        backend.ensure(spec(lab), Journal())
        assert "size=4G" in lab.guests()[9000]["scsi0"]
        assert backend.destroy(OWNER, Journal())
    assert downloads(lab) == before + 1


def test_another_file_than_the_expected_one_is_not_kept(
    lab: LabWorld, settings: dict[str, str]
) -> None:
    wrong = settings | {"image_checksum": hashlib.sha256(b"another").hexdigest()}
    with pytest.raises(RemoteFailure) as caught:
        hypervisor(lab, MemoryLeases(), **wrong).ensure(spec(lab), Journal())
    explained(caught.value)
    assert "checksum mismatch" in caught.value.why
    files = lab._ask("GET", f"nodes/{NODE}/storage/local/content", content="import")
    assert settings["image"] not in {file["volid"] for file in files}
    assert not lab.guests()


@pytest.mark.parametrize(
    ("path", "privilege"),
    [("/storage/local", "Datastore.AllocateTemplate"), ("/nodes", "Sys.AccessNetwork")],
)
def test_the_right_to_fetch_is_asked_for_only_where_something_is_fetched(
    lab: LabWorld, settings: dict[str, str], path: str, privilege: str
) -> None:
    lab.revoke(path, privilege)
    there = hypervisor(lab, MemoryLeases())
    assert not [check for check in there.check() if check.status is CheckStatus.FAIL]
    missing = hypervisor(lab, MemoryLeases(), **settings)
    [failed] = [check for check in missing.check() if check.status is CheckStatus.FAIL]
    assert privilege in failed.found
    assert f"pveum acl modify {path} " in failed.do
    assert "Administrator" not in failed.do
    with pytest.raises(Denied):
        missing.ensure(spec(lab), Journal())


def test_a_container_template_without_a_version_is_thenewest() -> None:
    names = [
        "debian-12-standard_12.2-1_amd64.tar.zst",
        "debian-12-standard_12.12-1_amd64.tar.zst",
        "debian-12-standard_12.7-1_amd64.tar.zst",
        "debian-13-standard_13.1-2_amd64.tar.zst",
    ]
    assert newest("debian-12-standard", names) == names[1]
    assert newest(names[0], names) == names[0]
    assert not newest("debian-1", names)
