"""A real terraform, or tofu, on the state service: the story of one state, with its accidents."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.tfstate.model import StateName
from tests.conformance.state_world import StateWorld, lock_info, state_world
from tests.conformance.terraform_world import Terraform, program

pytestmark = pytest.mark.real

_WAIT = "import pathlib, time\nwhile not pathlib.Path('go').exists(): time.sleep(0.02)"


@pytest.fixture(scope="module")
def world() -> Iterator[StateWorld]:
    program()
    with state_world() as made:
        yield made


def workplace(world: StateWorld, directory: Path, name: str) -> Terraform:
    client = world.client(name)
    made = Terraform.new(
        directory, client.url, client.user, client.password, Path(world.ca).read_text()
    )
    made.resources(3)
    made.run("init")
    return made


def waiting(terraform: Terraform, value: str) -> None:
    """An apply that goes on once the file `go` is there."""
    (terraform.directory / "wait.py").write_text(_WAIT)
    provisioner = [{"local-exec": {"command": f"touch started; {sys.executable} wait.py"}}]
    resource = {"input": value, "provisioner": provisioner}
    terraform.write("wait", {"resource": {"terraform_data": {value: resource}}})


def test_one_state_from_its_first_apply_to_its_rollback(world: StateWorld, tmp_path: Path) -> None:
    terraform = workplace(world, tmp_path / "a", "shop/web")
    terraform.run("apply", "-auto-approve")
    terraform.run("plan", "-detailed-exitcode")
    terraform.resources(3, "b")
    terraform.run("apply", "-auto-approve")
    older = terraform.directory / "older.tfstate"
    with world.desk() as desk:
        key = StateName.parse("shop/web")
        first = desk.owner.find(key, 1)
        assert first.operation == "OperationTypeApply"
        older.write_bytes(desk.changes.vault.content(key, first))
    said = terraform.run("state", "push", "-force", "older.tfstate", status=1)
    assert "409" in said
    terraform.run("plan", "-detailed-exitcode")
    world.homeport("state", "rollback", "shop/web", "--to", "1", "--yes")
    terraform.run("plan", "-detailed-exitcode", status=2)
    terraform.resources(3)
    terraform.run("plan", "-detailed-exitcode")


def test_two_at_once_and_one_that_is_killed(world: StateWorld, tmp_path: Path) -> None:
    one = workplace(world, tmp_path / "one", "shop/db")
    two = Terraform(one.directory, one.binary)
    waiting(one, "slow")
    apply = one.start("apply", "-auto-approve")
    _until_started(one)
    said = two.run("apply", "-auto-approve", status=1)
    assert "Error acquiring the state lock" in said
    assert "OperationTypeApply" in said
    apply.kill()
    (one.directory / "go").touch()
    apply.communicate()
    with world.desk() as desk:
        lock = desk.owner.head(StateName.parse("shop/db")).lock
    assert lock is not None
    said = two.run("force-unlock", "-force", lock.id, status=1)
    assert "423" in said
    done = world.homeport("state", "unlock", "shop/db", "--id", lock.id, "--reason", "killed")
    assert done.returncode == 0, done.stderr
    two.run("apply", "-auto-approve")
    two.run("plan", "-detailed-exitcode")


def test_an_apply_during_which_openbao_is_sealed_loses_nothing(
    world: StateWorld, tmp_path: Path
) -> None:
    terraform = workplace(world, tmp_path / "sealed", "shop/mail")
    waiting(terraform, "slow")
    apply = terraform.start("apply", "-auto-approve")
    _until_started(terraform)
    world.bao.seal()
    (terraform.directory / "go").touch()
    said, _ = apply.communicate()
    assert apply.returncode == 1
    assert "errored.tfstate" in said
    world.bao.unseal()
    kept = json.loads((terraform.directory / "errored.tfstate").read_text())
    assert len(kept["resources"]) == 2
    with world.desk() as desk:
        lock = desk.owner.head(StateName.parse("shop/mail")).lock
    assert lock is not None
    as_tofu = json.dumps(dict.fromkeys(lock_info(""), "") | {"ID": lock.id}).encode()
    assert world.client("shop/mail", "bob").request("UNLOCK", as_tofu).status_code == 200
    terraform.run("state", "push", "errored.tfstate")
    terraform.run("plan", "-detailed-exitcode")


def _until_started(terraform: Terraform) -> None:
    deadline = time.monotonic() + 60
    while not (terraform.directory / "started").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
