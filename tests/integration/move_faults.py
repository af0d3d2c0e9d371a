"""One fault in the middle of a move, chosen by a seed, while somebody writes through the public
name: what holds at the end whatever happened.

`python -m tests.integration.move_faults --runs 300 --seed 1` runs many and prints a line for
each; `test_migrate_faults.py` runs a few.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from ipaddress import IPv4Address
from pathlib import Path

from engine.lab.api.faults import clear_faults, set_fault
from engine.lab.guest import power
from engine.lab.guest.boot import Boot
from engine.lab.lab import Lab
from engine.model.events import StepStarted
from engine.model.move import Move, MovePhase
from engine.model.plan import Operation, Plan
from engine.operations.launch import living_worker
from engine.operations.retry import LIMIT_VARIABLE
from engine.paths import Paths
from tests.deployed import Installation, check_nothing_left, installation
from tests.lab_fixture import RunningLab
from tests.ledger import BOOKS, MANY_ENTRIES, Ledger

HARBOURS = ("harbour-a", "harbour-b")
_LOOK_SECONDS = 0.01
_LISTENING = "0A"
"""`st` in /proc/net/tcp (Linux, Documentation/networking/proc_net_tcp)."""
_RETRY_SECONDS = "20"
COMPILER = shutil.which("cc") or ""


@dataclass
class Scene:
    """A deployment that goes to and fro, and who writes to it."""

    here: Installation
    name: str
    application: str
    ledger: Ledger

    @property
    def at(self) -> str:
        return self.here.homeport.deployment(self.name).deployment.provider

    @property
    def elsewhere(self) -> str:
        return HARBOURS[1 - HARBOURS.index(self.at)]

    @property
    def move(self) -> Move | None:
        return self.here.homeport.deployment(self.name).move

    def plan(self) -> Plan:
        return self.here.homeport.plan_migrate(self.name, self.elsewhere)

    def reach(self, source: str, target: str) -> Struck:
        lab = self.here.lab.paths.lab
        return Struck(
            self.here.lab.paths,
            lab / "names",
            self._guest(source),
            self._guest(target),
            lab / source,
            lab / target,
        )

    def _guest(self, provider: str) -> Path | None:
        guests = self.here.lab.paths.lab / provider / "guests"
        return next((path for path in sorted(guests.glob("[0-9]*"))), None)


Undo = Callable[[], None]


@dataclass(frozen=True)
class Fault:
    """begins: kinds of steps in whose course it may begin. on: switches it on and gives how it
    is switched off; it knows no inventory, for it is called from a thread of its own."""

    begins: tuple[str, ...]
    on: Callable[[Struck], Undo]
    seconds: tuple[float, float] = (0.5, 6.0)
    turns_clock: bool = False


@dataclass(frozen=True)
class Struck:
    """What a fault may reach: directories of the two sides, None where there is none yet."""

    paths: Paths
    names: Path
    source: Path | None
    target: Path | None
    source_provider: Path
    target_provider: Path


def _nothing() -> None:
    """There is nothing to switch off."""


def kill_worker(struck: Struck) -> Undo:
    worker = living_worker(struck.paths)
    if worker and worker.pid:
        with suppress(ProcessLookupError):
            os.kill(worker.pid, signal.SIGKILL)
    return _nothing


def plug_pulled(guest: Path | None) -> Undo:
    if guest is None or power.running(guest) is None:
        return _nothing
    boot = Boot.load(guest)
    power.kill(guest)
    return lambda: power.start(guest, boot) and None


def frozen(guest: Path | None) -> Undo:
    """Every process of the guest stands still; connections to it stay open and silent."""
    if guest is None or power.running(guest) is None:
        return _nothing
    stopped = sorted(power.processes(guest))
    for pid in stopped:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)

    def go_on() -> None:
        for pid in stopped:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    return go_on


def passage_cut(struck: Struck) -> Undo:
    """The SSH connection between the guests is ended in the middle of what it carries."""
    for pid in power.processes(struck.target) if struck.target else ():
        with suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if words[0].endswith(b"ssh") or words[0].endswith(b"rsync"):
                os.kill(pid, signal.SIGKILL)
    return _nothing


def of_api(which: str, name: str, value: object) -> Callable[[Struck], Undo]:
    def on(struck: Struck) -> Undo:
        directory: Path = getattr(struck, f"{which}_provider")
        set_fault(directory, name, value)  # type: ignore[arg-type]
        return lambda: clear_faults(directory)

    return on


def of_names(fault: Mapping[str, object]) -> Callable[[Struck], Undo]:
    def on(struck: Struck) -> Undo:
        path = struck.names / "faults.json"
        path.write_text(json.dumps(fault))
        return lambda: path.unlink(missing_ok=True)

    return on


def sealed(struck: Struck) -> Undo:
    """The key of the secrets is not to be had, as when a store is sealed."""
    key = struck.paths.config / "secrets.key"
    away = key.with_name("secrets.key.away")
    key.rename(away)
    return lambda: away.rename(key) and None


def other_host_key(struck: Struck) -> Undo:
    """Somebody else answers at the source's address: what the target knows does not fit."""
    if struck.target is None:
        return _nothing
    found = list(struck.target.glob("root/var/lib/homeport/**/known_hosts"))
    for path in found:
        text = path.read_text()
        lines = text.splitlines()
        made = subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path) + ".other"],
            check=False,
            capture_output=True,
        )
        if made.returncode == 0:
            key = Path(f"{path}.other.pub").read_text().split()[:2]
            path.write_text("".join(f"{line.split()[0]} {' '.join(key)}\n" for line in lines))
        for other in (Path(f"{path}.other"), Path(f"{path}.other.pub")):
            other.unlink(missing_ok=True)
    return _nothing


def bits_flipped(struck: Struck) -> Undo:
    """In a file of the data at the target, with size and times as they were."""
    if struck.target is None:
        return _nothing
    data = struck.target / "root/var/lib/homeport"
    files = [
        path
        for path in sorted(data.rglob("*"))
        if path.suffix in (".ics", ".db") and path.is_file() and path.stat().st_size > 64
    ]
    for path in files[:3]:
        with suppress(FileNotFoundError):
            times = path.stat()
            held = bytearray(path.read_bytes())
            held[len(held) // 2] ^= 1
            path.write_bytes(held)
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    return _nothing


def disk_full(struck: Struck) -> Undo:
    """Not a byte is free at the target's provider. Needs its guests to lie on a file system of
    their own (`small_disk`)."""
    guests = struck.target_provider / "guests"
    if not os.path.ismount(guests):
        return _nothing
    ballast = guests / "ballast"
    with ballast.open("wb") as file, suppress(OSError):
        while True:
            free = os.statvfs(guests).f_bavail * os.statvfs(guests).f_frsize
            os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), max(free, 4096))
            file.seek(0, os.SEEK_END)
    return lambda: ballast.unlink(missing_ok=True)


def clock_turned(seconds: int) -> Callable[[Struck], Undo]:
    """The clock of whoever runs the engine is another one for a while. Needs `turnable_clock`."""

    def on(struck: Struck) -> Undo:
        clock = clock_of(struck.paths)
        if not clock.exists():
            return _nothing
        set_clock(clock, seconds)
        return lambda: set_clock(clock, 0)

    return on


def clock_of(paths: Paths) -> Path:
    return paths.state / "clock-of-the-worker"


def set_clock(clock: Path, seconds: int) -> None:
    part = clock.with_suffix(".part")
    part.write_text(f"{seconds:+d}\n")
    part.rename(clock)


@contextmanager
def turnable_clock(here: Installation) -> Iterator[None]:
    """The worker, and what it starts, have a wall clock that can be set; left out where there is
    no C compiler."""
    if not COMPILER:
        yield
        return
    clock = clock_of(here.homeport.paths)
    library, source = clock.with_suffix(".so"), Path(__file__).parent.parent / "turned_clock.c"
    words = (COMPILER, "-shared", "-fPIC", "-O1", "-o", str(library), str(source))
    subprocess.run(words, check=True)
    set_clock(clock, 0)
    here.end_worker()
    own = {"LD_PRELOAD": str(library), "TURNED_CLOCK": str(clock)}
    os.environ |= own
    try:
        yield
    finally:
        for name in own:
            del os.environ[name]
        here.end_worker()
        for file in (clock, library):
            file.unlink()


_CARRYING = ("passage.open", "state.seed", "state.delta", "state.compare")
_HANDING = ("side.freeze", "state.delta", "state.compare", "side.fence", "app.run", "move.serving")
_ALL = ("guest.ensure", "app.install", *_CARRYING, *_HANDING, "dns.apply", "deployment.settle")

FAULTS: dict[str, Fault] = {
    "worker killed": Fault(_ALL, kill_worker),
    "source loses power": Fault(
        (*_CARRYING, "side.freeze", "side.fence"), lambda struck: plug_pulled(struck.source)
    ),
    "source reboots after the fence": Fault(
        ("app.run", "move.serving", "dns.apply"), lambda struck: plug_pulled(struck.source)
    ),
    "target loses power": Fault((*_CARRYING, *_HANDING), lambda struck: plug_pulled(struck.target)),
    "source stands still": Fault((*_CARRYING, "side.freeze"), lambda struck: frozen(struck.source)),
    "target stands still": Fault((*_CARRYING, *_HANDING), lambda struck: frozen(struck.target)),
    "way of the data cut": Fault(_CARRYING, passage_cut),
    "hypervisor of the target away": Fault(
        ("guest.ensure", "guest.start", *_CARRYING), of_api("target", "offline", True)
    ),
    "hypervisor's answer lost": Fault(("guest.ensure",), of_api("target", "lost_answers", 1)),
    "hypervisor of the source away": Fault(_HANDING, of_api("source", "offline", True)),
    "name server silent": Fault(("dns.apply", "move.serving"), of_names({"offline": True})),
    "name server refuses": Fault(("dns.apply",), of_names({"refuse": True})),
    "secrets sealed": Fault(_ALL, sealed),
    "other host key": Fault(("state.seed", "side.freeze"), other_host_key),
    "bits flipped at the target": Fault(("side.freeze", "state.compare"), bits_flipped),
    "clock a day ahead": Fault(_ALL, clock_turned(86_400), (3.0, 12.0), True),
    "clock a day behind": Fault(_ALL, clock_turned(-86_400), (3.0, 12.0), True),
    "disk of the target full": Fault(("app.install", *_CARRYING, "app.run"), disk_full),
}


@dataclass
class Watched:
    """For how long more than one side took connections to the application itself, and how often
    it was looked."""

    both_seconds: float = 0.0
    looks: int = 0


@contextmanager
def watching(lab: Lab, port: int) -> Iterator[Watched]:
    """port: the application's own, behind the proxy. Nothing else of the lab may listen there."""
    networks = [harbour.network for harbour in lab.record().harbours]
    seen, stop = Watched(), threading.Event()

    def look() -> None:
        last = time.monotonic()
        while not stop.wait(_LOOK_SECONDS):
            now = time.monotonic()
            if sum(any(a in n for n in networks) for a in listeners(port)) > 1:
                seen.both_seconds += now - last
            seen.looks += 1
            last = now

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join(10)


def listeners(port: int) -> set[IPv4Address]:
    """Local IPv4 addresses with a socket that listens at the port."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    fields = [line.split(None, 4) for line in lines]
    local = [f[1].partition(":") for f in fields if f[3] == _LISTENING]
    # The kernel writes an address as it lies in memory.
    return {
        IPv4Address(int.from_bytes(bytes.fromhex(address), sys.byteorder))
        for address, _, at in local
        if int(at, 16) == port
    }


@dataclass(frozen=True)
class Ran:
    """What came of one run."""

    seed: int
    fault: str
    step: str
    ended: str
    """"moved" in one go; "back, moved again": the source served on, and another try succeeded;
    "resumed": it went on after its fence."""
    acknowledged: int
    refused: int
    longest_gap: float
    both_seconds: float
    seconds: float


def run(scene: Scene, seed: int, fault: str = "") -> Ran:
    """One move with one fault, checked, and confirmed. fault: of `FAULTS`; the seed chooses where
    none is given. AssertionError where anything is not as it must be; it names the seed."""
    chance = random.Random(seed)
    name = fault or chance.choice(sorted(FAULTS))
    began, port = time.monotonic(), scene.here.homeport.package(scene.application).service.port
    before = len(scene.ledger.acknowledged), scene.ledger.refused
    scene.ledger.longest_gap = 0.0
    target, plan = scene.elsewhere, scene.plan()
    fit = [step.id for step in plan.steps if step.kind.partition("@")[0] in FAULTS[name].begins]
    step = chance.choice(fit)
    with ExitStack() as stack:
        if FAULTS[name].turns_clock:
            stack.enter_context(turnable_clock(scene.here))
        watched = stack.enter_context(watching(scene.here.lab.lab, port))
        stack.enter_context(scene.ledger.writing())
        operation = struck(scene, plan, FAULTS[name], step, chance)
        ended = brought_to_its_end(scene, operation, target)
    move = scene.move
    assert move is not None
    assert (scene.at, move.phase, move.writer) == (target, MovePhase.OBSERVING, target), seed
    assert scene.ledger.write_one(), seed
    scene.ledger.check()
    assert watched.looks, seed
    assert watched.both_seconds == 0, f"seed {seed}: two sides could write"
    done = scene.here.carry_out(scene.here.homeport.plan_confirm(scene.name))
    assert done.status.value == "succeeded", f"seed {seed}: {done.error!r}"
    scene.ledger.check()
    return Ran(
        seed,
        name,
        step,
        ended,
        len(scene.ledger.acknowledged) - before[0],
        scene.ledger.refused - before[1],
        round(scene.ledger.longest_gap, 1),
        watched.both_seconds,
        round(time.monotonic() - began, 1),
    )


def struck(scene: Scene, plan: Plan, fault: Fault, step: str, chance: random.Random) -> Operation:
    """The operation when it has ended; the fault began within the step, and ended by itself."""
    after, lasts = chance.uniform(0, 0.6), chance.uniform(*fault.seconds)
    source, operation = scene.at, scene.here.homeport.apply(plan, plan.hash)
    strike: threading.Thread | None = None
    for event in scene.here.homeport.follow(operation.id):
        if strike is None and isinstance(event, StepStarted) and event.step == step:
            reach = scene.reach(source, plan.provider)
            strike = threading.Thread(target=begin_and_end, args=(fault, reach, after, lasts))
            strike.start()
    ended = scene.here.homeport.operation(operation.id)
    assert strike is not None, f"{step} never began: {ended.error!r}"
    strike.join(120)
    assert not strike.is_alive()
    return ended


def begin_and_end(fault: Fault, reach: Struck, after: float, lasts: float) -> None:
    time.sleep(after)
    undo = fault.on(reach)
    time.sleep(lasts)
    undo()


def brought_to_its_end(scene: Scene, operation: Operation, target: str) -> str:
    """As a person would: what stands behind the fence is resumed, what was taken back is tried
    again; and whatever broke off, somebody serves or the fence stands."""
    if operation.status.value == "succeeded":
        return "moved"
    homeport, said = scene.here.homeport, ""
    for _ in range(3):
        move = scene.move
        if move is None or move.phase in (MovePhase.STOPPED, MovePhase.CONFIRMED):
            said = "back, moved again"
            assert scene.at != target
            operation = scene.here.carry_out(homeport.plan_migrate(scene.name, target))
        else:
            said = "resumed"
            operation = scene.here.finish(homeport.resume(operation.id))
        if operation.status.value == "succeeded":
            return said
    raise AssertionError(f"it does not come to its end: {operation.error!r}")


@contextmanager
def scene(lab: RunningLab, application: str) -> Iterator[Scene]:
    """A deployment to be moved; nothing is left of it afterwards."""
    name = f"struck-{application}"
    with ExitStack() as stack:
        stack.enter_context(small_disk(lab.paths.lab / HARBOURS[1] / "guests"))
        here = stack.enter_context(installation(lab))
        os.environ[LIMIT_VARIABLE] = _RETRY_SECONDS
        stack.callback(os.environ.pop, LIMIT_VARIABLE, None)
        here.end_worker()
        made = here.deploy(application, name, MANY_ENTRIES[application])
        assert made.status.value == "succeeded", repr(made.error)
        yield Scene(here, name, application, Ledger(BOOKS[application](here.homeport, name)))
        assert here.destroy(name).status.value == "succeeded"
        for provider in HARBOURS:
            check_nothing_left(here, name, provider)


@contextmanager
def small_disk(directory: Path) -> Iterator[None]:
    """Guests lie on a file system of their own that can be filled; needs root, and is left out
    where that is not to be had."""
    if os.geteuid() != 0:
        yield
        return
    directory.mkdir(parents=True, exist_ok=True)
    words = ("mount", "-t", "tmpfs", "-o", "size=1g,mode=0700", "homeport-lab", str(directory))
    mounted = subprocess.run(words, check=False, capture_output=True).returncode == 0
    try:
        yield
    finally:
        if mounted:
            subprocess.run(("umount", "--lazy", str(directory)), check=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1, help="of the first run")
    parser.add_argument("--application", choices=sorted(BOOKS), default="radicale")
    given = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="hp-faults-"))
    os.environ["HOMEPORT_HOME"] = str(home)
    paths = Paths.from_environment()
    lab = RunningLab(Lab(paths.lab), paths)
    lab.lab.up()
    try:
        with scene(lab, given.application) as moving:
            for seed in range(given.seed, given.seed + given.runs):
                sys.stdout.write(json.dumps(asdict(run(moving, seed))) + "\n")
                sys.stdout.flush()
    finally:
        lab.lab.reset()
        shutil.rmtree(home, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
