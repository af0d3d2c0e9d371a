"""What the proxy passed on is counted from its logs, whatever is in them, and names nobody."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.methods import passed_on
from engine.methods.proxy import caddy_config
from engine.model.move import Forwarded
from tests.unit.test_method_proxy import SITE


def counted(log: Path, since: float) -> Forwarded:
    task = json.dumps({"log": str(log), "since": since}).encode()
    done = subprocess.run(
        [sys.executable, "-I", "-c", passed_on._COUNT], input=task, capture_output=True, check=True
    )
    return Forwarded.model_validate_json(done.stdout)


def test_requests_are_counted_over_rolled_logs_and_by_the_hour(tmp_path: Path) -> None:
    now, log = time.time(), tmp_path / "passed-on.log"
    assert counted(log, 0.0).latest is None
    rolled = tmp_path / "passed-on-2026-11-27T01-02-03.004.log"
    rolled.write_text("".join(f'{{"ts":{now - 7200 - n},"status":200}}\n' for n in range(5)))
    odd = 'not json\n{"status":1}\n'
    log.write_text(f'{{"ts":{now - 60},"status":200}}\n{odd}{{"ts":{now - 30}}}\n{{"ts":17')
    (tmp_path / "another.log").write_text('{"ts":1}\n')
    found = counted(log, 0.0)
    assert (found.total, found.last_hour) == (7, 2)
    assert found.latest is not None
    assert found.latest.timestamp() > now - 31
    assert counted(log, now - 45).total == 1


def config(**changes: Any) -> dict[str, Any]:
    return dict(json.loads(caddy_config(replace(SITE, **changes))))


def test_only_a_proxy_that_passes_on_writes_a_log_and_no_line_says_who_asked() -> None:
    log = "/var/lib/caddy/passed-on.log"
    assert "logging" not in config(log=log)
    assert "logging" not in config(forward_to="10.0.0.9:443")
    made = config(log=log, forward_to="10.0.0.9:443")
    writer = made["logging"]["logs"]["passed-on"]
    assert writer["writer"]["filename"] == log
    assert writer["encoder"]["fields"]["request"] == {"filter": "delete"}
    assert made["apps"]["http"]["servers"]["site"]["logs"] == {"default_logger_name": "passed-on"}
    assert "logs" not in made["apps"]["http"]["servers"]["redirect"]
