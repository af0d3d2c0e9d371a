"""Text that must fit its place, whatever it says."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.last_seen import LastSeen, TableRow
from tui.text import column_widths, fit, length, printable
from tui.widgets.bars import HELP, Hint, hint_line

WORDS = st.text(max_size=30)
HINTS = st.lists(st.tuples(st.sampled_from(["a", "b", "F5", "Tab"]), st.text("xyz", max_size=9)))
BACK: Hint = ("Esc", "back")


@given(text=WORDS, width=st.integers(0, 40), right=st.booleans())
def test_fitted_text_has_its_width(text: str, width: int, right: bool) -> None:
    assert cell_len(fit(text, width, right=right)) == width


@given(text=st.text())
def test_nothing_that_a_terminal_obeys_is_printable(text: str) -> None:
    assert all(ord(char) >= 0x20 and not 0x7F <= ord(char) < 0xA0 for char in printable(text))


@given(
    rows=st.lists(st.tuples(WORDS, WORDS, WORDS), min_size=1, max_size=6),
    width=st.integers(30, 160),
)
def test_table_fits_and_cuts_nothing_where_there_is_room(
    rows: list[tuple[str, str, str]], width: int
) -> None:
    least = (4, 4, 4)
    widths = column_widths(rows, least, width)
    wanted = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    assert sum(widths) + 4 <= width
    if sum(map(max, wanted, least)) + 4 <= width:
        assert all(has >= wants for has, wants in zip(widths, wanted, strict=True))


@given(hints=HINTS, width=st.integers(20, 160))
def test_hints_never_lose_the_way_out(hints: list[Hint], width: int) -> None:
    line = hint_line([*hints, BACK], width)
    said = "".join(span.text for span in line)
    assert length(line) <= width
    assert said.endswith(f" {BACK[0]} {BACK[1]}  {HELP[0]} {HELP[1]} ")


@given(damage=st.binary(max_size=60))
def test_a_damaged_memory_of_the_dashboard_is_none(damage: bytes) -> None:
    with TemporaryDirectory() as directory:
        file = Path(directory) / "dashboard.json"
        row = TableRow("+", "good", ("calendar", "healthy"))
        LastSeen(file).remember([row], datetime(2026, 11, 24, tzinfo=UTC))
        assert LastSeen(file).recall(2) == ([row], datetime(2026, 11, 24, tzinfo=UTC))
        assert LastSeen(file).recall(3) is None
        file.write_bytes(damage)
        assert LastSeen(file).recall(2) is None
