"""What the upgrade review costs: Synapse over three releases, at a real terminal's 80x24."""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.tui.terminal import Terminal, python  # noqa: E402 - a benchmark is run as a file

MOVES = 40
BEFORE_DETAILS = 0.12
"""Seconds without a byte after a move; the details come after 0.2."""
RELEASES = ("1.114.0", "1.163.2")
VALUES = """\
default_room_version: "9"
media_retention: {local_media_lifetime: 90d}
experimental_features: {msc3886_endpoint: /rendezvous}
"""
DOWN = "\x1b[B"


def measure() -> list[dict[str, str]]:
    with tempfile.TemporaryDirectory() as home:
        values = Path(home) / "homeserver.yaml"
        values.write_text(VALUES)
        argv = ["homeport", "review", "synapse", *RELEASES, str(values)]
        entry = f"import sys; from tui.entry import main; sys.argv = {argv!r}; sys.exit(main())"
        with Terminal(python("-c", entry), environ={"HOMEPORT_HOME": home}) as terminal:
            terminal.until(lambda output: b"2 to decide" in output)
            terminal.settle(1.0)
            terminal.press("fff")  # from what needs somebody to all rows
            terminal.press("\x1b[H")
            before = terminal.cpu_seconds()
            moves, details = [], []
            for _ in range(MOVES):
                terminal.send(DOWN)
                moves.append(len(terminal.settle(BEFORE_DETAILS)))
                details.append(len(terminal.settle()))
            cpu = (terminal.cpu_seconds() - before) / MOVES
    return [
        _row("review: bytes of a cursor move", f"{statistics.median(moves):.0f} B", "<= 600 B"),
        _row("  where the list moves too", f"{max(moves):.0f} B", "-"),
        _row("  details, when the cursor rests", f"{statistics.median(details):.0f} B", "-"),
        _row("review: CPU of a move with its details", f"{cpu * 1000:.1f} ms", "<= 10 ms"),
    ]


def _row(name: str, ours: str, goal: str) -> dict[str, str]:
    return {"name": name, "ours": ours, "goal": goal}
