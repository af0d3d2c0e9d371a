"""What `homeport form` costs on a terminal: a form of 50,000 options, and large real schemas.

Through a pty, as the command is started; the peer is Textual's hello world, started in turns.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench.bench_tui import HELLO  # noqa: E402 - a benchmark is run as a file
from tests.tui.terminal import Terminal, python  # noqa: E402
from tests.unit.schema_corpus import carried_by_check_jsonschema  # noqa: E402

OPTIONS = 50_000
RUNS = 7
MOVES = 100
DOWN, UP = "\x1b[B", "\x1b[A"
ENTRY = (
    "import sys; from tui.entry import main; "
    "sys.argv = ['homeport', 'form', *sys.argv[1:]]; sys.exit(main())"
)
Row = dict[str, str]


def measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as home:
        flat, sections = Path(home) / "flat.json", Path(home) / "sections.json"
        flat.write_text(json.dumps(_flat(OPTIONS)))
        sections.write_text(json.dumps(_sections(OPTIONS)))
        hello = min(_paint_of_hello(home) for _ in range(RUNS))
        painted = min(_paint(flat, b"Reading", home) for _ in range(RUNS))
        rows = [_against("form of 50,000 options: first paint", painted, hello, "<= 1.5 x")]
        for name, file, seen in (
            ("in sections of 50", sections, b"section_007"),
            ("all in one section", flat, b"option_00007"),
        ):
            first = min(_paint(file, seen, home) for _ in range(RUNS))
            rows.append(_against(f"  until its options are there, {name}", first, hello, "-"))
        return [*rows, *_keys(flat, home), *_real(home)]


def _against(name: str, ours: float, peer: float, goal: str) -> Row:
    return {
        "name": name,
        "ours": f"{ours:.2f} s",
        "peer": f"{peer:.2f} s",
        "ratio": f"{ours / peer:.2f}",
        "goal": goal,
    }


def _row(name: str, ours: str, goal: str) -> Row:
    return {"name": name, "ours": ours, "goal": goal}


def _paint_of_hello(home: str) -> float:
    with Terminal(python("-c", HELLO), environ={"HOMEPORT_HOME": home}) as terminal:
        return terminal.until(lambda output: b"Hello" in output)


@contextmanager
def _form(file: Path, home: str) -> Iterator[Terminal]:
    argv = python("-c", ENTRY, str(file))
    with Terminal(argv, environ={"HOMEPORT_HOME": home}) as terminal:
        yield terminal


def _paint(file: Path, seen: bytes, home: str) -> float:
    with _form(file, home) as terminal:
        return terminal.until(lambda output: seen in output)


def _keys(file: Path, home: str) -> list[Row]:
    """Bytes (the most of several) and CPU of a cursor move; CPU and time of a search's letter."""
    with _form(file, home) as terminal:
        terminal.until(lambda output: b"option_00007" in output)
        terminal.settle(1.5)
        terminal.press(DOWN + DOWN)  # from the row of the document to the options
        sizes = [len(terminal.press(key)) for key in (DOWN, DOWN, UP, DOWN, UP, DOWN)]
        spent = 0.0
        for _ in range(2):  # the first time around is for what is made once
            before = terminal.cpu_seconds()
            for _ in range(MOVES // 10):
                terminal.press(DOWN * 5)
                terminal.press(UP * 5)
            spent = (terminal.cpu_seconds() - before) / MOVES
        memory = terminal.memory_mib()
        opened = _cpu_of(terminal, lambda: terminal.press("/"))
        letters = [_cpu_of(terminal, lambda c=c: terminal.press(c)) for c in "option 42"]
    return [
        _row("  bytes of a cursor move", f"{max(sizes)} B", "<= 600 B"),
        _row("  CPU of a cursor move", f"{spent * 1000:.1f} ms", "<= 10 ms"),
        _row("  memory", f"{memory:.0f} MiB", "-"),
        _row("  opening the search, once after an edit: CPU", f"{opened * 1000:.0f} ms", "-"),
        _row(
            "  a letter of the search, the result painted: CPU, mean and most",
            f"{sum(letters) / len(letters) * 1000:.0f}, {max(letters) * 1000:.0f} ms",
            "<= 50 ms",
        ),
    ]


def _cpu_of(terminal: Terminal, action: Callable[[], object]) -> float:
    before = terminal.cpu_seconds()
    action()
    return terminal.cpu_seconds() - before


def _real(home: str) -> list[Row]:
    rows = []
    for name, schema in carried_by_check_jsonschema():
        if name not in ("azure-pipelines", "renovate"):
            continue
        file = Path(home) / f"{name}.json"
        file.write_text(json.dumps(schema))
        times, memory = [], 0.0
        for _ in range(3):
            with _form(file, home) as terminal:
                times.append(terminal.until(lambda output: b" rows" in output))
                terminal.settle(0.5)
                memory = max(memory, terminal.memory_mib())
        rows.append(
            _row(
                f"{name}: opened, from the command on",
                f"{min(times):.2f} s, {memory:.0f} MiB",
                "<= 1 s, <= 120 MiB",
            )
        )
    return rows


def _option(number: int) -> dict[str, Any]:
    return {
        "type": "integer",
        "minimum": 0,
        "maximum": 50,
        "default": 5,
        "title": f"option_{number:05}",
        "description": f"Says how much of thing {number} there may be at a time.",
    }


def _flat(options: int) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {f"option_{i:05}": _option(i) for i in range(options)},
    }


def _sections(options: int) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            f"section_{i:03}": {
                "type": "object",
                "properties": {f"option_{n:05}": _option(n) for n in range(i * 50, (i + 1) * 50)},
            }
            for i in range(options // 50)
        },
    }
