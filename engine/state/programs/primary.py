"""A PostgreSQL cluster that another guest's follows: what it is, and what it needs to be followed.

Offered is the least that a physical standby needs: a role that may replicate and nothing else,
let in with its password from this host alone, and WAL kept for a standby that fell behind. No
replication slot: a slot keeps WAL until the disk is full where its standby never comes back, and
bounding it (max_slot_wal_keep_size) takes the same setting as keeping WAL without one. What
`wal_keep_size` keeps is bounded by itself. A standby that fell further behind begins anew.

Taken back, the cluster is as it was: no role, no line in pg_hba.conf, its own wal_keep_size.
"""

from __future__ import annotations

import base64
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

_PSQL = ["runuser", "-u", "postgres", "--", "psql", "-X", "-q", "-A", "-t"]
_PSQL += ["-v", "ON_ERROR_STOP=1", "-f", "-"]
_SESSIONS = 4
_KEEP_SHARE, _KEEP_MIB = 8, (64, 16 * 1024)
"""WAL that is kept: this part of the free space, but no less and no more."""

_CLUSTER = """\
SELECT json_build_object(
    'version', current_setting('server_version_num')::int,
    'data', current_setting('data_directory'),
    'hba', current_setting('hba_file'),
    'block', current_setting('block_size'),
    'wal_level', current_setting('wal_level'),
    'senders', current_setting('max_wal_senders')::int
      - (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender'),
    'standby', pg_is_in_recovery(),
    'tablespaces', (SELECT count(*) FROM pg_tablespace WHERE spcname !~ '^pg_'),
    'size', (SELECT sum(pg_database_size(oid)) FROM pg_database),
    'settings', (SELECT json_object_agg(name, setting::int) FROM pg_settings WHERE name IN
      ('max_connections', 'max_worker_processes', 'max_wal_senders', 'max_prepared_transactions',
       'max_locks_per_transaction')),
    'available', (SELECT json_object_agg(name, default_version) FROM pg_available_extensions));
"""
_DATABASES = """\
SELECT json_build_object('database', datname) FROM pg_database WHERE datallowconn ORDER BY datname;
"""
_DATABASE = """\
SELECT json_build_object(
    'tables', (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
      WHERE relkind IN ('r', 'p') AND nspname !~ '^pg_' AND nspname <> 'information_schema'),
    'extensions', (SELECT coalesce(json_agg(extname), '[]') FROM pg_extension),
    'unlogged', (SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'S')
      AND relpersistence = 'u'),
    'sorted', EXISTS (SELECT FROM pg_index i, unnest(i.indcollation::oid[]) k
      JOIN pg_collation o ON o.oid = k
      CROSS JOIN (SELECT to_jsonb(d) AS d FROM pg_database d
                   WHERE datname = current_database()) b
      WHERE i.indrelid >= 16384 AND NOT (CASE WHEN o.collname = 'default'
        THEN d->>'datlocprovider' IN ('c', 'b') AND d->>'datcollate' ~ '^(C|C[.].*|POSIX)$'
        ELSE coalesce(o.collcollate, '') ~ '^(C|C[.].*|POSIX)$' END)));
"""
"""sorted: some index has an order that the C library or ICU defines, which differs by version."""
_OFFER = """\
SELECT format('CREATE ROLE %I', :'role')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \\gexec
ALTER ROLE :"role" LOGIN REPLICATION CONNECTION LIMIT 4 PASSWORD :'verifier';
"""
_WITHDRAW = """\
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = :'role' \\g /dev/null
DROP ROLE IF EXISTS :"role";
"""
_PLACES = """\
SELECT json_build_object('hba', current_setting('hba_file'),
    'data', current_setting('data_directory'));
"""
_RELOAD = "SELECT pg_reload_conf() \\g /dev/null\n"
_KEPT = """\
SELECT json_build_object('mib', setting::int, 'own', sourcefile LIKE '%/postgresql.auto.conf')
  FROM pg_settings WHERE name = 'wal_keep_size';
"""
_WRONG = """\
SELECT line_number || ': ' || error FROM pg_hba_file_rules WHERE error IS NOT NULL LIMIT 1;
"""
_EXACT = """\
SELECT format('SELECT setval(%L, last_value, is_called) FROM %s', oid::regclass,
    oid::regclass) FROM pg_class WHERE relkind = 'S' AND relpersistence = 'p' \\gexec
"""
_MARK = """\
SET synchronous_commit = on;
SELECT pg_logical_emit_message(true, 'homeport', 'all before this was written');
"""
"""A record of its own, for the standby to reach: what is told as the log's present end may be a
place that replay never reports. Whatever was committed before is flushed with it."""


def fail(why: str) -> NoReturn:
    print(why, file=sys.stderr, flush=True)
    sys.exit(1)


def psql(sql: str, database: str = "postgres", **values: str) -> str:
    """What psql prints. values: base64, numbers and names of ours, nothing to be quoted."""
    heads = "".join(f"\\set {name} '{value}'\n" for name, value in values.items())
    done = subprocess.run(
        [*_PSQL, "-d", database], input=heads + sql, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        fail(done.stderr.strip()[-800:] or f"psql ended with status {done.returncode}")
    return done.stdout


def facts(_task: dict[str, Any]) -> dict[str, Any]:
    first, *rest = psql(_CLUSTER + _DATABASES).splitlines()
    cluster: dict[str, Any] = json.loads(first)
    names = [json.loads(line)["database"] for line in rest if line]
    with ThreadPoolExecutor(_SESSIONS) as sessions:
        found = sessions.map(lambda name: psql(_DATABASE, named(name)), names)
        databases = {name: json.loads(one) for name, one in zip(names, found)}  # noqa: B905 - 3.9
    data = cluster["data"]
    return {
        **cluster,
        "databases": databases,
        "libc": os.confstr("CS_GNU_LIBC_VERSION") or platform.libc_ver()[1],
        "machine": platform.machine(),
        "free": shutil.disk_usage(data).free,
        "movable": not os.path.ismount(data) and not os.path.islink(data),
        "editable": not os.statvfs(os.path.dirname(cluster["hba"])).f_flag & os.ST_RDONLY,
    }


def named(database: str) -> str:
    """A connection string, in which psql's -d finds nothing but the name."""
    quoted = database.replace("\\", "\\\\").replace("'", "\\'")
    return f"dbname='{quoted}'"


def offer(task: dict[str, Any]) -> dict[str, Any]:
    """The role of the standby may connect from this host. Repeated, it does so once."""
    values = {"role": task["role"], "verifier": task["verifier"]}
    places, kept_now = map(json.loads, psql(_OFFER + _PLACES + _KEPT, **values).splitlines())
    remember(task["memo"], kept_now)
    line = f"host replication {task['role']} 127.0.0.0/8 scram-sha-256 # {task['mark']}"
    write_access(places["hba"], task["mark"], line)
    if wrong := psql(_WRONG).strip():
        write_access(places["hba"], task["mark"], "")
        fail(f"pg_hba.conf of the source cannot be read, in line {wrong}")
    free = shutil.disk_usage(places["data"]).free >> 20
    kept = min(max(free // _KEEP_SHARE, _KEEP_MIB[0]), _KEEP_MIB[1])
    keep = f"ALTER SYSTEM SET wal_keep_size = '{kept}MB';\n" if kept > kept_now["mib"] else ""
    psql(keep + _RELOAD)
    return {}


def withdraw(task: dict[str, Any]) -> dict[str, Any]:
    """Nothing of the offer is left. Repeated, or without an offer, it does nothing."""
    write_access(json.loads(psql(_PLACES))["hba"], task["mark"], "")
    try:
        with open(task["memo"]) as file:
            before = json.load(file)
    except FileNotFoundError:
        before = None
    reset = ""
    if before is not None:
        value = f"= '{before['mib']}MB'" if before["own"] else ""
        reset = f"ALTER SYSTEM {'SET' if value else 'RESET'} wal_keep_size {value};\n"
    psql(reset + _RELOAD + _WITHDRAW, role=task["role"])
    if before is not None:
        os.unlink(task["memo"])
    return {}


def mark(task: dict[str, Any]) -> dict[str, Any]:
    """lsn: all that was committed before is in the WAL up to there. final: the sequences, too.

    A sequence writes to the WAL for 32 values at once, as if they had been taken; set to what
    it is, it writes that."""
    sql = ""
    if task.get("final"):
        names = [json.loads(line)["database"] for line in psql(_DATABASES).splitlines()]
        sql = "".join(f"{connecting(name)}{_EXACT}" for name in names) + connecting("postgres")
    return {"lsn": psql(sql + _MARK).splitlines()[-1]}


def connecting(database: str) -> str:
    """For psql, which goes on in that database."""
    quoted = named(database).replace("\\", "\\\\").replace("'", "''")
    return f"\\connect '{quoted}'\n"


def remember(memo: str, kept: dict[str, Any]) -> None:
    """What `wal_keep_size` was before the first offer."""
    if os.path.exists(memo):
        return
    with open(f"{memo}.part", "w") as file:
        json.dump(kept, file)
        file.flush()
        os.fsync(file.fileno())
    os.rename(f"{memo}.part", memo)


def write_access(path: str, ending: str, line: str) -> None:
    """pg_hba.conf with this line first and no other that ends in the mark; in one piece. The
    server is to be told to read it."""
    with open(path) as file:
        before = file.read()
    kept = [one for one in before.splitlines() if not one.endswith(f"# {ending}")]
    after = "".join(f"{one}\n" for one in ([line] if line else []) + kept)
    if after == before:
        return
    status = os.stat(path)
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path))
    with os.fdopen(descriptor, "w") as file:
        file.write(after)
        os.fchmod(descriptor, status.st_mode & 0o777)
        if os.geteuid() == 0:
            os.fchown(descriptor, status.st_uid, status.st_gid)
        file.flush()
        os.fsync(descriptor)
    os.rename(temporary, path)


def main() -> None:
    task = json.load(sys.stdin)
    for word in ("role", "mark"):
        if not re.fullmatch(r"[a-z0-9_-]{1,63}", task.get(word, "none")):
            fail(f"{task[word]!r} cannot stand in pg_hba.conf")
    os.chdir("/")
    verbs = {"facts": facts, "offer": offer, "withdraw": withdraw, "mark": mark}
    try:
        result = verbs[task["verb"]](task)
    except OSError as error:
        fail(str(error))
    text = base64.b64encode(json.dumps(result).encode()).decode()
    for start in range(0, len(text), 1000):
        print("homeport-result:", text[start : start + 1000])


if __name__ == "__main__":
    main()
