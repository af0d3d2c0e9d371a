"""What is brought again and again while the source serves: until the rest fits the window, and
for as long as the move is held before the freeze."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from engine.errors import RemoteFailure, RetryableError, TooSlow
from engine.operations.registry import handles
from engine.operations.step import StepContext, StepOutcome
from engine.operations.steps.carrying import Carrying, sides
from engine.planning.convergence import Outlook, Pace, Pass, Verdict, verdict
from engine.planning.forecast import seconds_without_copy
from engine.state.protocols import ReadsAhead

_FRESH_SECONDS = 10.0
"""A pass that began less than this ago is as good as one that begins now."""
_WARM_SECONDS = 30.0
"""Between two passes of a move that is held; longer where a pass takes long."""
_LOOK_SECONDS = 0.25


class Warming:
    """The units of one move on their way, pass by pass. args of the step: source, units."""

    def __init__(self, ctx: StepContext) -> None:
        self._ctx = ctx
        self._carrying: Carrying | None = None
        self._passes: dict[str, list[Pass]] = {}
        self._waiting: dict[str, float] = {}
        """Seconds of the last copy, of units that none can be brought of before."""
        self.moved = 0
        for unit in ctx.step.args["units"]:
            seeded = ctx.output_of(f"state.seed.{unit}") or {}
            self._passes[unit] = [_pass(seeded)] if "began" in seeded else []
            if seeded.get("waits"):
                self._waiting[unit] = _expected_delta(ctx, unit)

    @property
    def units(self) -> list[str]:
        """Those that a pass can do something for."""
        return [unit for unit in self._passes if unit not in self._waiting]

    @property
    def age(self) -> float:
        """Seconds since the oldest of the last passes began."""
        begins = [found[-1].began if found else 0.0 for found in self._of_units().values()]
        return time.time() - min(begins, default=time.time())

    @property
    def took(self) -> float:
        """Seconds of the last pass over all of them."""
        return sum(found[-1].seconds for found in self._of_units().values() if found)

    def _of_units(self) -> dict[str, list[Pass]]:
        return {unit: self._passes[unit] for unit in self.units}

    def round(self) -> None:
        """One pass over each."""
        carrying = self._carrying = self._carrying or Carrying.of(self._ctx, live=True)
        for unit in self.units:
            self._ctx.raise_if_cancelled()
            kind, source, target = sides(self._ctx, carrying, unit)
            began, clock = time.time(), time.monotonic()
            moved = kind.seed(source, target, carrying.passage)
            seconds = time.monotonic() - clock
            self._passes[unit].append(Pass(began, seconds, moved.bytes))
            self.moved += moved.bytes
            self._ctx.progress(self.moved, None, "bytes")

    def read_ahead(self) -> None:
        """What the comparison after the freeze need not read again; it only gets shorter by it."""
        carrying = self._carrying = self._carrying or Carrying.of(self._ctx, live=True)
        for unit in self._passes:
            kind, source, target = sides(self._ctx, carrying, unit)
            if not isinstance(kind, ReadsAhead):
                continue
            try:
                read = kind.read_ahead(source, target)
                self._ctx.log(f"{unit}: {read / 1e6:.1f} MB were read for the comparison")
            except RemoteFailure as failure:
                self._ctx.log(f"{unit} is all read after the freeze: {failure.why}")

    def try_round(self) -> None:
        """One pass, or the word that it will be tried again: nothing depends on it yet."""
        try:
            self.round()
        except RetryableError as error:
            self._ctx.log(f"The copy could not be refreshed, and is tried again: {error}")
            self._ctx.close()
            self._carrying = None

    def outlook(self) -> Outlook | None:
        """None before every unit's pace is known."""
        now, rests = time.time(), dict(self._waiting)
        overrun = set()
        for unit, passes in self._of_units().items():
            pace = Pace.of(passes)
            if pace is None:
                return None
            rests[unit] = pace.rest(now - passes[-1].began)
            if pace.is_overrun:
                overrun.add(unit)
        return Outlook(rests, seconds_without_copy(self._ctx.plan.steps), frozenset(overrun))

    def why(self, outlook: Outlook, window: float) -> str:
        """What stands in the way, in figures."""
        for unit, passes in self._of_units().items():
            pace = Pace.of(passes)
            if pace is not None and pace.copied and pace.written > 0.5 * pace.copied:
                return (
                    f"{unit} is written at {pace.written / 1e6:.2f} MB/s and copied at "
                    f"{pace.copied / 1e6:.2f} MB/s"
                )
        return (
            f"about {outlook.seconds:.0f} s are left and {window:.0f} s are allowed; "
            f"{outlook.limiting} takes the most"
        )


@handles("state.converge@1")
def converge(ctx: StepContext) -> StepOutcome:
    """args: source; units; window, the seconds that the move may be away, if any."""
    warming = Warming(ctx)
    return StepOutcome(output=_bring_down(ctx, warming))


@handles("move.hold@1")
def hold(ctx: StepContext) -> StepOutcome:
    """Until somebody says so, or a time has come; kept fresh meanwhile. args: as those of
    `state.converge`, and until, a time in ISO 8601, or empty."""
    until = _time(str(ctx.step.args["until"]))
    ctx.moves.held(ctx.plan.deployment)
    ctx.ask(_question(ctx.plan.name, until), until)
    warming = Warming(ctx)
    tried = time.monotonic()
    for _ in _waiting(ctx, until):
        apart = max(_WARM_SECONDS, 10 * warming.took)
        if warming.age > apart and time.monotonic() - tried > _WARM_SECONDS:
            warming.try_round()
            tried = time.monotonic()
    told = _told_to_go_on(ctx)
    ctx.answered("somebody said now" if told else "its time has come")
    ctx.moves.release(ctx.plan.deployment)
    return StepOutcome(output=_bring_down(ctx, warming))


def _bring_down(ctx: StepContext, warming: Warming) -> Mapping[str, Any]:
    """Passes until the rest fits. TooSlow where it never will."""
    window, outlooks = ctx.step.args.get("window"), list[Outlook]()
    warming.read_ahead()
    while True:
        fresh = warming.age < _FRESH_SECONDS
        if not (fresh and (window is None or warming.outlook() is not None)):
            warming.round()
        outlook = warming.outlook()
        if outlook is None:
            if window is None:
                return {"bytes": warming.moved}
            warming.round()
            continue
        outlooks.append(outlook)
        ctx.log(f"About {outlook.seconds:.1f} s away if it were frozen now")
        match verdict(outlooks, window):
            case Verdict.ENOUGH:
                return {
                    "bytes": warming.moved,
                    "predicted_seconds": round(outlook.seconds, 3),
                    "limiting": outlook.limiting,
                }
            case Verdict.AGAIN:
                warming.round()
            case Verdict.NEVER:
                raise _never(ctx, warming, outlook, float(window or 0))


def _never(ctx: StepContext, warming: Warming, outlook: Outlook, window: float) -> TooSlow:
    return TooSlow(
        "the move would be away for longer than the window allows, and waiting does not help",
        on=f"{ctx.plan.name} to {ctx.provider.name}",
        why=warming.why(outlook, window),
        left="the source serves as before; it was never stopped",
        do=f"Allow a longer window (--window {_rounded(outlook.seconds)}s), move when less is "
        "written (--hold, --at), or give the copy a faster line.",
    )


def _rounded(seconds: float) -> int:
    return int(seconds * 1.5 / 10 + 1) * 10


def _waiting(ctx: StepContext, until: datetime | None) -> Iterator[None]:
    while not _told_to_go_on(ctx) and (until is None or datetime.now(UTC) < until):
        ctx.raise_if_cancelled()
        yield
        time.sleep(_LOOK_SECONDS)


def _told_to_go_on(ctx: StepContext) -> bool:
    move = ctx.move()
    return move is not None and move.released is not None


def _question(name: str, until: datetime | None) -> str:
    when = f" It begins by itself at {until:%Y-%m-%d %H:%M:%S} UTC." if until else ""
    return (
        f"All is ready: {name} serves at its source, and the copy is kept fresh.{when} Begin now: "
        f"homeport continue {name}"
    )


def _pass(output: Mapping[str, Any]) -> Pass:
    return Pass(float(output["began"]), float(output["seconds"]), int(output["bytes"]))


def _expected_delta(ctx: StepContext, unit: str) -> float:
    steps = (step for step in ctx.plan.steps if step.id == f"state.delta.{unit}")
    return next((step.expected_seconds for step in steps), 0.0)


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
