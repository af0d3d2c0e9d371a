"""The interface on the real thing: a deployment from its first key to its page, hung up on."""

from __future__ import annotations

import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.homeport import Homeport
from engine.model.plan import OperationStatus
from tests.deployed import Installation, check_one_of_each, installation, wait_until
from tests.lab_fixture import RunningLab
from tests.tui.terminal import Terminal, python

pytestmark = pytest.mark.integration

ENTRY = "import sys; from tui.entry import main; sys.argv = ['homeport']; sys.exit(main())"


@pytest.fixture
def here(lab: RunningLab) -> Iterator[Installation]:
    with installation(lab) as opened:
        yield opened


class Interface(Terminal):
    """`homeport` in a terminal that somebody reads."""

    def __init__(self, here: Installation) -> None:
        home = str(here.homeport.paths.state.parent)
        super().__init__(python("-c", ENTRY), environ={"HOMEPORT_HOME": home})

    def see(self, text: str, seconds: float = 60.0) -> None:
        """Wait until it has been painted since the last key."""
        self.until(lambda output: text in _plain(output), seconds)

    def type(self, keys: str, text: str) -> None:
        del self.output[:]
        self.send(keys)
        self.see(text)


def _plain(output: bytes) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", output.decode(errors="replace"))


def test_hung_up_on_the_deployment_goes_on_and_the_next_terminal_shows_it(
    here: Installation,
) -> None:
    with Interface(here) as interface:
        interface.see("Press d to deploy")
        interface.type("d", "Radicale")
        interface.type("\x1b[F", "Radicale 3")  # End: the last by name
        interface.type("\r", "harbour-a")
        interface.type("\r", "radicale.harbour-a.lab")
        interface.type("\r", "step 4 of 5")
        interface.settle()
        interface.type("p", "apply")
        interface.type("a", "Safe to disconnect")
        interface.hang_up()
        assert interface.wait() == -signal.SIGHUP
    operation = here.homeport.operations()[0]  # newest first; other tests had theirs
    assert not operation.status.is_final

    with Interface(here) as again:
        again.see("deploy radicale")
        again.see("of about")
        again.see("succeeded", 300)
        again.type("\r", "1 Overview")
        again.see("curl --cacert")
        again.send("q")
        assert again.wait() == 0
    finished = here.homeport.operation(operation.id)
    assert finished.status is OperationStatus.SUCCEEDED
    check_one_of_each(here, "radicale")

    _destroy_by_typing(here)


def test_an_upgrade_with_nothing_to_decide_takes_three_keys(here: Installation) -> None:
    plan = here.plan("radicale", "radicale", {"logging": {"level": "debug"}}, "3.5.10")
    assert here.finish(here.homeport.apply(plan, plan.hash)).status.value == "succeeded"
    with Interface(here) as interface:
        interface.see("u upgrade")  # it is known what the catalog has
        interface.settle()
        interface.type("u", "0 to decide")
        interface.type("p", "Install the new release beside")
        interface.type("a", "Safe to disconnect")
        interface.see("succeeded", 300)
        interface.send("q")
        assert interface.wait() == 0
    deployment = here.homeport.deployment("radicale").deployment
    assert (deployment.release, deployment.values) == ("3.9.0", {"logging": {"level": "debug"}})
    check_one_of_each(here, "radicale")
    _destroy_by_typing(here)


@pytest.mark.skipif(shutil.which("restic") is None, reason="needs restic (apt)")
def test_a_backup_and_a_move_with_its_confirmation_by_their_keys(
    here: Installation, tmp_path: Path
) -> None:
    plan = here.plan("radicale", "radicale")
    assert here.finish(here.homeport.apply(plan, plan.hash)).status.value == "succeeded"
    with Interface(here) as interface:
        interface.see("never backed up")
        interface.settle()
        interface.type("\r", "1 Overview")
        interface.type("n", "Press a to add")
        interface.type("a", "how you call it here")
        interface.type(f"\t{tmp_path / 'store'}\r", "keep the sheet elsewhere")
        interface.type("\x1b", "look into it")
        interface.type("\x1b", "1 Overview")
        interface.type("n", "Capture its state")
        interface.type("a", "Safe to disconnect")
        interface.see("Enter shows its backups", 120)
        interface.type("\r", "KEPT BY")
        interface.type("m", "It can move here")
        interface.type("\r", "Prepare")
        interface.type("a", "Safe to disconnect")
        interface.see("c there confirms", 300)
        interface.type("\r", "c confirms, v goes back")
        interface.type("c", "cannot be undone")
        interface.type("a", "type its name")
        interface.type("radicale\r", "Safe to disconnect")
        interface.see("the other side is gone", 120)
        interface.send("q")
        assert interface.wait() == 0
    view = here.homeport.deployment("radicale")
    assert view.deployment.provider == "harbour-b"
    assert view.move is not None
    assert not view.move.is_open
    (kept,) = here.homeport.repositories.standing("radicale")
    assert kept.level == "V2"
    here.destroy("radicale")
    here.homeport.repositories.remove("store")


def _destroy_by_typing(here: Installation) -> None:
    with Interface(here) as interface:
        interface.see("1 deployment")
        interface.settle()
        interface.type("\r", "1 Overview")
        interface.type("x", "cannot be undone")
        interface.type("a", "type its name")
        interface.type("radicalx\r", "nothing was changed")
        interface.type("\x7fe\r", "Safe to disconnect")
        with Homeport.open(here.homeport.paths) as looking:
            wait_until(lambda: looking.operations()[0].status is OperationStatus.SUCCEEDED, 120)
            assert looking.deployments() == []
        interface.see("succeeded")
        interface.send("q")
        assert interface.wait() == 0
        assert "nothing is running" in _plain(bytes(interface.output))
