"""A client that writes numbered entries through the public name, whatever happens behind it.

It knows which of its writes were acknowledged, and asks afterwards which are there: what is
acknowledged and missing was lost, what is there twice was doubled.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from engine.demo import calendar
from engine.demo.chat import CLIENT, Person
from engine.demo.proof import basic
from engine.demo.use import VALUES
from engine.errors import HomeportError
from engine.homeport import Homeport
from engine.public import PublicEndpoint

_PAUSE_SECONDS = 0.05
_TIMEOUT_SECONDS = 10.0


class Book(Protocol):
    """Something that takes numbered entries and tells which it has, each as often as it has it."""

    def write(self, number: int) -> bool:
        """Was it acknowledged? False, or an error, where it was not."""

    def entries(self) -> list[int]: ...


class CalendarBook:
    """Events in a calendar of Radicale."""

    def __init__(self, homeport: Homeport, name: str) -> None:
        self._endpoint: PublicEndpoint = homeport.endpoint(name)
        self._who = basic("admin", homeport.reveal_secret(name, "admin-password"))
        self._endpoint.request("MKCALENDAR", "/admin/ledger/", headers=self._who)

    def write(self, number: int) -> bool:
        event = calendar.EVENT.format(uid=f"n{number}", summary=f"n{number}").encode()
        headers = {**self._who, "Content-Type": "text/calendar", "If-None-Match": "*"}
        path = f"/admin/ledger/n{number}.ics"
        answer = self._endpoint.request(
            "PUT", path, body=event, headers=headers, timeout=_TIMEOUT_SECONDS
        )
        return answer.status == 201

    def entries(self) -> list[int]:
        listing = self._endpoint.request(
            "PROPFIND", "/admin/ledger/", headers={**self._who, "Depth": "1"}
        )
        assert listing.status == 207
        names = listing.body.decode().split("/admin/ledger/n")[1:]
        return sorted(int(name.partition(".ics")[0]) for name in names)


class PageBook:
    """Comments on a page of isso."""

    PAGE = "uri=%2Fledger%2F"

    def __init__(self, homeport: Homeport, name: str) -> None:
        self._endpoint: PublicEndpoint = homeport.endpoint(name)

    def write(self, number: int) -> bool:
        body = json.dumps({"text": f"entry n{number}.", "title": "Ledger", "author": "A"})
        headers = {"Content-Type": "application/json", "Origin": self._endpoint.url}
        answer = self._endpoint.request(
            "POST",
            f"/new?{self.PAGE}",
            body=body.encode(),
            headers=headers,
            timeout=_TIMEOUT_SECONDS,
        )
        return answer.status in (201, 202)

    def entries(self) -> list[int]:
        answer = self._endpoint.request("GET", f"/?{self.PAGE}&plain=1&limit=10000")
        replies = json.loads(answer.body).get("replies", ()) if answer.status == 200 else ()
        texts = [str(reply["text"]) for reply in replies]
        return sorted(int(text.partition("entry n")[2].partition(".")[0]) for text in texts)


class ChatBook:
    """Messages in a room of Synapse."""

    def __init__(self, homeport: Homeport, name: str) -> None:
        self._endpoint: PublicEndpoint = homeport.endpoint(name)
        self._ada = Person(self._endpoint, "ada-ledger")
        room = self._ada.call("POST", f"{CLIENT}/createRoom", {"preset": "private_chat"})
        self._room = str(room["room_id"])
        self._token = self._ada._token

    def write(self, number: int) -> bool:
        path = f"{CLIENT}/rooms/{self._room}/send/m.room.message/n{number}"
        body = json.dumps({"msgtype": "m.text", "body": f"n{number}"}).encode()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"}
        answer = self._endpoint.request(
            "PUT", path, body=body, headers=headers, timeout=_TIMEOUT_SECONDS
        )
        return answer.status == 200

    def entries(self) -> list[int]:
        path = f"{CLIENT}/rooms/{self._room}/messages?dir=b&limit=1000"
        found: list[int] = []
        start = ""
        while True:
            page = self._ada.call("GET", path + (f"&from={start}" if start else ""))
            found += [
                int(event["content"]["body"][1:])
                for event in page["chunk"]
                if event["type"] == "m.room.message"
            ]
            start = page.get("end", "")
            if not start or not page["chunk"]:
                return sorted(found)


MANY_ENTRIES: dict[str, dict[str, Any]] = {
    app: {**VALUES[app], **values}
    for app, values in {
        "radicale": {},
        "isso": {"guard": {"ratelimit": 1_000_000, "direct-reply": 1_000_000}},
        "synapse": {"rc_message": {"per_second": 1000, "burst_count": 1000}},
    }.items()
}
"""Options by which an application takes as many entries as a ledger writes."""
BOOKS = {"radicale": CalendarBook, "isso": PageBook, "synapse": ChatBook}


@dataclass
class Ledger:
    """pause: seconds between two entries."""

    book: Book
    pause: float = _PAUSE_SECONDS
    acknowledged: list[int] = field(default_factory=list)
    refused: int = 0
    longest_gap: float = 0.0
    """Seconds between two acknowledged entries, at most."""
    _number: int = 0

    def write_one(self) -> bool:
        self._number += 1
        try:
            good = self.book.write(self._number)
        except HomeportError:
            good = False
        if good:
            self.acknowledged.append(self._number)
        else:
            self.refused += 1
        return good

    def check(self) -> None:
        """Every acknowledged entry is there, once; nothing is there twice."""
        there = self.book.entries()
        assert len(there) == len(set(there)), "an entry is there twice"
        lost = set(self.acknowledged) - set(there)
        assert not lost, f"acknowledged and lost: {sorted(lost)}"

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Entries are written all the while."""
        stop = threading.Event()

        def write() -> None:
            last = time.monotonic()
            while not stop.is_set():
                if self.write_one():
                    now = time.monotonic()
                    self.longest_gap, last = max(self.longest_gap, now - last), now
                stop.wait(self.pause)

        thread = threading.Thread(target=write, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(60)
