"""Counting what the proxy passed on to the side that serves: its log of requests has a time and
a status for each, and nothing of who asked for what."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from engine.methods.place import Place
from engine.model.move import Forwarded

ROLL_MIB, ROLLS_KEPT = 16, 4
"""A million requests or so are counted; older ones are forgotten."""
_NOT_KEPT = ("request", "resp_headers", "user_id")
_COUNT = """\
import glob, json, sys, time
task = json.load(sys.stdin)
stem = task["log"].rpartition(".")[0]
total = hour = 0
first = last = None
border = time.time() - 3600
for name in [*glob.glob(glob.escape(stem) + "-*.log"), task["log"]]:
    try:
        lines = open(name, errors="replace")
    except FileNotFoundError:
        continue
    with lines:
        for line in lines:
            try:
                at = float(json.loads(line)["ts"])
            except (ValueError, KeyError, TypeError):
                continue
            if at < task["since"]:
                continue
            total += 1
            hour += at >= border
            first = at if first is None else min(first, at)
            last = at if last is None else max(last, at)
json.dump({"total": total, "last_hour": hour, "since": first, "latest": last}, sys.stdout)
"""


def log_file(place: Place) -> str:
    return f"{place.facts.root}/var/lib/caddy/passed-on.log"


def logging(log: str) -> dict[str, Any]:
    """Caddy's configuration of the log to that file; the server names it `passed-on`."""
    deleted = {"filter": "delete"}
    return {
        "logs": {
            "default": {"exclude": ["http.log.access.passed-on"]},
            "passed-on": {
                "include": ["http.log.access.passed-on"],
                "writer": {
                    "output": "file",
                    "filename": log,
                    "roll_size_mb": ROLL_MIB,
                    "roll_keep": ROLLS_KEPT,
                    "roll_gzip": False,
                },
                "encoder": {
                    "format": "filter",
                    "wrap": {"format": "json"},
                    "fields": dict.fromkeys(("request", "resp_headers", "user_id"), deleted),
                },
            },
        }
    }


def count(place: Place, since: datetime) -> Forwarded:
    """What came from that time on. RemoteFailure, Unreachable."""
    task = json.dumps({"log": log_file(place), "since": since.timestamp()}).encode()
    done = place.run("python3", "-I", "-c", _COUNT, data=task)
    return Forwarded.model_validate_json(done.stdout)
