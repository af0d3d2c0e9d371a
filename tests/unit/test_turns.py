"""Large tasks at a hypervisor wait for their turn, across processes, and none is held for ever."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine.backends.hypervisor.turns import Turns
from engine.errors import Cancelled
from tests.conformance.doubles import Journal

HOLDER = """\
import sys, time
from pathlib import Path
from engine.backends.hypervisor.turns import Turns
from tests.conformance.doubles import Journal
with Turns(Path(sys.argv[1]), "home", 1, time.sleep).at("pve1", "local", Journal()):
    print("held", flush=True)
    time.sleep(60)
"""


class Waited(Exception):
    pass


def sleep(seconds: float) -> None:
    raise Waited


def test_no_more_than_the_limit_at_one_place(tmp_path: Path) -> None:
    turns, journal = Turns(tmp_path / "turns", "home", 2, sleep), Journal()
    with turns.at("pve1", "fast", journal), turns.at("pve1", "slow", journal):
        with pytest.raises(Waited), turns.at("pve1", "other", journal):
            pass
        assert journal.lines == ["2 tasks run at node pve1 already; waiting for a turn."]
        with turns.at("pve2", "fast", journal):
            with pytest.raises(Waited), turns.at("pve3", "fast", journal):
                pass
            with Turns(tmp_path / "turns", "elsewhere", 2, sleep).at("pve1", "fast", journal):
                pass
    with turns.at("pve1", "other", journal):
        pass


def test_a_turn_is_given_back_when_its_process_is_killed(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(Waited),
            Turns(tmp_path, "home", 1, sleep).at("pve1", "local", Journal()),
        ):
            pass
    finally:
        holder.kill()
        holder.wait()
    with Turns(tmp_path, "home", 1, sleep).at("pve1", "local", Journal()):
        pass


def test_who_waits_can_be_stopped(tmp_path: Path) -> None:
    turns = Turns(tmp_path, "home", 1, lambda seconds: None)
    with (
        turns.at("pve1", "local", Journal()),
        pytest.raises(Cancelled),
        turns.at("pve1", "local", Journal(cancelled=True)),
    ):
        pass
