"""How long a move takes, phase by phase, from its plan, from what there is to bring, and from
how fast such things went before. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.model.forecast import Forecast, PhaseTime, UnitSize
from engine.model.plan import PlannedStep
from engine.planning.move_steps import FREEZE, SERVING

PHASES = ("prepare", "copy", "hold", "freeze", "last copy", "verify", "fence", "start", "switch")
AWAY = frozenset({"freeze", "last copy", "verify", "fence", "start"})
_PHASE_OF = {
    "passage.open@1": "copy",
    "state.seed@1": "copy",
    "state.converge@1": "copy",
    "move.hold@1": "hold",
    "side.freeze@1": "freeze",
    "state.delta@1": "last copy",
    "state.compare@1": "verify",
    "side.fence@1": "fence",
    "app.run@1": "start",
    "move.serving@1": "start",
}


@dataclass(frozen=True)
class Speeds:
    """Bytes per second: of a copy, of a copy in one piece after the freeze, and of reading both
    sides to compare them; and seconds that an item costs in either. Measured where
    there was an earlier move, and otherwise cautious."""

    copy: float = 40e6
    whole: float = 10e6
    compare: float = 200e6
    item: float = 0.0005


def phase_of(step: PlannedStep, steps: Sequence[PlannedStep]) -> str:
    """What an operator calls the part of a move that the step belongs to."""
    if step.kind in _PHASE_OF:
        return _PHASE_OF[step.kind]
    ids = [one.id for one in steps]
    return "prepare" if ids.index(step.id) < ids.index(FREEZE) else "switch"


def with_sizes(
    steps: Sequence[PlannedStep], sizes: Sequence[UnitSize], speeds: Speeds
) -> tuple[PlannedStep, ...]:
    """The steps, with what they are expected to take now that the sizes are known."""
    known = {size.unit: size for size in sizes}
    return tuple(_sized(step, known, speeds) for step in steps)


def _sized(step: PlannedStep, sizes: Mapping[str, UnitSize], speeds: Speeds) -> PlannedStep:
    size = sizes.get(str(step.args.get("unit", "")))
    if size is None:
        return step
    items = speeds.item * size.items
    read = 0 if size.compared_ahead else size.bytes
    seconds = {
        "state.seed@1": 0.1 if size.waits else 0.5 + size.bytes / speeds.copy + items,
        "state.delta@1": (1.0 + size.bytes / speeds.whole) if size.waits else 0.5 + items / 5,
        "state.compare@1": 0.5 + read / speeds.compare + items / 5,
    }.get(step.kind)
    if seconds is None:
        return step
    return step.model_copy(update={"expected_seconds": round(seconds, 3)})


def foreseen(
    steps: Sequence[PlannedStep], sizes: Sequence[UnitSize] = (), unknown: str = ""
) -> Forecast:
    """steps: of a move's plan, with what each is expected to take. Of what is done side by side,
    what takes the longest counts."""
    totals = dict.fromkeys(PHASES, 0.0)
    for step in longest_way(steps):
        totals[phase_of(step, steps)] += step.expected_seconds
    phases = tuple(
        PhaseTime(phase=phase, seconds=round(seconds, 3), is_away=phase in AWAY)
        for phase, seconds in totals.items()
        if seconds
    )
    longest = max(longest_way(between(steps)), key=lambda step: step.expected_seconds)
    title = longest.title[0].lower() + longest.title[1:]
    return Forecast(units=tuple(sizes), unknown=unknown, phases=phases, limiting=title)


def between(steps: Sequence[PlannedStep]) -> Sequence[PlannedStep]:
    """From the freeze to the first answer at the target."""
    ids = [step.id for step in steps]
    return steps[ids.index(FREEZE) : ids.index(SERVING) + 1]


def longest_way(steps: Sequence[PlannedStep]) -> tuple[PlannedStep, ...]:
    """Of steps that are done side by side, those that the end has to wait for: one behind the
    other, they take the most. steps: in an order in which they may be done."""
    ways: dict[str, tuple[float, tuple[PlannedStep, ...]]] = {}
    for step in steps:
        before = [ways[name] for name in step.after if name in ways]
        seconds, way = max(before, key=lambda one: one[0], default=(0.0, ()))
        ways[step.id] = seconds + step.expected_seconds, (*way, step)
    return max(ways.values(), key=lambda one: one[0], default=(0.0, ()))[1]


def predicted_downtime(steps: Sequence[PlannedStep]) -> float:
    """Seconds from the freeze to the first answer."""
    return sum(step.expected_seconds for step in longest_way(between(steps)))


def seconds_without_copy(steps: Sequence[PlannedStep]) -> dict[str, float]:
    """What the time away is made of beside the last copy, by a word for it."""
    words = {"freeze": "stopping it", "verify": "the comparison", "fence": "the fence"}
    found: dict[str, float] = {}
    for step in longest_way(between(steps)):
        phase = phase_of(step, steps)
        if phase != "last copy":
            word = words.get(phase, "its start at the target")
            found[word] = found.get(word, 0.0) + step.expected_seconds
    return found
