"""How a backup stands: kept by which rule, verified how, started when; and how one is described."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.backup.described import described
from engine.backup.retention import expired, kept_by
from engine.backup.standing import standing_of
from engine.errors import InvalidInput
from engine.model.plan import Intent, Operation, OperationStatus
from engine.model.repository import Keep, RepositoryKind
from engine.planning.backup import plan_backup
from tests.unit.test_backup import CLOUD, NOW, STORE, backup, daily
from tests.unit.test_planning import desired

DAY = timedelta(days=1)


def made(number: int, status: OperationStatus) -> Operation:
    """The operation that made a backup, an hour after its state was captured."""
    return Operation(
        id=backup(number).id,
        plan=plan_backup(desired(), STORE),
        status=status,
        created=NOW - number * DAY,
        ended=NOW - number * DAY + timedelta(hours=1),
    )


@given(
    st.lists(st.integers(0, 900 * 24), unique=True, max_size=60),
    st.builds(Keep, last=st.integers(0, 5), daily=st.integers(0, 9)),
)
def test_what_no_rule_keeps_is_what_the_next_backup_removes(hours: list[int], keep: Keep) -> None:
    backups = [backup(n, NOW - timedelta(hours=h + 1)) for n, h in enumerate(hours)]
    rules = kept_by(backups, keep, NOW)
    assert {b.id for b in expired(backups, keep, NOW)} == {one for one in rules if not rules[one]}


def test_every_rule_that_keeps_a_backup_is_named() -> None:
    keep = Keep(last=2, daily=3, weekly=0, monthly=0)
    rules = kept_by(daily(4), keep, NOW)
    assert list(rules.values()) == [("last", "daily"), ("daily",), (), ()]
    everything = Keep(last=0, daily=0, weekly=0, monthly=0)
    assert kept_by(daily(1), everything, NOW) == {backup(1).id: ("all",)}


def test_rules_count_each_deployment_in_each_repository_by_itself() -> None:
    backups = [backup(n, NOW - n * DAY, deployment=of) for n in (1, 2) for of in ("aa", "bb")]
    keeping = STORE.model_copy(update={"keep": Keep(last=2, daily=0, weekly=0, monthly=0)})
    found = standing_of(backups, {"store": keeping}, {}, {}, {}, NOW)
    assert [bool(one.kept_by) for one in found] == [True, True, False, False]


def test_a_level_is_said_only_where_its_verification_came_to_its_end() -> None:
    backups = [backup(n, NOW - n * DAY) for n in (1, 2, 3)]
    backups.append(backup(4, NOW - 4 * DAY, repository="cloud"))
    runs = {
        run.id: run
        for run in (
            made(1, OperationStatus.SUCCEEDED),
            made(2, OperationStatus.FAILED),
            made(4, OperationStatus.SUCCEEDED),
        )
    }
    found = standing_of(backups, {"store": STORE, "cloud": CLOUD}, runs, {}, {}, NOW)
    assert [one.level for one in found] == ["V2", "", "", "V1"]


def test_a_reading_counts_for_what_was_stored_by_then() -> None:
    backups = [backup(n, NOW - n * DAY) for n in (1, 2)]
    runs = {run.id: run for run in (made(1, OperationStatus.SUCCEEDED),)}
    read = NOW - DAY + timedelta(minutes=30)  # the newer one was captured, and not stored yet
    found = standing_of(backups, {"store": STORE}, runs, {"store": read}, {}, NOW)
    assert [one.read for one in found] == [None, read]


def test_the_last_drill_is_told() -> None:
    drill = made(9, OperationStatus.SUCCEEDED)
    drill = drill.model_copy(
        update={"plan": drill.plan.model_copy(update={"intent": Intent.DRILL})}
    )
    found = standing_of(daily(2), {"store": STORE}, {}, {}, {backup(2).id: drill}, NOW)
    assert [one.drill for one in found] == [None, drill]


def test_a_place_tells_what_kind_of_repository_it_is() -> None:
    assert described("store", "/srv/backups").kind is RepositoryKind.DIRECTORY
    assert described("cloud", "https://s3.example/bucket").kind is RepositoryKind.S3


@pytest.mark.parametrize(
    ("name", "place", "field", "why"),
    [
        ("store", "backups", "location", "a directory is named by its absolute path"),
        ("store", "https://s3.example", "location", "S3 is named as https://host/bucket"),
        ("store", "https://u:secret@s3.example/b", "location", "holds no key"),
        ("Store", "/srv/backups", "name", "match pattern"),
    ],
)
def test_what_is_wrong_with_a_repository_is_said_of_its_field(
    name: str, place: str, field: str, why: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        described(name, place)
    assert refused.value.on.endswith(field)
    assert why in refused.value.why
    assert "secret" not in str(refused.value.describe())
