"""Values survive the way to Nix text and back; hostile strings stay data."""

import json
import shutil
import subprocess
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InvalidInput
from engine.nix.literals import NotALiteral, read_literal, write_literal
from engine.nix.module import module_json, module_text

TEXT = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    st.text("${}\"\\\n\r\t'a;", max_size=12),
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(TEXT, VALUES, max_size=4))
def test_a_written_module_reads_back_as_the_same_document(values: dict[str, Any]) -> None:
    text = module_text(values, ("services", "mastodon"))
    assert read_literal(text) == {"services": {"mastodon": values}}
    assert json.loads(module_json(values, ("a",))) == {"a": values}


@pytest.mark.skipif(not shutil.which("nix-instantiate"), reason="nix-instantiate is missing")
def test_nix_itself_reads_hostile_strings_as_data() -> None:
    hostile = [
        '${builtins.abort "x"}',
        "$${a}",
        "''${a}''",
        '"; evil = 1; "',
        "\\",
        "a\nb\t\r",
        "$",
    ]
    values = {
        "strings": hostile,
        **{text: text for text in hostile},
        "or": 1,
        "numbers": [-1, -(2**63), 2**63 - 1, 0.5, -2.0, 1e22, 1e-7],
        "nothing": [None, {}, []],
    }
    assert _evaluated(write_literal(values)) == values


@pytest.mark.skipif(not shutil.which("nix-instantiate"), reason="nix-instantiate is missing")
@settings(max_examples=30, deadline=None)
@given(st.dictionaries(TEXT, st.lists(TEXT, max_size=4), max_size=4))
def test_nix_itself_reads_any_text_as_it_was(values: dict[str, Any]) -> None:
    assert _evaluated(write_literal(values)) == values


def _evaluated(text: str) -> Any:
    done = subprocess.run(
        ["nix-instantiate", "--eval", "--json", "--strict", "--store", "dummy://", "-"],
        input=text.encode(),
        capture_output=True,
        check=True,
        timeout=60,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "text", ['"${a}"', "a", "[ -1 ]", "1 + 1", "{ a = 1; a = 2; }", "./x", '"']
)
def test_what_needs_evaluation_is_no_literal(text: str) -> None:
    with pytest.raises(NotALiteral):
        read_literal(text)


@pytest.mark.parametrize("value", ["\0", 2**63, float("inf")])
def test_what_nix_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(InvalidInput):
        write_literal(value)
