"""When another pass over the data is worth it: by figures, for every line and every writer."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from engine.planning.convergence import Outlook, Pace, Pass, Verdict, verdict

FIXED = {"stopping it": 2.0, "its start at the target": 3.0}


def simulated(
    size: float, written: float, copied: float, looking: float, window: float | None
) -> tuple[Verdict, int, Outlook]:
    """A unit of `size` bytes that is written and copied so fast, until there is a verdict."""
    passes = [Pass(0.0, looking + size / copied, int(size))]
    outlooks: list[Outlook] = []
    for _ in range(100):
        last = passes[-1]
        now = last.began + last.seconds
        changed = written * (now - last.began)
        passes.append(Pass(now, looking + changed / copied, int(changed)))
        pace = Pace.of(passes)
        assert pace is not None
        overrun = frozenset({"data"} if pace.is_overrun else ())
        outlooks.append(Outlook({"data": pace.rest(passes[-1].seconds)}, FIXED, overrun))
        found = verdict(outlooks, window)
        if found is not Verdict.AGAIN:
            return found, len(outlooks), outlooks[-1]
    raise AssertionError("it went on for ever")


RATES = st.floats(1e4, 1e9)


@given(st.floats(1e6, 1e12), RATES, RATES, st.floats(0, 5), st.none() | st.floats(1, 3600))
def test_there_is_always_an_end(
    size: float, written: float, copied: float, looking: float, window: float | None
) -> None:
    found, passes, outlook = simulated(size, written, copied, looking, window)
    assert passes <= 60
    if found is Verdict.ENOUGH and window is not None:
        assert outlook.seconds <= window
    if window is None:
        assert found is Verdict.ENOUGH


@given(st.floats(1e6, 1e11), RATES, st.floats(0.01, 0.5), st.floats(10, 600))
def test_what_is_written_much_slower_than_it_is_copied_gets_there(
    size: float, copied: float, part: float, window: float
) -> None:
    found, _, _ = simulated(size, part * copied, copied, 0.5, window)
    assert found is Verdict.ENOUGH


@given(st.floats(1e8, 1e11), st.floats(1e4, 1e6), st.floats(1.2, 10))
def test_what_is_written_faster_than_it_is_copied_never_does(
    size: float, copied: float, times: float
) -> None:
    found, passes, _ = simulated(size, times * copied, copied, 0.1, 10.0)
    assert (found, passes) == (Verdict.NEVER, 2)


@given(st.floats(0.1, 4.9))
def test_no_pass_makes_the_rest_shorter_so_a_window_below_it_is_refused_at_once(
    window: float,
) -> None:
    assert verdict([Outlook({"data": 0.0}, FIXED)], window) is Verdict.NEVER


def test_the_limiting_term_is_named() -> None:
    assert Outlook({"data": 1.0}, FIXED).limiting == "its start at the target"
    assert Outlook({"data": 9.0}, FIXED).limiting == "the last copy of data"


@given(st.integers(0, 10**9), st.floats(0.1, 100), st.floats(0.1, 100))
def test_a_pace_is_known_from_the_second_pass_on(size: int, first: float, second: float) -> None:
    assume(first > 0)
    one = Pass(0.0, first, size)
    assert Pace.of([one]) is None
    pace = Pace.of([one, Pass(first, second, 0)])
    assert pace is not None
    assert pace.written == 0
    assert pace.rest(1000.0) == pace.looking
