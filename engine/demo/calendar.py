"""A CalDAV client (RFC 4791) that stores an event in Radicale and reads it back."""

from __future__ import annotations

from engine.demo.proof import basic, expect, require
from engine.public import PublicEndpoint

EVENT = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//homeport//demo//EN\r\n"
    "BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20260101T000000Z\r\n"
    "DTSTART:20260102T100000Z\r\nDTEND:20260102T110000Z\r\nSUMMARY:{summary}\r\n"
    "END:VEVENT\r\nEND:VCALENDAR\r\n"
)


def use(endpoint: PublicEndpoint, username: str, password: str) -> list[str]:
    """Refuse a stranger, make a calendar, store an event, read the same event back."""
    who = basic(username, password)
    calendar = f"/{username}/proof/"
    stranger = endpoint.request("PROPFIND", calendar, headers={"Depth": "0"})
    proofs = [require(stranger.status == 401, "a stranger is refused", at=endpoint)]
    made = endpoint.request("MKCALENDAR", calendar, headers=who)
    # 409: it is there already, from an earlier proof of the same deployment.
    expect(made, 201, 409, doing="making a calendar", at=endpoint)
    event = EVENT.format(uid="proof-1", summary="Harbour tour").encode()
    put = endpoint.request(
        "PUT",
        calendar + "proof-1.ics",
        body=event,
        headers={**who, "Content-Type": "text/calendar; charset=utf-8"},
    )
    expect(put, 201, 204, doing="storing an event", at=endpoint)
    got = endpoint.request("GET", calendar + "proof-1.ics", headers=who)
    expect(got, 200, doing="reading the event", at=endpoint)
    held = b"SUMMARY:Harbour tour" in got.body and b"UID:proof-1" in got.body
    proofs.append(require(held, "an event is stored and comes back the same", at=endpoint))
    return proofs
