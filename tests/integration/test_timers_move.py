"""Regular work of an application: done while it runs, once, wherever it is by then."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.cli.main import main
from tests.deployed import Installation, check_nothing_left, wait_until
from tests.integration.test_database_server import succeeded
from tests.lab_fixture import RunningLab
from tests.scripted_package import with_packages
from tui.screens.deployment_facts import read_facts
from tui.screens.deployment_text import overview_rows

pytestmark = pytest.mark.integration

SOURCE, TARGET, NAME = "harbour-a", "harbour-b", "rounds"
SWEEP = f"homeport-{NAME}-sweep"


@pytest.fixture(scope="module")
def here(lab: RunningLab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with with_packages(lab, tmp_path_factory.mktemp("catalog"), "rounds") as opened:
        yield opened


class Rounds:
    """What was done, in its order, read through the public name; and the guest's own view."""

    def __init__(self, here: Installation) -> None:
        self._here = here
        self._endpoint = here.homeport.endpoint(NAME)

    def done(self, work: str) -> list[str]:
        answer = self._endpoint.request("GET", "/done")
        lines = answer.body.decode().splitlines() if answer.status == 200 else []
        return [line for line in lines if line.startswith(f"{work} ")]

    def root(self, provider: str) -> Path:
        return self._here.guest_root(NAME, provider)

    def systemctl(self, provider: str) -> Path:
        return self.root(provider) / "usr/bin/systemctl"

    def stamp(self, provider: str, timer: str) -> float:
        return self._stamp(provider, timer).stat().st_mtime

    def work_yearly(self, provider: str) -> None:
        """As if the year's hour had come again."""
        os.utime(self._stamp(provider, "yearly"), (1, 1))
        subprocess.run(
            [self.systemctl(provider), "restart", f"homeport-{NAME}-yearly.timer"], check=True
        )
        wait_until(lambda: len(self.done("yearly")) == 1)

    def _stamp(self, provider: str, timer: str) -> Path:
        unit = f"homeport-{NAME}-{timer}.timer"
        return self.root(provider) / f"var/lib/systemd/timers/stamp-{unit}"


@pytest.mark.usefixtures("repository")
def test_moved_its_regular_work_is_done_once_and_none_is_left_out(
    here: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    homeport = here.homeport
    try:
        succeeded(here.deploy("rounds", NAME, {}))
        rounds = Rounds(here)
        wait_until(lambda: len(rounds.done("tick")) > 0)
        assert_told(here, capsys)
        ran = rounds.stamp(SOURCE, "yearly")
        # A sweep that does not come to its end here is done at the target.
        held = rounds.root(SOURCE) / "run/homeport" / NAME / "held"
        held.touch()
        with subprocess.Popen([rounds.systemctl(SOURCE), "start", f"{SWEEP}.service"]) as sweeping:
            wait_until(lambda: len(rounds.done("sweep begun")) == 1)
            succeeded(here.carry_out(homeport.plan_migrate(NAME, TARGET)))
        assert sweeping.returncode != 0
        moved = time.time()
        wait_until(lambda: len(rounds.done("sweep ended")) == 1)
        wait_until(lambda: any(int(line.split()[1]) > moved for line in rounds.done("tick")))
        assert len(rounds.done("sweep begun")) == 2
        assert rounds.done("yearly") == []
        assert rounds.stamp(TARGET, "yearly") == ran
        ticks = [line.split()[1:] for line in rounds.done("tick")]
        times = [int(at) for at, _ in ticks]
        assert times == sorted(times)
        # One is made up for, and a busy machine is late with any.
        assert len(times) <= (times[-1] - times[0]) // 3 + 3
        # One side stopped before the other began.
        sides = [side for _, side in ticks]
        assert len(set(sides)) == 2
        assert sides == sorted(sides, key=sides.index)
        shown = [rounds.systemctl(SOURCE), "is-active", "--quiet", f"{SWEEP}.timer"]
        assert subprocess.run(shown, check=False).returncode != 0
        succeeded(here.carry_out(homeport.plan_confirm(NAME)))

        # Older data come with what is due since then.
        succeeded(here.carry_out(homeport.plan_backup(NAME)))
        rounds.work_yearly(TARGET)
        assert len(rounds.done("yearly")) == 1
        succeeded(here.carry_out(homeport.plan_restore(NAME)))
        assert rounds.stamp(TARGET, "yearly") == ran
        assert rounds.done("yearly") == []
    finally:
        succeeded(here.destroy(NAME))
    check_nothing_left(here, NAME, TARGET)


def assert_told(here: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """Where a deployment is shown, so is what it does regularly."""
    capsys.readouterr()
    assert main(["show", NAME]) == 0
    assert re.search(r"regular work +tick +\*:\*:0/3\n +yearly +yearly\n", capsys.readouterr().out)
    facts = read_facts(here.homeport, NAME)
    rows = overview_rows(facts, None, 80, datetime.now(UTC))
    texts = ["".join(span.text for span in row.content) for row in rows]
    assert any(re.match("timers +tick ", text) for text in texts), texts
