"""Tables and sequences of a PostgreSQL database that are not written to the log: a standby has them
empty, so that what they hold is brought by itself. Nobody writes at either side."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from typing import Any, NoReturn

_AS_SERVER = ["runuser", "-u", "postgres", "--"]
_PSQL = [*_AS_SERVER, "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", "-"]
_HELD = """\
SELECT format(CASE relkind WHEN 'S' THEN 'SELECT %L'
    ELSE 'SELECT %1$L WHERE EXISTS (SELECT FROM ONLY %2$s)' END,
    format('%I.%I', nspname, relname), format('%I.%I', nspname, relname))
  FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
 WHERE relpersistence = 'u' AND relkind IN ('r', 'S') ORDER BY nspname, relname \\gexec
"""
"""Tables without rows are at a standby what they are here: most of them, once nobody writes."""
_EMPTY = """\
SELECT 'TRUNCATE ONLY ' || string_agg(format('%I.%I', nspname, relname), ', ')
  FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
 WHERE relpersistence = 'u' AND relkind = 'r' HAVING count(*) > 0 \\gexec
"""


def fail(why: str) -> NoReturn:
    print(why, file=sys.stderr, flush=True)
    sys.exit(1)


def psql(sql: str, database: str) -> list[str]:
    words = [*_PSQL, "-d", database]
    done = subprocess.run(words, input=sql, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        fail(done.stderr.strip()[-800:] or f"psql ended with status {done.returncode}")
    return done.stdout.splitlines()


def save(database: str, into: str) -> dict[str, Any]:
    names = psql(_HELD, database)
    if not names:
        return {"items": 0}
    chosen = [f"--table={name}" for name in names]
    words = [*_AS_SERVER, "pg_dump", "--data-only", "--format=custom", *chosen]
    with open(into, "wb") as file:
        done = subprocess.run([*words, f"--dbname={database}"], stdout=file, check=False)
    if done.returncode != 0:
        fail(f"pg_dump ended with status {done.returncode}")
    return {"items": len(names)}


def load(database: str, into: str) -> dict[str, Any]:
    psql(_EMPTY, database)
    words = [*_AS_SERVER, "pg_restore", "--data-only", "--disable-triggers", "--exit-on-error"]
    with open(into, "rb") as file:
        done = subprocess.run([*words, f"--dbname={database}"], stdin=file, check=False)
    if done.returncode != 0:
        fail(f"pg_restore ended with status {done.returncode}")
    return {}


def main() -> None:
    task = json.load(sys.stdin)
    os.chdir("/")  # a directory that the server's user may enter, or psql complains
    try:
        result = {"save": save, "load": load}[task["verb"]](task["database"], task["into"])
    except OSError as error:
        fail(str(error))
    print("homeport-result:", base64.b64encode(json.dumps(result).encode()).decode())


if __name__ == "__main__":
    main()
