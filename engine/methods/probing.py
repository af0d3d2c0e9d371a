"""Asking an application for its health on its own guest, before anybody else may see it.

The request is made by the guest's own Python: it needs no tool that an image may lack, and
no forwarding that a hardened SSH server may refuse. The script is constant; what to ask
comes by standard input.
"""

from __future__ import annotations

import json
import time

from engine.errors import RemoteFailure
from engine.methods import systemd
from engine.methods.place import Place

_WINDOW_SECONDS = 1.5
"""How long the guest asks on its own before the unit's state is looked at again."""
_RESTARTS = 2
"""A service that systemd had to start again this often is not merely slow."""

_ASK = """\
import http.client, json, sys, time
task = json.load(sys.stdin)
deadline = time.monotonic() + task["seconds"]
def failing():
    for probe in task["probes"]:
        ask = http.client.HTTPConnection(task["address"], task["port"], timeout=10)
        headers = {"Host": task["host"], "X-Forwarded-Proto": "https"}
        try:
            ask.request("GET", probe["path"], headers=headers)
            answer = ask.getresponse()
            body = answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            return "%s: %s" % (probe["path"], error)
        finally:
            ask.close()
        if answer.status not in probe["status"]:
            return "%s: status %d" % (probe["path"], answer.status)
        if probe["contains"] not in body:
            return "%s: the expected text is missing" % probe["path"]
    return ""
why = failing()
while why and time.monotonic() < deadline:
    time.sleep(0.05)
    why = failing()
print(json.dumps({"why": why}))
"""


def wait_until_healthy(place: Place) -> None:
    """Returns once every probe of the package is answered as it should be.

    RemoteFailure, with the end of the service's journal, when that does not happen within
    the longest time that a probe allows, or when the service keeps ending.
    """
    unit = place.paths.unit
    limit = max((probe.within_seconds for probe in place.app.package.health), default=60)
    deadline = time.monotonic() + limit
    while why := _ask(place, min(_WINDOW_SECONDS, limit)):
        place.work.raise_if_cancelled()
        state = systemd.properties(place, unit, "ActiveState", "NRestarts")
        restarts = state.get("NRestarts", "0")
        if state.get("ActiveState") == "failed":
            raise systemd.unit_failed(place, unit, "the service ended")
        if restarts.isdecimal() and int(restarts) >= _RESTARTS:
            raise systemd.unit_failed(place, unit, "the service ends again and again")
        if time.monotonic() > deadline:
            raise systemd.unit_failed(place, unit, f"no good answer in {limit} seconds: {why}")


def _ask(place: Place, seconds: float) -> str:
    """Empty where all probes pass; otherwise what the first failing one found."""
    app = place.app
    task = {
        "address": place.facts.loopback,
        "port": app.package.service.port,
        "host": app.domain,
        "seconds": seconds,
        "probes": [probe.model_dump(mode="json") for probe in app.package.health],
    }
    said = place.run("python3", "-I", "-c", _ASK, data=json.dumps(task).encode(), timeout=120)
    try:
        return str(json.loads(said.stdout)["why"])
    except (ValueError, KeyError) as error:
        raise RemoteFailure(
            "the guest's Python cannot ask the application",
            on=place.facts.address,
            why=said.stderr.strip()[-500:],
        ) from error
