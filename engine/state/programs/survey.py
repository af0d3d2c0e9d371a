"""A PostgreSQL database's large tables, piece by piece of their files, and what was written since.

Two clusters of which one follows the other have the same rows in the same blocks. So what was
found the same at both sides need not be read again where no block of it was written since, which
the WAL says. What counts from a place in the WAL is what was read after no transaction was under
way any more that had begun before it: a row that a commit brings to sight later has not been
read. Files are read after a checkpoint, with which all that was written before is in them; what
is written while they are read lies behind that place.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from typing import Any, NoReturn

_PSQL = ["runuser", "-u", "postgres", "--", "psql", "-X", "-q", "-A", "-t"]
_PSQL += ["-v", "ON_ERROR_STOP=1", "-f", "-"]
_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
_LSN = re.compile(r"[0-9A-F]{1,8}/[0-9A-F]{1,8}")
_LEAST = 2048
"""Blocks of the smallest table, with its long values, that is surveyed."""
_OLDEST = 140000
"""The first version that reads some blocks of a table without reading all of it."""
_WAIT_SECONDS = 60.0
_KEPT = "homeport-survey"

_SETTINGS = """\
SET timezone = 'UTC'; SET datestyle = 'ISO'; SET intervalstyle = 'postgres';
SET bytea_output = 'hex'; SET extra_float_digits = 1;
"""
"""As in `programs.postgres`."""
_TABLES = """\
WITH own AS (SELECT c.oid, format('%I.%I', nspname, relname) AS name,
        nullif(reltoastrelid, 0)::regclass AS long
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND c.relpersistence = 'p'
   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                      AND d.objid = c.oid AND d.deptype = 'e')),
  both_of (oid, name, long, owner, size) AS (SELECT own.oid, name, long::text, NULL,
        pg_relation_size(oid) + coalesce(pg_relation_size(long), 0) FROM own
    UNION ALL SELECT long, long::text, NULL, name,
        pg_relation_size(oid) + pg_relation_size(long) FROM own WHERE long IS NOT NULL)
SELECT json_build_object('name', name, 'long', coalesce(long, ''), 'of', coalesce(owner, ''),
    'blocks', pg_relation_size(oid) / b, 'file', (SELECT oid FROM pg_database
      WHERE datname = current_database()) || '/' || pg_relation_filenode(oid),
    'path', pg_relation_filepath(oid))
  FROM both_of, CAST(current_setting('block_size') AS int) b WHERE size >= {least} * b::bigint;
"""
"""of: whose long values (TOAST) these are; long: where a table's lie."""
_ROWS = """\
SELECT json_build_array({number}, at, rows, total::text)
  FROM unnest('{{{first}}}'::bigint[], '{{{last}}}'::bigint[]) WITH ORDINALITY AS p (f, l, at),
  LATERAL (SELECT count(*) AS rows, {total} AS total FROM ONLY {table} AS homeport_row
    WHERE ctid >= format('(%s,0)', f)::tid AND ctid < format('(%s,0)', l)::tid) AS found;
"""
_SUM = "coalesce(sum(hashtextextended({row}, 0)), 0)"
_ROW, _LONG_ROW = "homeport_row::text", "concat_ws(' ', chunk_id, chunk_seq, chunk_data)"
"""A table of long values is no type of which there could be a text."""
_BEGIN = """\
SELECT pg_current_wal_insert_lsn();
SELECT pg_snapshot_xmax(pg_current_snapshot());
"""
"""In this order: what begins after the second writes behind the first."""
_OLDEST_RUNNING = "SELECT pg_snapshot_xmin(pg_current_snapshot()) >= '{next}'::xid8;"
_FLUSHED = """\
SELECT pg_logical_emit_message(true, 'homeport', 'all before this was written');
"""
_WHERE = """\
SELECT json_build_object('data', current_setting('data_directory'), 'timeline',
    left(pg_walfile_name(pg_current_wal_insert_lsn()), 8), 'bin',
    (SELECT setting FROM pg_config WHERE name = 'BINDIR'), 'end', pg_current_wal_flush_lsn());
"""
_FILES = """\
SELECT json_build_object('data', current_setting('data_directory'),
    'block', current_setting('block_size')::int, 'segment', (SELECT setting::bigint
      FROM pg_settings WHERE name = 'segment_size'));
"""
_BLOCK = re.compile(r"blkref #\d+: rel \d+/(\d+/\d+) (fork \w+ )?blk (\d+)")
_WHOLE = re.compile(r"base/(\d+/\d+) to \d+ blocks")
_NEUTRAL = re.compile(r"desc: (?:FPI_FOR_HINT|VISIBLE)\b")
"""A page was logged because a bit was set that only saves a look elsewhere: its rows are what they
were."""


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


def begin(task: dict[str, Any]) -> dict[str, Any]:
    """At the source. lsn: what is read from now on counts from there; it is written to task's memo.
    reached: what the other side must have replayed first. tables: the large ones: name -> file,
    blocks, long, of. Only `why` where there can be no survey."""
    version = int(psql("SHOW server_version_num;")[0])
    if version < _OLDEST:
        return {"why": f"PostgreSQL {version // 10000} reads whole tables only"}
    lsn, following = psql(_BEGIN)
    deadline = time.monotonic() + _WAIT_SECONDS
    while psql(_OLDEST_RUNNING.format(next=int(following))) != ["t"]:
        if time.monotonic() > deadline:
            return {"why": "a transaction at the source does not end"}
        time.sleep(0.05)
    tables = {
        name: {key: table[key] for key in ("file", "blocks", "long", "of")}
        for name, table in tables_of(task["database"], _LEAST).items()
    }
    os.makedirs(os.path.dirname(task["memo"]), exist_ok=True)
    with open(task["memo"], "w") as file:
        file.write(lsn)
    return {"lsn": lsn, "reached": psql(_FLUSHED)[-1], "tables": tables}


def tables_of(database: str, least: int = 0) -> dict[str, Any]:
    """Those of at least so many blocks, long values included; and the tables of these."""
    lines = psql(_TABLES.format(least=least), database)
    return {table.pop("name"): table for table in map(json.loads, lines)}


def still_there(names: Iterable[str], database: str) -> dict[str, Any]:
    tables = tables_of(database)
    for name in names:
        if name not in tables:
            fail(f"{name} was dropped while it was compared")
    return tables


def flush(_task: dict[str, Any]) -> dict[str, Any]:
    """At the source: its files have all that was written. reached: where the other side's may."""
    psql("CHECKPOINT;")
    return {"reached": psql(_FLUSHED)[-1]}


def digests(task: dict[str, Any]) -> dict[str, Any]:
    """Of the bytes of blocks: name of a table -> one for each from and to of task's `pieces`.

    task: database; reached, a place in the WAL to wait for, and to bring to the files. What the
    file does not have, or is of another file by now, has the digest of what is there.
    """
    if reached := task.get("reached"):
        wait_until_replayed(reached)
        psql("CHECKPOINT;")  # after the source's own: without one replayed, it would do nothing
    there = json.loads(psql(_FILES)[0])
    tables = still_there(task["pieces"], task["database"])
    found = {}
    for name, pieces in task["pieces"].items():
        top = os.path.join(there["data"], tables[name]["path"])
        found[name] = [digest(top, first, last, there) for first, last in pieces]
    return {"digests": found}


def digest(top: str, first: int, last: int, there: dict[str, Any]) -> str:
    """Of blocks of a table's file, which the server splits into segments."""
    summed = hashlib.sha1(usedforsecurity=False)  # the fastest that is no mere checksum
    while first < last:
        segment, at = divmod(first, there["segment"])
        many = min(last - first, there["segment"] - at)
        with open(f"{top}.{segment}" if segment else top, "rb", buffering=0) as file:
            data = os.pread(file.fileno(), many * there["block"], at * there["block"])
        summed.update(data)
        summed.update(len(data).to_bytes(8, "big"))
        first += many
    return base64.b64encode(summed.digest()[:15]).decode()


def rows(task: dict[str, Any]) -> dict[str, Any]:
    """Rows that the server sees in blocks, and sums of their hashes: `counted` and `read`, each
    name of a table -> [rows], or [rows, sum], for each from and to of task's `count` and `read`.

    task: database; reached, a place in the WAL to wait for.
    """
    if reached := task.get("reached"):
        wait_until_replayed(reached)
    tables = still_there(task["read"], task["database"])
    asked = [("counted", name, some) for name, some in task["count"].items()]
    asked += [("read", name, some) for name, some in task["read"].items()]
    found: dict[str, Any] = {"counted": {}, "read": {}, "files": {}}
    sql = [_SETTINGS, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;\n"]
    for number, (part, name, pieces) in enumerate(asked):
        found[part][name] = [None] * len(pieces)
        found["files"][name] = tables[name]["file"]
        first, last = (",".join(str(int(piece[end])) for piece in pieces) for end in (0, 1))
        row = _LONG_ROW if tables[name]["of"] else _ROW
        total = _SUM.format(row=row) if part == "read" else "0"
        values = {"number": number, "total": total, "table": name}
        sql.append(_ROWS.format(**values, first=first, last=last))
    for line in psql("".join([*sql, "COMMIT;\n"]), task["database"]):
        number, at, many, total = json.loads(line)
        part, name, _ = asked[number]
        found[part][name][at - 1] = many if part == "counted" else [many, total]
    return found


def wait_until_replayed(lsn: str) -> None:
    if not _LSN.fullmatch(lsn):
        fail(f"{lsn!r} is no place in the WAL")
    deadline = time.monotonic() + _WAIT_SECONDS
    while psql(f"SELECT pg_last_wal_replay_lsn() >= '{lsn}';") != ["t"]:
        if time.monotonic() > deadline:
            fail("the target's PostgreSQL is too far behind to be compared")
        time.sleep(0.05)


def changed(task: dict[str, Any]) -> dict[str, Any]:
    """Files of tables -> the blocks that were written, as from and to, or null for all of them.

    task: database; lsn, from which on, or null for what `begin` wrote to the memo, and without one
    since the cluster is one of its own; kept, for the `survey` that `keep` wrote, too. Without
    `blocks` where the WAL does not say, or there is nothing that it could be asked about. files:
    name of a table -> its file now. since: from where on.
    """
    found: dict[str, Any] = {"since": task["lsn"] or begun(task.get("memo"))}
    if task.get("kept"):
        found["survey"] = kept_in(data_directory())
    if found.get("survey", found["since"]) is None:
        return found
    first, *rest = psql(_WHERE + _TABLES.format(least=0), task["database"])
    there, tables = json.loads(first), map(json.loads, rest)
    found["files"] = files = {table["name"]: table["file"] for table in tables}
    start = found["since"] or last_switch(there)
    if start is None or not _LSN.fullmatch(start):
        return found
    words = [os.path.join(there["bin"], "pg_waldump"), f"--path={there['data']}/pg_wal"]
    words += [f"--timeline={int(there['timeline'], 16)}"]
    words += [f"--start={start}", f"--end={there['end']}"]
    blocks: dict[str, Any] = {}
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace"
    ) as reading:
        assert reading.stdout is not None
        for line in reading.stdout:
            if _NEUTRAL.search(line):
                continue
            for file, fork, block in _BLOCK.findall(line):
                if not fork and blocks.setdefault(file, set()) is not None:
                    blocks[file].add(int(block))
            for file in _WHOLE.findall(line):
                blocks[file] = None
    if reading.returncode != 0:
        return found
    own = {*files.values()}
    kept = {file: some if some is None else joined(some) for file, some in blocks.items()}
    return found | {"blocks": {file: some for file, some in kept.items() if file in own}}


def begun(memo: str | None) -> str | None:
    """None without a memo, too."""
    try:
        with open(memo or os.devnull) as file:
            return file.read() or None
    except FileNotFoundError:
        return None


def joined(blocks: set[int]) -> list[list[int]]:
    """As from and to."""
    found: list[list[int]] = []
    for block in sorted(blocks):
        if found and found[-1][1] == block:
            found[-1][1] = block + 1
        else:
            found.append([block, block + 1])
    return found


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
    path = os.path.join(data_directory(), _KEPT)
    descriptor = os.open(f"{path}.part", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(task["survey"], file)
    os.rename(f"{path}.part", path)
    return {}


def kept(_task: dict[str, Any]) -> dict[str, Any]:
    return {"survey": kept_in(data_directory())}


def kept_in(data: str) -> Any:
    """None where nothing is."""
    try:
        with open(os.path.join(data, _KEPT)) as file:
            return json.load(file)
    except FileNotFoundError:
        return None


def data_directory() -> str:
    return psql("SHOW data_directory;")[0]


def main() -> None:
    task = json.load(sys.stdin)
    if not _NAME.fullmatch(task["database"]):
        fail(f"{task['database']!r} cannot name a database here")
    os.chdir("/")
    verbs = {each.__name__: each for each in (begin, flush, digests, rows, changed, keep, kept)}
    try:
        result = verbs[task["verb"]](task)
    except OSError as error:
        fail(str(error))
    text = base64.b64encode(json.dumps(result).encode()).decode()
    for start in range(0, len(text), 1000):
        print("homeport-result:", text[start : start + 1000])


if __name__ == "__main__":
    main()
