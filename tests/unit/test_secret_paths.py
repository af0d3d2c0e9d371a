"""Where the two sides of a move have the keys to their buckets, though they have one store."""

from __future__ import annotations

import pytest

from engine.catalog.package import S3_SECRETS, Needs
from engine.errors import NotFound
from engine.operations.secret_paths import stored, stored_at
from tests.unit.step_context import PACKAGE, MemorySecrets

KEY = S3_SECRETS[0]
SHELF = PACKAGE.model_copy(update={"needs": Needs(bucket=True)})


def test_a_key_to_a_bucket_lies_apart_for_each_side_and_others_do_not() -> None:
    here, there = (stored_at(SHELF, "ab12cd34", side, KEY) for side in ("home", "away"))
    assert here != there
    one, other = (stored_at(SHELF, "ab12cd34", side, "seed") for side in ("home", "away"))
    assert one == other == "deployments/ab12cd34/seed"
    # A key that no server of a provider makes is the same everywhere.
    assert stored_at(PACKAGE, "ab12cd34", "home", KEY) == f"deployments/ab12cd34/{KEY}"


def test_a_key_from_before_sides_were_told_apart_is_found_until_there_is_another() -> None:
    store = MemorySecrets()
    with pytest.raises(NotFound):
        stored(store, SHELF, "ab12cd34", "home", KEY)
    store.put(f"deployments/ab12cd34/{KEY}", "old")
    assert stored(store, SHELF, "ab12cd34", "home", KEY) == "old"
    store.put(stored_at(SHELF, "ab12cd34", "home", KEY), "new")
    assert stored(store, SHELF, "ab12cd34", "home", KEY) == "new"
    assert stored(store, SHELF, "ab12cd34", "away", KEY) == "old"
