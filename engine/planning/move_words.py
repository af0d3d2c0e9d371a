"""What the plan of a move tells its reader beside the steps."""

from __future__ import annotations

from engine.model.forecast import Forecast
from engine.model.move import MoveTerms
from engine.planning.desired import Desired
from engine.planning.move_steps import LOW_TTL, place_of
from engine.planning.records import TTL, beside_the_address, follows_address


def move_warnings(
    target: Desired, source: Desired, forecast: Forecast, terms: MoveTerms
) -> tuple[str, ...]:
    here, name = place_of(source), target.name
    away = forecast.away_seconds
    told = [
        f"{target.package.name} is away for about {away:.0f} s, from the freeze to its first "
        f"answer at the target. What takes the longest: {forecast.limiting}.",
        f'Point of no return: "Fence the source". Before it, a failure leaves {here} serving; '
        f"after it, homeport revert {name} goes back.",
        f"{here} keeps all of its side until you run homeport confirm {name}.",
        f"The TTL of {target.domain} goes from {TTL} s to {LOW_TTL} s at the beginning and back "
        f"with homeport confirm. Who asked for the name before holds the old address for up to "
        f"{TTL} s more; it passes requests on.",
    ]
    told += _other_records(target)
    if terms.window_seconds is not None:
        told.append(_window(name, terms.window_seconds, away))
    if forecast.unknown:
        told.append(f"How much there is to bring is not known yet: {forecast.unknown}.")
    return tuple(told)


def _other_records(target: Desired) -> list[str]:
    """What becomes of those that are not of the address itself."""
    records = beside_the_address(target)
    if not records:
        return []
    follow = [record.key for record in records if follows_address(record)]
    stay = [record.key for record in records if not follows_address(record)]
    told = []
    if follow:
        told.append(f"With the address changes what it stands in: {', '.join(follow)}.")
    if stay:
        told.append(f"In DNS these stay as they are, in the zone they are in: {', '.join(stay)}.")
    return told


def _window(name: str, window: float, away: float) -> str:
    stops = f"It stops before the freeze, with {name} serving, where that cannot be reached."
    if away > window:
        return f"You allow {window:g} s; by what is known now it takes about {away:.0f} s. {stops}"
    return f"It is frozen only when it would be away for at most {window:g} s. {stops}"
