"""Secrets among options: out of every document, and back in just where they belong."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.catalog.load import Catalog
from engine.catalog.secret_values import (
    is_reference,
    restore_secrets,
    secret_values,
    withdraw_secrets,
)

SCHEMA = Catalog.open().options_schema("synapse")
CANARY = "canary-7d1f"

secrets = st.text(min_size=1, max_size=8).map(lambda text: CANARY + text)
providers = st.lists(
    st.fixed_dictionaries(
        {"idp_id": st.text(max_size=5)}, optional={"client_secret": secrets | st.just("")}
    ),
    max_size=4,
)
documents = st.fixed_dictionaries(
    {},
    optional={
        "oidc_providers": providers,
        "turn_shared_secret": secrets,
        "email": st.fixed_dictionaries(
            {"smtp_host": st.text()}, optional={"smtp_pass": secrets | st.none()}
        ),
        "max_upload_size": st.just("50M"),
        "unknown": st.integers(),
    },
)


@given(documents)
def test_secrets_leave_the_document_and_come_back(document: dict[str, Any]) -> None:
    shown, kept = withdraw_secrets(SCHEMA, document)
    assert CANARY not in json.dumps(shown)
    assert all(value.startswith(CANARY) for value in kept.values())
    restored = restore_secrets(SCHEMA, shown, lambda name: kept[name.removeprefix("secret:")])
    assert restored == document


@given(documents)
def test_withdrawing_again_changes_nothing(document: dict[str, Any]) -> None:
    shown, _ = withdraw_secrets(SCHEMA, document)
    assert withdraw_secrets(SCHEMA, shown) == (shown, {})


@given(documents)
def test_every_secret_has_a_name_of_its_own(document: dict[str, Any]) -> None:
    shown, kept = withdraw_secrets(SCHEMA, document)
    references = [value for _, value in secret_values(SCHEMA, shown) if is_reference(value)]
    assert len(references) == len(set(references)) == len(kept)


@given(documents, st.randoms(use_true_random=False))
def test_secrets_stay_with_their_entries_when_a_list_changes(
    document: dict[str, Any], random: Any
) -> None:
    shown, kept = withdraw_secrets(SCHEMA, document)
    entries = [*shown.get("oidc_providers", []), {"idp_id": "new", "client_secret": CANARY + "new"}]
    random.shuffle(entries)
    again, new = withdraw_secrets(SCHEMA, {**shown, "oidc_providers": entries})
    assert list(new.values()) == [CANARY + "new"]
    assert not new.keys() & kept.keys()
    known = {**kept, **new}
    restored = restore_secrets(SCHEMA, again, lambda name: known[name.removeprefix("secret:")])
    before = {entry["idp_id"]: entry for entry in document.get("oidc_providers", [])}
    if len(before) == len(document.get("oidc_providers", [])):
        for entry in restored["oidc_providers"]:
            if entry != {"idp_id": "new", "client_secret": CANARY + "new"}:
                assert entry == before[entry["idp_id"]]
