"""Modoboa's API: answers that a healthy one does not give every day."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from engine.backends.mail.modoboa.api import ACCOUNTS, ModoboaApi
from engine.backends.mail.modoboa.rights import set_up_commands
from engine.backends.mail.settings import ModoboaSettings
from engine.errors import HomeportError, OutcomeUnknown, RemoteFailure, Unreachable

SETTINGS = ModoboaSettings(
    host="mail.example.org",
    domain="example.org",
    url="https://mail.example.org",
    token_ref="secret:modoboa",
)
ADA = "ada@example.org"


def answer(status: int, told: object = None, wait: str = "") -> requests.Response:
    made = requests.Response()
    made.status_code = status
    made._content = told if isinstance(told, bytes) else json.dumps(told).encode()
    if wait:
        made.headers["Retry-After"] = wait
    return made


class Answers(requests.Session):
    """Gives each of these in turn."""

    def __init__(self, *answers: requests.Response | Exception) -> None:
        super().__init__()
        self.asked: list[tuple[str, str, Mapping[str, Any]]] = []
        self._answers = list(answers)

    def request(self, method: Any, url: Any, **told: Any) -> requests.Response:
        self.asked.append((method, str(url), told))
        found = self._answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


def api(session: Answers, slept: list[float] | None = None) -> ModoboaApi:
    waits = [] if slept is None else slept
    return ModoboaApi(SETTINGS, lambda _: "t0ken", lambda _: session, waits.append)


def test_a_server_that_is_asked_too_often_is_waited_for_as_it_says() -> None:
    slept: list[float] = []
    session = Answers(answer(429, wait="2"), answer(429, wait="7"), answer(201, {"pk": 1}))
    api(session, slept).create(ACCOUNTS, ADA, {"username": ADA})
    assert slept == [2.0, 7.0]
    assert [method for method, _, _ in session.asked] == ["POST"] * 3

    slept.clear()
    endless = Answers(*(answer(429, wait="40") for _ in range(3)))
    with pytest.raises(Unreachable, match="no more requests for now"):
        api(endless, slept).create(ACCOUNTS, ADA, {})
    assert slept == [40.0, 40.0]


def test_a_list_is_read_to_its_end() -> None:
    pages = [
        answer(200, {"results": [{"pk": 1}, {"pk": 2}], "next": "https://mail.example.org/2"}),
        answer(200, {"results": [{"pk": 3}], "next": None}),
    ]
    session = Answers(*pages)
    assert [one["pk"] for one in api(session).listed(ACCOUNTS, "ada")] == [1, 2, 3]
    assert [told["params"]["page"] for _, _, told in session.asked] == [1, 2]
    assert all(told["allow_redirects"] is False for _, _, told in session.asked)


@pytest.mark.parametrize(
    ("found", "reading", "changing"),
    [
        (answer(503, b"<html>not well</html>"), Unreachable, OutcomeUnknown),
        (requests.ReadTimeout(), Unreachable, OutcomeUnknown),
        (requests.ConnectTimeout(), Unreachable, Unreachable),
        (answer(200, b"<html>welcome</html>"), RemoteFailure, RemoteFailure),
        (answer(302, b""), RemoteFailure, RemoteFailure),
    ],
)
def test_what_may_have_been_done_is_told_apart_from_what_was_not(
    found: requests.Response | Exception,
    reading: type[HomeportError],
    changing: type[HomeportError],
) -> None:
    with pytest.raises(HomeportError) as read:
        list(api(Answers(found)).listed(ACCOUNTS))
    assert type(read.value) is reading
    with pytest.raises(HomeportError) as changed:
        api(Answers(found)).create(ACCOUNTS, ADA, {"password": "canary-0"})
    assert type(changed.value) is changing
    assert "canary" not in str(changed.value.describe())


def test_the_readme_has_the_commands_of_the_setup() -> None:
    text = (Path(__file__).parents[2] / "README.md").read_text()
    assert f"```\n{set_up_commands('example.org')}\n```" in text
