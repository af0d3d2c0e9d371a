"""Row hashes of a PostgreSQL database, chunk by chunk of its tables' files, and what changed since.

Two clusters of which one follows the other have the same rows in the same blocks. So what was
read at both sides and found the same need not be read again where no block of it was written
since, which the WAL says. Chunks of tables are `_BLOCKS` blocks; tables of fewer than `_LEAST`
chunks are not surveyed. A chunk counts from a place in the WAL at which no transaction was under
way that had begun before it: a row that a commit brings to sight later has not been read.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import time
from typing import Any, NoReturn

_PSQL = ["runuser", "-u", "postgres", "--", "psql", "-X", "-q", "-A", "-t"]
_PSQL += ["-v", "ON_ERROR_STOP=1", "-f", "-"]
_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
_LSN = re.compile(r"[0-9A-F]{1,8}/[0-9A-F]{1,8}")
_BLOCKS, _LEAST = 64, 32
_WAIT_SECONDS = 60.0
_KEPT = "homeport-survey"

_SETTINGS = """\
SET timezone = 'UTC'; SET datestyle = 'ISO'; SET intervalstyle = 'postgres';
SET bytea_output = 'hex'; SET extra_float_digits = 1;
"""
"""As in `programs.postgres`, with which the sums are compared."""
_TABLES = """\
SELECT json_build_object('name', format('%I.%I', nspname, relname), 'table',
    format('ONLY %I.%I', nspname, relname), 'blocks',
    pg_relation_size(c.oid) / current_setting('block_size')::int, 'file',
    (SELECT oid FROM pg_database WHERE datname = current_database()) || '/'
      || pg_relation_filenode(c.oid))
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND c.relpersistence = 'p'
   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                      AND d.objid = c.oid AND d.deptype = 'e');
"""
_SUMS = """\
SELECT json_build_array({number}, (ctid::text::point)[0]::bigint / {blocks}, count(*),
    sum(hashtextextended(homeport_row::text, 0))::text)
  FROM {table} AS homeport_row WHERE {where} GROUP BY (ctid::text::point)[0]::bigint / {blocks};
"""
_BEGIN = """\
SELECT pg_current_wal_insert_lsn();
SELECT pg_snapshot_xmax(pg_current_snapshot());
"""
"""In this order: what begins after the second writes behind the first."""
_OLDEST = "SELECT pg_snapshot_xmin(pg_current_snapshot()) >= '{next}'::xid8;"
_FLUSHED = """\
SELECT pg_logical_emit_message(true, 'homeport', 'all before this was written');
"""
_WHERE = """\
SELECT json_build_object('data', current_setting('data_directory'), 'timeline',
    left(pg_walfile_name(pg_current_wal_insert_lsn()), 8), 'bin',
    (SELECT setting FROM pg_config WHERE name = 'BINDIR'), 'end', pg_current_wal_flush_lsn());
"""
_BLOCK = re.compile(r"blkref #\d+: rel \d+/(\d+/\d+) (fork \w+ )?blk (\d+)")
_WHOLE = re.compile(r"base/(\d+/\d+) to \d+ blocks")


def fail(why: str) -> NoReturn:
    print(why, file=sys.stderr, flush=True)
    sys.exit(1)


def psql(sql: str, database: str = "postgres") -> list[str]:
    done = subprocess.run(
        [*_PSQL, "-d", database], input=sql, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        fail(done.stderr.strip()[-800:] or f"psql ended with status {done.returncode}")
    return [line for line in done.stdout.splitlines() if line]


def begin(_task: dict[str, Any]) -> dict[str, Any]:
    """At the source. lsn: chunks read from now on count from there. reached: what the other side
    must have replayed first. Without both where a transaction does not come to its end."""
    lsn, following = psql(_BEGIN)
    deadline = time.monotonic() + _WAIT_SECONDS
    while psql(_OLDEST.format(next=int(following))) != ["t"]:
        if time.monotonic() > deadline:
            return {}
        time.sleep(0.05)
    return {"lsn": lsn, "reached": psql(_FLUSHED)[-1]}


def sums(task: dict[str, Any]) -> dict[str, Any]:
    """Name of a table -> its file, blocks and chunks: number -> rows and sum of their hashes.

    task: database; reached, a place in the WAL to wait for; ranges, name -> chunks from and to,
    of the tables that are not to be read whole.
    """
    if reached := task.get("reached"):
        wait_until_replayed(reached)
    least = _LEAST * _BLOCKS
    tables = [json.loads(line) for line in psql(_TABLES, task["database"])]
    large = [table for table in tables if table["blocks"] >= least]
    sql = [_SETTINGS, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;\n"]
    for number, table in enumerate(large):
        for first, last in task["ranges"].get(table["name"], [[0, None]]):
            where = f"ctid >= '({first * _BLOCKS},0)'"
            where += "" if last is None else f" AND ctid < '({last * _BLOCKS},0)'"
            values = {"number": number, "blocks": _BLOCKS, "table": table["table"]}
            sql.append(_SUMS.format(**values, where=where))
    found: dict[str, Any] = {
        table["name"]: {"file": table["file"], "blocks": table["blocks"], "sums": {}}
        for table in large
    }
    for line in psql("".join([*sql, "COMMIT;\n"]), task["database"]):
        number, chunk, rows, total = json.loads(line)
        found[large[number]["name"]]["sums"][str(chunk)] = [rows, total]
    return {"tables": found}


def wait_until_replayed(lsn: str) -> None:
    if not _LSN.fullmatch(lsn):
        fail(f"{lsn!r} is no place in the WAL")
    deadline = time.monotonic() + _WAIT_SECONDS
    while psql(f"SELECT pg_last_wal_replay_lsn() >= '{lsn}';") != ["t"]:
        if time.monotonic() > deadline:
            fail("the target's PostgreSQL is too far behind to be compared")
        time.sleep(0.05)


def changed(task: dict[str, Any]) -> dict[str, Any]:
    """Files of tables -> the chunks of which a block was written, or null for all of them.

    task: database; lsn, from which on, or null for since the cluster is one of its own. Without
    `chunks` where the WAL does not say. files: name of a table -> its file now.
    """
    there = json.loads(psql(_WHERE)[0])
    start = task["lsn"] or last_switch(there)
    tables = [json.loads(line) for line in psql(_TABLES, task["database"])]
    files = {table["name"]: table["file"] for table in tables}
    if start is None or not _LSN.fullmatch(start):
        return {"files": files}
    words = [os.path.join(there["bin"], "pg_waldump"), f"--path={there['data']}/pg_wal"]
    words += [f"--timeline={int(there['timeline'], 16)}"]
    words += [f"--start={start}", f"--end={there['end']}"]
    chunks: dict[str, Any] = {}
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace"
    ) as reading:
        assert reading.stdout is not None
        for line in reading.stdout:
            for file, fork, block in _BLOCK.findall(line):
                if not fork and chunks.setdefault(file, set()) is not None:
                    chunks[file].add(int(block) // _BLOCKS)
            for file in _WHOLE.findall(line):
                chunks[file] = None
    if reading.returncode != 0:
        return {"files": files}
    kept = {file: sorted(some) if some is not None else None for file, some in chunks.items()}
    return {"files": files, "chunks": kept}


def last_switch(there: dict[str, Any]) -> str | None:
    """Where the cluster's timeline began: its promotion."""
    path = os.path.join(there["data"], "pg_wal", f"{there['timeline']}.history")
    try:
        with open(path) as file:
            lines = [line.split() for line in file if line.strip() and not line.startswith("#")]
    except FileNotFoundError:
        return None
    return lines[-1][1] if lines else None


def keep(task: dict[str, Any]) -> dict[str, Any]:
    """In the cluster itself, with which it comes and goes."""
    path = kept_path()
    descriptor = os.open(f"{path}.part", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(task["survey"], file)
    os.rename(f"{path}.part", path)
    return {}


def kept(_task: dict[str, Any]) -> dict[str, Any]:
    try:
        with open(kept_path()) as file:
            return {"survey": json.load(file)}
    except FileNotFoundError:
        return {"survey": None}


def kept_path() -> str:
    return os.path.join(psql("SHOW data_directory;")[0], _KEPT)


def main() -> None:
    task = json.load(sys.stdin)
    if not _NAME.fullmatch(task["database"]):
        fail(f"{task['database']!r} cannot name a database here")
    os.chdir("/")
    verbs = {each.__name__: each for each in (begin, sums, changed, keep, kept)}
    try:
        result = verbs[task["verb"]](task)
    except OSError as error:
        fail(str(error))
    text = base64.b64encode(json.dumps(result).encode()).decode()
    for start in range(0, len(text), 1000):
        print("homeport-result:", text[start : start + 1000])


if __name__ == "__main__":
    main()
