"""What the interface costs: time to the first paint, bytes and work of a key, memory.

Everything is measured through a pty on the interface as it is started, on an inventory of
its own; the peer is Textual's hello world, started in turns with it.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from engine.homeport import Homeport
from engine.model.deployment import Deployment, Health, HealthReport
from engine.model.plan import Intent, OperationStatus, Plan
from engine.model.provider import BackendProfile, ProviderProfile, Service
from engine.paths import Paths

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.tui.terminal import Terminal, python  # noqa: E402 - a benchmark is run as a file

RUNS = 7
MOVES = 100
BURST = 10
ENTRY = "import sys; from tui.entry import main; sys.argv = ['homeport']; sys.exit(main())"
HELLO = """
from textual.app import App
from textual.widgets import Static

class Hello(App):
    def compose(self):
        yield Static("Hello, world")

Hello().run(mouse=False)
"""
PLAY = str(ROOT / "tests" / "tui" / "play.py")
DOWN, UP = "\x1b[B", "\x1b[A"


def measure() -> list[dict[str, str]]:
    with tempfile.TemporaryDirectory() as home:
        _fill(Paths.from_environment({"HOMEPORT_HOME": home}))
        rows = _first_paint({"HOMEPORT_HOME": home})
        few, many = _form(50, home), _form(5000, home)
    bytes_few, cpu_few = few
    bytes_many, cpu_many = many
    ratio = cpu_many / cpu_few
    return [
        *rows,
        _row(
            "bytes of a cursor move in the form", f"{max(bytes_few, bytes_many):.0f} B", "<= 600 B"
        ),
        {
            "name": "CPU of a move at 5,000 options, against 50",
            "ours": f"{cpu_many * 1000:.1f} ms",
            "peer": f"{cpu_few * 1000:.1f} ms",
            "ratio": f"{ratio:.2f}",
            "goal": "the same (<= 1.3 x)",
        },
    ]


def _row(name: str, ours: str, goal: str) -> dict[str, str]:
    return {"name": name, "ours": ours, "goal": goal}


def _fill(paths: Paths) -> None:
    """Three deployments as they are when they have been well for a while."""
    now = datetime.now(UTC)
    profile = ProviderProfile(
        name="harbour",
        zone="harbour.example",
        backends={service: BackendProfile(kind="none") for service in Service},
    )
    with Homeport.open(paths) as homeport:
        homeport.save_provider(profile, {})
        inventory = homeport._inventory
        for number, application in enumerate(("radicale", "isso", "synapse")):
            plan = Plan(
                intent=Intent.DEPLOY,
                deployment=f"abcd123{number}",
                name=application,
                application=application,
                release=homeport.package(application).releases[0].version,
                provider=profile.name,
                domain=f"{application}.harbour.example",
                values={},
                steps=(),
            )
            kept = {"name", "application", "release", "provider", "domain", "values"}
            made = Deployment(
                **plan.model_dump(include=kept),
                id=plan.deployment,
                status="running",
                created=now,
                changed=now,
            )
            operation = inventory.operations.begin(
                plan, lambda connection, made=made: inventory.deployments.add(made, connection)
            )
            inventory.operations.end(operation.id, OperationStatus.SUCCEEDED)
            report = HealthReport(health=Health.HEALTHY, at=now)
            inventory.deployments.remember_health(made.id, report)


def _first_paint(environ: dict[str, str]) -> list[dict[str, str]]:
    """Until the three deployments stand on the screen, and until they are fresh."""
    hello, painted, read, memory = [], [], [], []
    for run in range(RUNS + 1):
        with Terminal(python("-c", HELLO), environ=environ) as terminal:
            hello.append(terminal.until(_seen(b"Hello")))
        with Terminal(python("-c", ENTRY), environ=environ) as terminal:
            first = terminal.until(_seen(b"radicale"))
            fresh = terminal.until(_seen(b"3 deployments"))
            terminal.settle(0.5)
            if run:  # the first start has nothing that it saw before
                painted.append(first)
                read.append(fresh)
            memory.append(terminal.memory_mib())
    peer = min(hello)
    return [
        _against("first paint of the dashboard", min(painted), peer, "<= 1.5 x"),
        _against("  until it was read from the inventory", min(read), peer, "-"),
        _row("memory of the interface, on the dashboard", f"{max(memory):.0f} MiB", "<= 90 MiB"),
    ]


def _seen(text: bytes) -> Callable[[bytes], bool]:
    return lambda output: text in output


def _against(name: str, ours: float, peer: float, goal: str) -> dict[str, str]:
    return {
        "name": name,
        "ours": f"{ours:.2f} s",
        "peer": f"{peer:.2f} s",
        "ratio": f"{ours / peer:.2f}",
        "goal": goal,
    }


def _form(options: int, home: str) -> tuple[float, float]:
    """Bytes (the most of several) and CPU seconds (the mean) of a cursor move at 80x24."""
    environ = {"HOMEPORT_HOME": home}
    with Terminal(python(PLAY, f"options={options}"), environ=environ) as terminal:
        terminal.until(_seen(b"option-0002"))
        terminal.settle(2.5)
        sizes = [len(terminal.press(key)) for key in (DOWN, DOWN, UP, DOWN, UP, DOWN)]
        for _ in range(2):  # the first time around is for what is made once
            before = terminal.cpu_seconds()
            for _ in range(MOVES // BURST):
                terminal.press(DOWN * (BURST // 2))
                terminal.press(UP * (BURST // 2))
            spent = (terminal.cpu_seconds() - before) / MOVES
        return float(max(sizes)), spent
