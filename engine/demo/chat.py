"""Two people who meet on a Matrix server (client-server API 1.11) and exchange a message
and a file."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any
from urllib.parse import quote

from engine.demo.proof import expect, require
from engine.errors import RemoteFailure
from engine.public import PublicAnswer, PublicEndpoint

CLIENT = "/_matrix/client/v3"
_TOO_MANY = 429
_TRIES = 5


class Person:
    """A registered user with an access token."""

    def __init__(self, endpoint: PublicEndpoint, username: str) -> None:
        self._endpoint = endpoint
        self._token = ""
        answer = self._register(username)
        self.user_id = str(answer["user_id"])
        self._token = str(answer["access_token"])

    def _register(self, username: str) -> dict[str, Any]:
        return self.call(
            "POST",
            f"{CLIENT}/register",
            {
                "username": username,
                "password": secrets.token_urlsafe(16),
                "auth": {"type": "m.login.dummy"},
            },
        )

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        answer = self._ask(method, path, data, "application/json", doing=f"{method} {path}")
        found = json.loads(answer.body)
        if not isinstance(found, dict):
            raise RemoteFailure("the server answered with something else", on=path)
        return found

    def upload(self, data: bytes, name: str) -> str:
        """Put a file into the media store; its mxc: address."""
        path = f"/_matrix/media/v3/upload?filename={quote(name)}"
        answer = self._ask("POST", path, data, "application/octet-stream", doing="uploading a file")
        return str(json.loads(answer.body)["content_uri"])

    def download(self, mxc: str) -> bytes:
        path = "/_matrix/client/v1/media/download/" + mxc.removeprefix("mxc://")
        return self._ask("GET", path, doing="downloading a file").body

    def send(self, room: str, content: dict[str, Any]) -> None:
        path = f"{CLIENT}/rooms/{quote(room)}/send/m.room.message/{secrets.token_hex(8)}"
        self.call("PUT", path, content)

    def messages(self, room: str) -> list[dict[str, Any]]:
        path = f"{CLIENT}/rooms/{quote(room)}/messages?dir=b&limit=20"
        chunk = self.call("GET", path)["chunk"]
        return [event["content"] for event in chunk if event["type"] == "m.room.message"]

    def _ask(
        self,
        method: str,
        path: str,
        data: bytes | None = None,
        kind: str = "application/json",
        *,
        doing: str,
    ) -> PublicAnswer:
        """The answer with status 200; waited for as long as the server's rate limit says."""
        headers = {"Content-Type": kind}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        for _ in range(_TRIES):
            answer = self._endpoint.request(method, path, body=data, headers=headers, timeout=60)
            if answer.status != _TOO_MANY:
                break
            # The server says how long a client has to wait (M_LIMIT_EXCEEDED).
            time.sleep(float(json.loads(answer.body).get("retry_after_ms", 1000)) / 1000)
        return expect(answer, 200, doing=doing, at=self._endpoint)


def use(endpoint: PublicEndpoint) -> list[str]:
    """Register two people; one invites, writes and sends a file; the other has both."""
    mark = secrets.token_hex(3)
    ada, ben = Person(endpoint, f"ada-{mark}"), Person(endpoint, f"ben-{mark}")
    proofs = [require(ada.user_id != ben.user_id, "two people registered", at=endpoint)]
    room = str(
        ada.call(
            "POST", f"{CLIENT}/createRoom", {"preset": "private_chat", "invite": [ben.user_id]}
        )["room_id"]
    )
    ben.call("POST", f"{CLIENT}/join/{quote(room)}", {})
    ada.send(room, {"msgtype": "m.text", "body": "Ahoy, Ben."})
    file = secrets.token_bytes(4096)
    mxc = ada.upload(file, "chart.bin")
    ada.send(room, {"msgtype": "m.file", "body": "chart.bin", "url": mxc})
    received = ben.messages(room)
    texts = [content.get("body") for content in received]
    proofs.append(require("Ahoy, Ben." in texts, "a message arrives", at=endpoint))
    urls = [content["url"] for content in received if "url" in content]
    held = urls == [mxc] and ben.download(mxc) == file
    proofs.append(require(held, "a file arrives, the same to the byte", at=endpoint))
    return proofs
