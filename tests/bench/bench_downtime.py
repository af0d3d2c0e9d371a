"""How long nobody can write while Synapse moves: ours beside the manual steps, scripted.

A person sends numbered messages through the public name all the while; the longest time between
two that were acknowledged is what they notice. The manual steps are those that one finds written
down: stop, dump, copy, restore, start, and let requests go to the new side. They run between the
same two guests, on the same data, after our move and in the other direction; the guest that
they fill has the application and its configuration already, and switching the name costs them
nothing: both are in their favour. Runs are interleaved and the median counts.

`python -m tests.bench.bench_downtime --database-mib 2048 --files 20000 --media-mib 2048 --runs 5`
is the size that the goal is about; `make bench` runs a small one.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shlex
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from engine.backends.secrets.installation import installation_ssh_key
from engine.lab import cli as lab_cli
from engine.lab.lab import Lab
from engine.methods import fence
from engine.methods.place import Place
from engine.model.plan import OperationStatus, Plan
from engine.operations.looking import place_at
from engine.operations.workplace import guest_target
from engine.paths import Paths
from engine.state.units import units_of
from tests.deployed import Installation, installation
from tests.lab_fixture import RunningLab
from tests.ledger import MANY_ENTRIES, ChatBook, Ledger

NAME = "downtime"
SIDES = ("harbour-a", "harbour-b")
_FILLER = """\
CREATE TABLE IF NOT EXISTS bench_filler (id bigint PRIMARY KEY, word text);
INSERT INTO bench_filler SELECT n, repeat(md5(n::text), 32) FROM generate_series(1, {rows}) n;
"""
"""A KiB and a bit a row, and hardly to be compressed."""


@dataclass(frozen=True)
class Sizes:
    database_mib: int = 64
    files: int = 1000
    media_mib: int = 64
    runs: int = 3


def measure(sizes: Sizes = Sizes()) -> list[dict[str, str]]:
    with bench() as at_work:
        at_work.fill(sizes)
        ours, manual, reverts = [], [], []
        anatomies: list[dict[str, tuple[float, float]]] = []
        for _ in range(sizes.runs):
            ours.append(at_work.move())
            anatomies.append(at_work.anatomy())
            manual.append(at_work.by_hand())
            at_work.confirm()
        at_work.move()
        reverts.append(at_work.revert())
    return [
        _row("write downtime of Synapse, noticed by who writes", ours, manual),
        *_of_which(anatomies),
        {
            "name": "revert of that move, noticed by who writes",
            "ours": f"{statistics.median(reverts):.1f} s",
            "peer": "-",
            "ratio": "-",
            "goal": "<= 60 s",
        },
    ]


def _of_which(anatomies: list[dict[str, tuple[float, float]]]) -> list[dict[str, str]]:
    """Where our time goes: of each step when it begins, after the freeze, and how long it takes."""
    rows = []
    for step in anatomies[0]:
        begun, took = zip(*(anatomy[step] for anatomy in anatomies), strict=True)
        rows.append(
            {
                "name": f"  of which {step}, from {statistics.median(begun):.1f} s on",
                "ours": f"{statistics.median(took):.2f} s",
                "peer": "-",
                "ratio": "-",
                "goal": "-",
            }
        )
    return rows


def _row(name: str, ours: list[float], manual: list[float]) -> dict[str, str]:
    own, peer = statistics.median(ours), statistics.median(manual)
    return {
        "name": name,
        "ours": f"{own:.1f} s",
        "peer": f"{peer:.1f} s",
        "ratio": f"{own / peer:.2f}",
        "goal": "<= 0.10 of the manual steps, and <= 20 s",
    }


@dataclass
class AtWork:
    here: Installation
    key: Path
    ledger: Ledger = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = Ledger(ChatBook(self.here.homeport, NAME))

    @property
    def at(self) -> str:
        return self.here.homeport.deployment(NAME).deployment.provider

    @property
    def elsewhere(self) -> str:
        return SIDES[1 - SIDES.index(self.at)]

    def fill(self, sizes: Sizes) -> None:
        with self._place(self.at) as place:
            rows = sizes.database_mib << 10
            sql = _FILLER.format(rows=rows).encode()
            _as_server(place, ("psql", "-q", "-d", "synapse"), sql)
            media = next(Path(unit.locator) for unit in units_of(place) if unit.id == "media")
            chance, each = random.Random(1), (sizes.media_mib << 20) // max(sizes.files, 1)
            for number in range(sizes.files):
                file = media / f"{number % 256:02x}" / f"{number:06}"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(chance.randbytes(each))
            user = place.paths.user
            place.run_long("chown", "-R", f"{user}:{user}", "--", str(media))

    def move(self) -> float:
        return self._noticed(self.here.homeport.plan_migrate(NAME, self.elsewhere))

    def anatomy(self) -> dict[str, tuple[float, float]]:
        """Of the last move: step -> when it began, in seconds after the freeze, and its seconds."""
        [last, *_] = self.here.homeport.operations(NAME)
        told = json.loads(self.here.homeport.move_report(last.id, ".json"))
        return {one["step"]: (one["begun"], one["seconds"]) for one in told["away_steps"]}

    def revert(self) -> float:
        """Nothing was written since, so that nothing is lost by it."""
        return self._noticed(self.here.homeport.plan_revert(NAME))

    def confirm(self) -> None:
        self._carried_out(self.here.homeport.plan_confirm(NAME))

    def by_hand(self) -> float:
        """From where it is to the other side, which our move left fenced; and as it was before,
        with the clock stopped."""
        with self._place(self.at) as source, self._place(self.elsewhere) as target:
            fence.take_down(target)
            began = time.monotonic()
            source.run("systemctl", "stop", source.paths.unit)
            self._dump_and_copy(source, target)
            target.run("systemctl", "start", target.paths.unit, timeout=300)
            self._wait_until_it_answers(target)
            seconds = time.monotonic() - began
            target.run("systemctl", "stop", target.paths.unit)
            fence.put_up(target)
            source.run("systemctl", "start", source.paths.unit, timeout=300)
            self._wait_until_it_answers(source)
            return seconds

    def _dump_and_copy(self, source: Place, target: Place) -> None:
        dump = f"{source.facts.root}/var/tmp/bench.dump"
        there = f"{target.facts.root}/var/tmp/bench.dump"
        _as_server(source, ("pg_dump", "--format=custom", f"--file={dump}", "synapse"))
        self._rsync(target, dump, there)
        target.run("chmod", "0644", "--", there)
        for words in (
            ("psql", "-q", "-c", "DROP DATABASE IF EXISTS synapse WITH (FORCE)"),
            ("createdb", "--template=template0", "--locale=C", "--owner=synapse", "synapse"),
            ("pg_restore", "--dbname=synapse", there),
        ):
            _as_server(target, words)
        self._rsync(target, f"{source.paths.data}/", f"{target.paths.data}/")
        for place, file in ((source, dump), (target, there)):
            place.run("rm", "-f", "--", file)

    def _rsync(self, target: Place, path: str, there: str) -> None:
        inventory = self.here.homeport._inventory
        deployment = self.here.homeport.deployment(NAME).deployment
        way = guest_target(
            inventory, deployment.id, NAME, self.here.homeport.provider(deployment.provider)
        )
        known = self.key.with_name("known_hosts")
        known.write_text("".join(f"[{way.address}]:{way.port} {line}\n" for line in way.host_keys))
        ssh = [
            *("ssh", "-F", "/dev/null", "-p", str(way.port), "-i", str(self.key)),
            *("-o", f"UserKnownHostsFile={known}", "-o", "IdentitiesOnly=yes"),
        ]
        host = f"{way.user}@{way.address}:{path}"
        target.run_long("rsync", "-a", "--delete", "-e", shlex.join(ssh), host, there)

    def _wait_until_it_answers(self, place: Place) -> None:
        port = place.app.package.service.port
        url = f"http://{place.facts.loopback}:{port}/_matrix/client/versions"
        script = (
            "import sys, time, urllib.request\n"
            "end = time.monotonic() + 300\n"
            "while True:\n"
            "    try:\n"
            "        urllib.request.urlopen(sys.argv[1], timeout=5).read(); break\n"
            "    except OSError:\n"
            "        if time.monotonic() > end: raise\n"
            "        time.sleep(0.05)\n"
        )
        place.run("python3", "-I", "-c", script, url, timeout=400)

    def _noticed(self, plan: Plan) -> float:
        self.ledger.longest_gap = 0.0
        with self.ledger.writing():
            self._carried_out(plan)
        assert self.ledger.write_one()
        if plan.intent.value == "migrate":
            self.ledger.check()
        return self.ledger.longest_gap

    def _carried_out(self, plan: Plan) -> None:
        ended = self.here.carry_out(plan)
        if ended.status is not OperationStatus.SUCCEEDED:
            raise RuntimeError(f"{plan.intent.value} failed: {ended.error}")

    @contextmanager
    def _place(self, provider: str) -> Iterator[Place]:
        deployment = self.here.homeport.deployment(NAME).deployment
        with place_at(self.here.homeport._workplace, deployment, provider) as place:
            yield place


def _as_server(place: Place, words: tuple[str, ...], data: bytes | None = None) -> None:
    done = place.run_long("runuser", "-u", "postgres", "--", *words, data=data)
    if done.status != 0:
        raise RuntimeError(f"{words[0]}: {done.stderr[-500:]}")


@contextmanager
def bench() -> Iterator[AtWork]:
    with tempfile.TemporaryDirectory(prefix="hp-bench-") as home:
        os.environ["HOMEPORT_HOME"] = home
        paths = Paths.from_environment().ensure()
        running = RunningLab(Lab(paths.lab), paths)
        try:
            with installation(running) as here:
                deployed = here.deploy("synapse", NAME, MANY_ENTRIES["synapse"])
                if deployed.status is not OperationStatus.SUCCEEDED:
                    raise RuntimeError(f"the deployment failed: {deployed.error}")
                key = Path(home, "bench-key")
                own = installation_ssh_key(here.homeport._workplace.installation_secrets())
                key.touch(0o600)
                key.write_text(own.private_pem)
                yield AtWork(here, key)
                here.destroy(NAME)
        finally:
            lab_cli.reset(paths, force=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="write downtime of a moving Synapse")
    for name, value in (("database-mib", 64), ("files", 1000), ("media-mib", 64), ("runs", 3)):
        parser.add_argument(f"--{name}", type=int, default=value)
    given = parser.parse_args()
    sizes = Sizes(given.database_mib, given.files, given.media_mib, given.runs)
    json.dump(measure(sizes), sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
