"""A secret does not show, however the text that holds it is written."""

from __future__ import annotations

import base64
import html
import json
import shlex
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.redaction import MARK, Redactor

WRITTEN: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "percent-encoded": lambda text: quote(text, safe=""),
    "percent-encoded path": quote,
    "form-encoded": quote_plus,
    "in JSON": json.dumps,
    "in JSON, unescaped": lambda text: json.dumps(text, ensure_ascii=False),
    "in Python": repr,
    "in XML": html.escape,
    "quoted for a shell": shlex.quote,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "basic authorization": lambda text: base64.b64encode(f"admin:{text}".encode()).decode(),
    "hexadecimal": lambda text: text.encode().hex(),
}
secrets = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs",), exclude_characters="\0"),
    min_size=8,
    max_size=60,
).filter(lambda text: len(set(text.strip())) >= 4 and len(text.strip()) >= 8)


@pytest.mark.parametrize("form", WRITTEN)
@given(secret=secrets, before=st.text(max_size=20), after=st.text(max_size=20))
def test_no_form_of_a_secret_survives(form: str, secret: str, before: str, after: str) -> None:
    redactor = Redactor()
    redactor.hide(secret)
    written = WRITTEN[form](secret)
    redacted = redactor.redact(f"{before} {written} {after}")
    assert MARK in redacted
    if secret not in f"{before} {after}{MARK}":
        assert secret not in redacted


@given(
    secret=st.binary(min_size=6, max_size=40),
    before=st.binary(max_size=9),
    after=st.binary(max_size=9),
)
def test_a_secret_within_a_longer_encoded_text_is_blotted_out(
    secret: bytes, before: bytes, after: bytes
) -> None:
    value = secret.hex()
    redactor = Redactor()
    redactor.hide(value)
    text = base64.b64encode(before + value.encode() + after).decode()
    redacted = redactor.redact(text)
    assert MARK in redacted
    kept = redacted.split(MARK)
    assert sum(map(len, kept)) <= 4 * (len(before) + len(after)) / 3 + 8


@given(secret=secrets, text=st.text(max_size=60))
def test_text_without_the_secret_stays_as_it_is(secret: str, text: str) -> None:
    redactor = Redactor()
    assert redactor.redact(text) == text
    redactor.hide("a value that does not occur")
    assert redactor.redact(text) == text


@given(st.lists(secrets, min_size=1, max_size=4))
def test_redacting_twice_changes_nothing_more(values: list[str]) -> None:
    redactor = Redactor()
    for value in values:
        redactor.hide(value)
    once = redactor.redact(" and ".join(values))
    if not any(value in MARK for value in values):
        assert redactor.redact(once) == once


def test_each_line_of_a_key_is_blotted_out() -> None:
    body = base64.b64encode(bytes(range(96))).decode()
    key = f"-----BEGIN PRIVATE KEY-----\n{body[:64]}\n{body[64:]}\n-----END PRIVATE KEY-----\n"
    redactor = Redactor()
    redactor.hide(key)
    assert redactor.redact(f"read {body[:64]}") == f"read {MARK}"
    assert redactor.redact(f"read {body[64:]}!") == f"read {MARK}!"
    assert redactor.redact("-----BEGIN PRIVATE KEY-----") == "-----BEGIN PRIVATE KEY-----"
    assert body[:20] not in redactor.redact(json.dumps({"key": key}))


def test_a_short_secret_leaves_words_that_hold_it_alone() -> None:
    redactor = Redactor()
    redactor.hide("abc")
    assert redactor.redact("abc abcd (abc) xabc") == f"{MARK} abcd ({MARK}) xabc"


def test_secrets_that_overlap_are_blotted_out_whole() -> None:
    redactor = Redactor()
    redactor.hide("abcdefgh")
    redactor.hide("efghijkl")
    assert redactor.redact("x abcdefghijkl abcdefgh y") == f"x {MARK} {MARK} y"


def test_an_empty_secret_hides_nothing() -> None:
    redactor = Redactor()
    redactor.hide("")
    redactor.hide("  \n")
    assert redactor.redact("nothing  \n to hide") == "nothing  \n to hide"


def test_json_values_are_redacted_throughout() -> None:
    redactor = Redactor()
    redactor.hide("hunter22")
    redactor.hide("31415926")
    found = redactor.redact_json(
        {"a": ["x hunter22", 1, None, True, 31415926], "hunter22": {"b": 2.5}}
    )
    assert found == {"a": [f"x {MARK}", 1, None, True, MARK], MARK: {"b": 2.5}}
