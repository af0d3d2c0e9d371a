"""A visitor of a page who leaves a comment with isso, and a second one who reads it."""

from __future__ import annotations

import json

from engine.demo.proof import expect, require
from engine.public import PublicEndpoint

PAGE = "/?uri=%2Fproof%2F"


def use(endpoint: PublicEndpoint, text: str = "Moored safely.") -> list[str]:
    """Post a comment and find it in the thread."""
    # With a title, isso need not fetch the page to find one.
    body = json.dumps({"text": text, "title": "Proof", "author": "A visitor"}).encode()
    posted = endpoint.request(
        "POST",
        "/new?uri=%2Fproof%2F",
        body=body,
        headers={"Content-Type": "application/json", "Origin": endpoint.url},
    )
    expect(posted, 201, 202, doing="posting a comment", at=endpoint)
    comment = json.loads(posted.body)["id"]
    thread = expect(
        endpoint.request("GET", PAGE + "&plain=1"), 200, doing="reading a thread", at=endpoint
    )
    found = [reply for reply in json.loads(thread.body)["replies"] if reply["id"] == comment]
    held = len(found) == 1 and text in found[0]["text"]
    return [require(held, "a comment is stored and shown to the next visitor", at=endpoint)]
