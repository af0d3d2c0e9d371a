"""Reports of upgrades: everything that was decided, by whom, and never a secret."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from forms.upgrade import Facts, Review, Verb, report_data, report_html, report_text
from tests.unit.test_upgrade_properties import SLOW, decide_all, opened
from tests.unit.test_upgrade_review import declared, number, old, review, section, text
from tests.unit.upgrade_strategies import History, histories

FACTS = Facts(datetime(2026, 11, 26, 15, tzinfo=UTC), deployment="chat")
CANARY = "canary-5d1e"


def an_upgrade() -> Review:
    before = section(
        limit=number(1),
        kept=number(1),
        lc=text(),
        gone=text(),
        token=text(**{"x-secret": True}),
        other=number(3),
    )
    after = section(
        limit=number(2), kept=number(1), lowercase=text(), other=number(4), extra=text()
    )
    values = {"limit": 7, "kept": 5, "lc": "<b>", "gone": "g", "token": CANARY}
    changes = (
        {"rename": {"from": "lc", "to": "lowercase"}},
        {"drop": {"path": "token", "reason": "x"}},
    )
    return review(before, after, values=values, migrations=declared(*changes))


def test_a_report_says_what_becomes_of_every_value_and_who_decided() -> None:
    found = an_upgrade()
    data = report_data(found, FACTS)
    assert {one["option"] for one in data["open"]} == {"limit", "gone", "token"}
    assert "3 options must still be decided" in report_text(data)
    found.decide(old("limit"), Verb.KEEP, why="we need it")
    found.decide(old("gone"), Verb.OUT)
    found.decide(old("token"), Verb.OUT)
    data = report_data(found, FACTS)
    assert (data["ready"], data["open"]) == (True, [])
    assert {(one["option"], one["decision"], one["by"]) for one in data["decisions"]} == {
        ("limit", "keep", "kim"),
        ("gone", "take out", "kim"),
        ("token", "take out", "kim"),
    }
    assert [(one["option"], one["was"]) for one in data["carried"]] == [("lowercase", "lc")]
    assert data["unchanged"] == ["kept"]
    assert data["defaults"] == [{"option": "other", "was": "3", "is": "4"}]
    assert [one["option"] for one in data["new"]] == ["extra"]
    assert {one["option"]: one["value"] for one in data["archived"]} == {
        "gone": "g",
        "token": "(secret)",
    }
    said = report_text(data)
    assert "Upgrade of chat: app 1 -> 2" in said
    assert "we need it" in said
    assert "Everything is decided." in said
    assert max(map(len, said.splitlines())) <= 72
    done = report_data(found, Facts(FACTS.written, applied=FACTS.written))
    assert "Carried out at 2026-11-26T15:00:00+00:00." in report_text(done)


class Reader(HTMLParser):
    """What a browser would show of a page; its tags."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.add(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_a_page_shows_values_as_they_are_and_runs_none() -> None:
    page = Reader()
    page.feed(report_html(report_data(an_upgrade(), FACTS)))
    assert page.open == []
    assert page.seen.isdisjoint({"b", "script", "img", "link"})
    assert "<b>" in page.text
    assert "Upgrade of chat: app 1 -> 2" in page.text


def test_no_form_of_a_report_has_a_secret() -> None:
    data = report_data(an_upgrade(), FACTS)
    assert CANARY not in json.dumps(data) + report_text(data) + report_html(data)


def test_no_form_of_a_report_repeats_a_secret_that_stands_somewhere_else() -> None:
    secret, quoted = "hunter2!", 's<c>r"t'
    hidden = text(**{"x-secret": True})
    found = review(
        section(key=hidden, url=text(), word=hidden),
        section(key={**hidden, "maxLength": 3}, url=text("x"), word=hidden),
        values={"key": secret, "url": f"db://me:{quoted}@host", "word": quoted},
    )
    found.decide(old("key"), Verb.SET, value="neu", why=f"{secret} was too long")
    found.decide(old("url"), Verb.DEFAULT, why=f"no more {quoted}")
    data = report_data(found, FACTS)
    said = json.dumps(data) + report_text(data) + report_html(data)
    assert "was too long" in said
    for writing in (secret, quoted, "s&lt;c&gt;r", json.dumps(quoted)[1:-1]):
        assert writing not in said


@SLOW
@given(histories(), st.data())
def test_every_report_of_every_upgrade_can_be_written_and_read(
    history: History, data: st.DataObject
) -> None:
    found = opened(history, who="kim")
    decide_all(data.draw, found, history)
    made = json.loads(json.dumps(report_data(found, FACTS)))
    assert report_text(made)
    page = Reader()
    page.feed(report_html(made))
    assert page.open == []
    assert len(made["open"]) == len(found.queue)
    assert len(made["archived"]) == len(found.archive())
