"""What carrying files from guest to guest costs, beside rsync, tar and rclone over the same SSH.

Two guests behind OpenSSH, where this machine has sshd and we are root; otherwise two of the lab,
whose SSH server is our own and takes more than all the rest (each row's name says so). The runs
are interleaved, each into an empty place, and the median of each counts.
`python -m tests.bench carry --full` for the sizes of the issue, CARRY_RUNS, CARRY_LARGE_MIB and
CARRY_SMALL_FILES for others; CARRY_PARTS=near or far for what goes straight, or what goes over
the line of 50 ms, alone.
"""

from __future__ import annotations

import os
import random
import shlex
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from engine.backends.secrets.installation import installation_ssh_key
from engine.guests.protocols import GuestTarget
from engine.lab import cli as lab_cli
from engine.lab.lab import Lab
from engine.paths import Paths
from engine.state import program_run
from engine.state.passage import GuestPassage
from engine.state.protocols import Ground, Side, Unit
from engine.state.registry import state_kind
from tests.bench import openssh_ground
from tests.bench.delayed_line import delayed_line
from tests.conformance.state_ground import both_grounds
from tests.deployed import installation
from tests.lab_fixture import RunningLab

FULL = "BENCH_FULL" in os.environ
RUNS = int(os.environ.get("CARRY_RUNS", "5" if FULL else "3"))
LARGE_MIB = int(os.environ.get("CARRY_LARGE_MIB", "10240" if FULL else "512"))
SMALL_FILES = int(os.environ.get("CARRY_SMALL_FILES", "100000" if FULL else "20000"))
PARTS = os.environ.get("CARRY_PARTS", "near far").split()
SMALL_BYTES, PER_DIRECTORY = 4096, 100
ONE_WAY_SECONDS = 0.025


def measure() -> list[dict[str, str]]:
    with grounds() as (source, target, way, key):
        rows = []
        address, ours = way.address, target.place.facts.address
        with delayed_line(address, way.port, ours, ONE_WAY_SECONDS) as port:
            far = replace(way, address="127.0.0.1", port=port)
            for name, make, near_goal, far_goal in (
                (f"one file of {LARGE_MIB} MiB", one_large, 0.95, 0.95),
                (f"{SMALL_FILES} files of 4 KiB", many_small, 1.5, 2.0),
            ):
                top = Path(source.place.paths.data, "carried")
                make(top)
                if "near" in PARTS:
                    rows += compared(name, near_goal, source, target, way, key)
                    rows.append(verifying(name, source, target, way))
                if "far" in PARTS:
                    rows += compared(f"{name}, 50 ms away", far_goal, source, target, far, key)
                shutil.rmtree(top)
        over = "" if openssh_ground.is_possible() else ", over the lab's SSH"
        return [each | {"name": each["name"] + over} for each in rows]


def compared(
    name: str, goal: float, source: Ground, target: Ground, way: GuestTarget, key: Path
) -> list[dict[str, str]]:
    """Ours beside each peer; a last pass over what has not changed; and what the comparison of
    both sides adds."""
    sides = both_sides(source, target)
    # A first pass goes while the source serves. The way is not closed: both ends are thrown away.
    first = GuestPassage("bench", source.place, target.place, way, live=True)
    first.open([sides[0].unit.locator])
    kind, peer, is_large = state_kind("files"), Peer(target, way, key, *sides), "one file" in name
    carriers: dict[str, Callable[[], object]] = {"rsync": peer.rsync, "tar": peer.tar}
    if shutil.which("rclone") and is_large:  # it takes minutes for many small ones
        carriers["rclone"] = peer.rclone
    carriers["ours"] = lambda: kind.seed(sides[0], sides[1], first)
    again = {"rsync": peer.rsync, "ours": lambda: kind.delta(*sides, replace(first, live=False))}
    seconds: dict[str, list[float]] = {
        who: [] for who in (*carriers, *map(_again, again), "comparing")
    }
    for _ in range(RUNS):
        for who, carry in carriers.items():
            out_of_the_way(Path(sides[1].unit.locator), for_good=is_large)
            seconds[who].append(timed(carry))
            if who in again:
                seconds[_again(who)].append(timed(again[who]))
        seconds["comparing"].append(timed(lambda: kind.compare(*sides)))
    middle = {who: median(taken) for who, taken in seconds.items()}
    rows = [
        row(f"carrying {name}, beside {who}", middle["ours"], middle[who], f">= {goal} x")
        for who in carriers
        if who != "ours"
    ]
    rows.append(
        row(
            f"once more, unchanged: {name}",
            middle[_again("ours")],
            middle[_again("rsync")],
            ">= 1 x",
        )
    )
    share = middle["comparing"] / middle["ours"]
    compared_row = row(f"comparing {name}", middle["comparing"], middle["ours"], "")
    return [*rows, compared_row | {"ratio": f"{share:.2f}", "goal": "- (peer: carrying it)"}]


def both_sides(source: Ground, target: Ground) -> list[Side]:
    return [
        Side(Unit("carried", "files", f"{ground.place.paths.data}/carried"), ground)
        for ground in (source, target)
    ]


def verifying(name: str, source: Ground, target: Ground, way: GuestTarget) -> dict[str, str]:
    """What it costs that all is summed at the source and read back and summed at the target."""
    sides, kind = both_sides(source, target), state_kind("files")
    passages = {
        who: GuestPassage(who, source.place, target.place, way, live=True)
        for who in ("verified", "plain")
    }
    for passage in passages.values():
        passage.open([sides[0].unit.locator])
    reader = Path(source.place.paths.passage("plain"), "reader.py")
    reader.write_text(unverified(reader.read_text()))
    seconds: dict[str, list[float]] = {who: [] for who in passages}
    for _ in range(RUNS):
        for who, passage in passages.items():
            out_of_the_way(Path(sides[1].unit.locator), for_good="one file" in name)
            with programs_unverified() if who == "plain" else nullcontext():
                seconds[who].append(timed(lambda: kind.seed(*sides, passage)))  # noqa: B023
    ours, peer = (median(seconds[who]) for who in passages)
    found = row(f"verifying on its way: {name}", ours, peer, "<= 1.10 x (peer: without)")
    return found | {"ratio": f"{ours / peer:.2f}"}


def unverified(text: str) -> str:
    """The text of a program of the guests, without what verifies in it."""
    end = 'if __name__ == "__main__":'
    assert "def summed(" in text
    plain = 'def summed(*_):\n    return b""\n'
    if "def write(" in text:
        plain += "def write(*where):\n    os.pwrite(*where)\n"
    return text.replace(end, f"{plain}{end}")


@contextmanager
def programs_unverified() -> Iterator[None]:
    """What is sent to the target's guest."""
    before = program_run.source
    program_run.source = lambda name: unverified(before(name)) if name == "fill" else before(name)
    try:
        yield
    finally:
        program_run.source = before


def row(name: str, ours: float, peer: float, goal: str) -> dict[str, str]:
    figures = {"ours": f"{ours:.2f} s", "peer": f"{peer:.2f} s", "ratio": f"{peer / ours:.2f}"}
    return {"name": name, **figures, "goal": goal}


def _again(who: str) -> str:
    return f"{who}, again"


def out_of_the_way(there: Path, *, for_good: bool) -> None:
    """Many files are only moved aside: for a minute after they are removed, ext4 searches long
    for the numbers of new ones, and whoever carries next would pay for it."""
    if for_good:
        shutil.rmtree(there, ignore_errors=True)
    elif there.exists():
        aside = there.with_name("aside")
        aside.mkdir(exist_ok=True)
        there.rename(aside / str(len(list(aside.iterdir()))))
    os.sync()


def timed(act: Callable[[], object]) -> float:
    """Seconds on the wall: most of the work is done by other processes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


@dataclass(frozen=True)
class Peer:
    """The programs as somebody would call them on the target's guest, with a key of the user."""

    target: Ground
    way: GuestTarget
    key: Path
    source: Side
    there: Side

    def rsync(self) -> None:
        host = f"{self.way.user}@{self.way.address}:{self.source.unit.locator}/"
        self._run("rsync", "-a", "-e", shlex.join(self._ssh()), host, f"{self.there.unit.locator}/")

    def tar(self) -> None:
        here, there = self.source.unit.locator, self.there.unit.locator
        host = f"{self.way.user}@{self.way.address}"
        packing = shlex.join([*self._ssh(), host, shlex.join(["tar", "-C", here, "-cf", "-", "."])])
        self._run("mkdir", "-p", there)
        self._run("sh", "-c", f"{packing} | {shlex.join(['tar', '-C', there, '-xf', '-'])}")

    def rclone(self) -> None:
        """Into the same place, by SFTP, with as many transfers as it takes by itself."""
        self._pin()
        known = self.key.with_name("known_hosts")
        remote = (
            f":sftp,host={self.way.address},port={self.way.port},user={self.way.user},"
            f'key_file="{self.key}",known_hosts_file="{known}",shell_type=unix:'
        )
        here, there = self.source.unit.locator, self.there.unit.locator
        self._run("rclone", "--config", "", "copy", f"{remote}{here}", there)

    def _run(self, *words: str) -> None:
        self.target.place.shell.run(words, timeout=3600)

    def _pin(self) -> None:
        pins = (f"[{self.way.address}]:{self.way.port} {line}\n" for line in self.way.host_keys)
        self.key.with_name("known_hosts").write_text("".join(pins))

    def _ssh(self) -> list[str]:
        known = f"UserKnownHostsFile={self.key.with_name('known_hosts')}"
        self._pin()
        words = ["ssh", "-F", "/dev/null", "-p", str(self.way.port), "-i", str(self.key)]
        return [*words, "-o", known, "-o", "IdentitiesOnly=yes"]


def one_large(top: Path) -> None:
    """Random, so that nothing can be compressed or left out."""
    top.mkdir()
    chance = random.Random(1)
    with (top / "large").open("wb") as file:
        for _ in range(LARGE_MIB):
            file.write(chance.randbytes(1 << 20))


def many_small(top: Path) -> None:
    chance = random.Random(2)
    for number in range(SMALL_FILES):
        directory = top / f"{number // PER_DIRECTORY:03}"
        if number % PER_DIRECTORY == 0:
            directory.mkdir(parents=True)
        (directory / f"file-{number:05}").write_bytes(chance.randbytes(SMALL_BYTES))


@contextmanager
def grounds() -> Iterator[tuple[Ground, Ground, GuestTarget, Path]]:
    """Source, target, how the source is reached, and a key that the source's user has."""
    with tempfile.TemporaryDirectory(prefix="hp-bench-") as home:
        os.environ["HOMEPORT_HOME"] = home
        paths = Paths.from_environment().ensure()
        if openssh_ground.is_possible():
            with openssh_ground.openssh_grounds(Path(home), paths) as found:
                yield found
            return
        running = RunningLab(Lab(paths.lab), paths)
        try:
            with (
                installation(running) as here,
                both_grounds(here, "radicale") as (source, target, way),
            ):
                key = Path(home, "bench-key")
                own = installation_ssh_key(here.homeport._workplace.installation_secrets())
                key.touch(0o600)
                key.write_text(own.private_pem)
                yield source, target, way, key
        finally:
            lab_cli.reset(paths, force=True)
