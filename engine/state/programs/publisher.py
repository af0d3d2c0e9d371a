"""A PostgreSQL database of which another server gets every row, and every change of one.

Offered is a role that may read and replicate and write nothing, let in with its password from
this host alone, and a publication of the database's own tables. A table without a key gets a
replica identity first: published without one, its next UPDATE would fail. The slot that the other
side makes keeps WAL; how much is bounded, unless somebody has slots of their own here.

Taken back, the database is as it was: no role, no publication, no slot, no line in pg_hba.conf.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from typing import Any, NoReturn

_AS_SERVER = ["runuser", "-u", "postgres", "--"]
_PSQL = [*_AS_SERVER, "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", "-"]
_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
_LSN = re.compile(r"[0-9A-F]{1,8}/[0-9A-F]{1,8}")
_KEEP_SHARE, _KEEP_MIB = 4, (256, 64 * 1024)
"""WAL that is kept: this part of the free space, but no less and no more."""
_SECONDS, _POLL = 300.0, 0.05
_OWN = """\
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND c.relpersistence = 'p'
   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                      AND d.objid = c.oid AND d.deptype = 'e')
"""
"""Tables of the database's own, partitions among them."""
_KEYLESS = """\
   AND c.relreplident <> 'f' AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid
     AND CASE c.relreplident WHEN 'd' THEN indisprimary ELSE indisreplident END)
"""
_UNEQUAL = "'{json,xml,point,lseg,box,path,polygon,line,circle}'::regtype[]"
"""Types for which no index knows when two values are equal."""
_LOOK = f"""\
SELECT json_build_object(
    'version', current_setting('server_version_num')::int,
    'wal_level', current_setting('wal_level'),
    'senders', current_setting('max_wal_senders')::int
      - (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender'),
    'slots', current_setting('max_replication_slots')::int
      - (SELECT count(*) FROM pg_replication_slots),
    'hba', current_setting('hba_file'),
    'standby', pg_is_in_recovery(),
    'size', pg_database_size(current_database()),
    'provider', datlocprovider, 'owner', pg_get_userbyid(datdba),
    'encoding', pg_encoding_to_char(encoding), 'collate', datcollate, 'ctype', datctype,
    'incomparable', (SELECT coalesce(json_agg(c.oid::regclass::text), '[]') {_OWN} {_KEYLESS}
      AND EXISTS (SELECT FROM pg_attribute a JOIN pg_type t ON t.oid = atttypid
        WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
          AND ARRAY[t.oid, typelem, typbasetype] && {_UNEQUAL}::oid[])),
    'configured', (SELECT coalesce(json_agg(extname), '[]') FROM pg_extension
      WHERE extconfig IS NOT NULL),
    'firing', (SELECT coalesce(json_agg(DISTINCT tgrelid::regclass::text), '[]') FROM pg_trigger
      WHERE NOT tgisinternal AND tgenabled IN ('A', 'R')))
  FROM pg_database WHERE datname = current_database();
"""  # noqa: S608 - of constants
_ROLES = """\
SELECT json_build_array(rolname, concat_ws(' ',
    CASE WHEN rolsuper THEN 'SUPERUSER' ELSE 'NOSUPERUSER' END,
    CASE WHEN rolinherit THEN 'INHERIT' ELSE 'NOINHERIT' END,
    CASE WHEN rolcreaterole THEN 'CREATEROLE' ELSE 'NOCREATEROLE' END,
    CASE WHEN rolcreatedb THEN 'CREATEDB' ELSE 'NOCREATEDB' END,
    CASE WHEN rolcanlogin THEN 'LOGIN' ELSE 'NOLOGIN' END))
  FROM pg_roles r WHERE oid IN (
    SELECT refobjid FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass
       AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    UNION SELECT datdba FROM pg_database WHERE datname = current_database());
"""
"""Who owns or may use something; as in `programs.postgres`."""
_IDENTITIES = f"""\
SELECT json_build_array(format('%I.%I', nspname, relname), c.relreplident) {_OWN} {_KEYLESS};
"""
_THERE = f"SELECT to_json(format('%I.%I', nspname, relname)) {_OWN};"
_KEPT = """\
SELECT json_build_object('mib', setting::int, 'own', sourcefile LIKE '%/postgresql.auto.conf',
    'slots', (SELECT count(*) FROM pg_replication_slots))
  FROM pg_settings WHERE name = 'max_slot_wal_keep_size';
"""
_OFFER = """\
SELECT format('CREATE ROLE %I', :'role')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \\gexec
ALTER ROLE :"role" LOGIN REPLICATION BYPASSRLS PASSWORD :'verifier';
GRANT pg_read_all_data TO :"role";
"""
_PUBLISH = f"""\
SELECT 'CREATE PUBLICATION ' || :'role' || coalesce(' FOR TABLE '
    || string_agg(format('ONLY %I.%I', nspname, relname), ', '), '') {_OWN}
 HAVING NOT EXISTS (SELECT FROM pg_publication WHERE pubname = :'role') \\gexec
"""  # noqa: S608 - of constants
_UNPUBLISH = """\
DROP PUBLICATION IF EXISTS :"role";
"""
_LET_GO = """\
SELECT format('ALTER ROLE %I NOLOGIN', :'role')
 WHERE EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \\gexec
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = :'role' \\g /dev/null
SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
 WHERE slot_name = :'role' OR slot_name ~ ('^pg_[0-9]+_sync_[0-9]+_' || :'system' || '$')
 \\g /dev/null
"""
"""Nobody is sent anything, and nothing is kept for it. system: the other server's identifier, with
which the slots of its copies end."""
_MARK = """\
SET synchronous_commit = on;
SELECT pg_logical_emit_message(true, 'homeport', 'all before this was written');
"""
_LEFT = "SELECT greatest('{lsn}' - confirmed_flush_lsn, 0) FROM pg_replication_slots {one};"
_SEQUENCES = """\
SELECT format('SELECT json_build_array(%L, last_value, is_called) FROM %I.%I',
    format('%I.%I', nspname, relname), nspname, relname)
  FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
 WHERE relkind = 'S' AND relpersistence = 'p' AND nspname !~ '^pg_' \\gexec
"""
_HIDDEN = """\
SELECT format('%I.%I', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
 WHERE relkind = 'm' AND NOT relispopulated;
"""
_WRONG = """\
SELECT line_number || ': ' || error FROM pg_hba_file_rules WHERE error IS NOT NULL LIMIT 1;
"""


def fail(why: str) -> NoReturn:
    print(why, file=sys.stderr, flush=True)
    sys.exit(1)


def psql(sql: str, database: str = "postgres", **values: str) -> list[str]:
    """Lines that psql prints. values: base64, numbers and names of ours, nothing to be quoted."""
    heads = "".join(f"\\set {name} '{value}'\n" for name, value in values.items())
    done = subprocess.run(
        [*_PSQL, "-d", database], input=heads + sql, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        fail(done.stderr.strip()[-800:] or f"psql ended with status {done.returncode}")
    return [line for line in done.stdout.splitlines() if line]


def look(task: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(psql(_LOOK, task["database"])[0])
    directory = os.path.dirname(found.pop("hba"))
    found["editable"] = not os.statvfs(directory).f_flag & os.ST_RDONLY
    return found


def offer(task: dict[str, Any]) -> dict[str, Any]:
    """The schema lies at task's `into`, as it was before anything was changed here, and the role
    may connect. Repeated, what was sent and kept for it so far is gone. roles: [name, words] that
    the schema speaks of."""
    memo = remembered(task["memo"])
    database, role = task["database"], task["role"]
    if memo is None:
        dump(database, task["into"])
        identities = [json.loads(line) for line in psql(_IDENTITIES, database)]
        kept = json.loads(psql(_KEPT)[0])
        memo = {"identities": identities, "kept": kept, "schema": digest(database)}
        memo["roles"] = [json.loads(line) for line in psql(_ROLES, database)]
        write(task["memo"], json.dumps({**memo, "system": task["system"]}))
    # Made by an attempt that was broken off, of which the other side knows nothing.
    psql(_LET_GO, role=role, system=str(int(task["system"])))
    psql(_OFFER, role=role, verifier=task["verifier"])
    line = f'host "{database}" {role} 127.0.0.0/8 scram-sha-256 # {task["mark"]}'
    write_access(task["mark"], line)
    if wrong := psql(_WRONG):
        write_access(task["mark"], "")
        fail(f"pg_hba.conf of the source cannot be read, in line {wrong[0]}")
    if memo["kept"]["mib"] < 0 and not memo["kept"]["slots"]:
        free = shutil.disk_usage(psql("SHOW data_directory;")[0]).free >> 20
        mib = min(max(free // _KEEP_SHARE, _KEEP_MIB[0]), _KEEP_MIB[1])
        psql(f"ALTER SYSTEM SET max_slot_wal_keep_size = '{mib}MB';\nSELECT pg_reload_conf();")
    identify(database, {name: "FULL" for name, _ in memo["identities"]})
    psql(_PUBLISH, database, role=role)
    return {"roles": memo["roles"]}


def identify(database: str, identities: dict[str, str]) -> None:
    """Who uses a table is not kept waiting behind this for long."""
    sql = [f"ALTER TABLE ONLY {name} REPLICA IDENTITY {how};\n" for name, how in identities.items()]
    if sql:
        psql("SET lock_timeout = '10s';\n" + "".join(sql), database)


def dump(database: str, into: str) -> None:
    words = [*_AS_SERVER, "pg_dump", "--schema-only", "--format=custom", "--no-publications"]
    with open(into, "wb") as file:
        words += ["--no-subscriptions", f"--dbname={database}"]
        done = subprocess.run(words, stdout=file, check=False)
        os.fsync(file.fileno())
    if done.returncode != 0:
        fail(f"pg_dump ended with status {done.returncode}")


def digest(database: str) -> str:
    """Of the schema, without what pg_dump writes anew each time and what was changed by us."""
    words = [*_AS_SERVER, "pg_dump", "--schema-only", "--no-publications", "--no-subscriptions"]
    done = subprocess.run([*words, f"--dbname={database}"], capture_output=True, check=False)
    if done.returncode != 0:
        fail(done.stderr.decode(errors="replace").strip()[-800:])
    left = (b"--", b"\\restrict", b"\\unrestrict")
    lines = (line for line in done.stdout.splitlines() if line and not line.startswith(left))
    own = (line for line in lines if b" REPLICA IDENTITY " not in line)
    return hashlib.sha256(b"\n".join(own)).hexdigest()


def unchanged(task: dict[str, Any]) -> dict[str, Any]:
    """Is the schema still what was offered? Changes of it are not replicated."""
    memo = remembered(task["memo"])
    return {"unchanged": memo is not None and digest(task["database"]) == memo["schema"]}


def drained(task: dict[str, Any]) -> dict[str, Any]:
    """All that was committed is at the other side. Nobody writes here any more."""
    lsn = psql(_MARK)[-1]
    if not _LSN.fullmatch(lsn):
        fail(f"{lsn!r} is no place in the WAL")
    sql = _LEFT.format(lsn=lsn, one="WHERE slot_name = :'role'")
    deadline, best = time.monotonic() + _SECONDS, -1
    while (lines := psql(sql, role=task["role"])) != ["0"]:
        if not lines:
            fail("the source keeps nothing for the target any more; it has to be copied anew")
        left = int(lines[0])
        if left < best or best < 0:
            deadline, best = time.monotonic() + _SECONDS, left
        if time.monotonic() > deadline:
            fail(f"the target's PostgreSQL stays {left} bytes of WAL behind the source's")
        time.sleep(_POLL)
    return {"bytes": max(best, 0)}


def rest(task: dict[str, Any]) -> dict[str, Any]:
    """What rows do not say: values of sequences, which views are empty; and at task's `into` the
    large objects, if there are any."""
    database = task["database"]
    sequences = [json.loads(line) for line in psql(_SEQUENCES, database)]
    objects = int(psql("SELECT count(*) FROM pg_largeobject_metadata;", database)[0])
    if objects:
        words = [*_AS_SERVER, "pg_dump", "--format=custom", "--large-objects", "--exclude-schema=*"]
        if int(psql("SHOW server_version_num;")[0]) < 160000:
            words[words.index("--large-objects")] = "--blobs"
        with open(task["into"], "wb") as file:
            done = subprocess.run([*words, f"--dbname={database}"], stdout=file, check=False)
        if done.returncode != 0:
            fail(f"pg_dump ended with status {done.returncode}")
    return {"sequences": sequences, "objects": objects, "hidden": psql(_HIDDEN, database)}


def withdraw(task: dict[str, Any]) -> dict[str, Any]:
    """Nothing of the offer is left. Repeated, or without an offer, it does nothing."""
    memo = remembered(task["memo"])
    if memo is None:
        return {}
    write_access(task["mark"], "")
    if psql("SELECT 1 FROM pg_database WHERE datname = :'name';", name=task["database"]):
        psql(_UNPUBLISH, task["database"], role=task["role"])
        words = {"n": "NOTHING"}
        there = {json.loads(line) for line in psql(_THERE, task["database"])}
        identities = {name: words.get(how, "DEFAULT") for name, how in memo["identities"]}
        identify(task["database"], {n: how for n, how in identities.items() if n in there})
    psql(_LET_GO, role=task["role"], system=str(int(memo["system"])))
    psql('DROP ROLE IF EXISTS :"role";', role=task["role"])
    if memo["kept"]["mib"] < 0 and not memo["kept"]["slots"]:
        value = "= -1" if memo["kept"]["own"] else ""
        psql(f"ALTER SYSTEM {'SET' if value else 'RESET'} max_slot_wal_keep_size {value};")
    psql("SELECT pg_reload_conf();")
    os.unlink(task["memo"])
    return {}


def remembered(memo: str) -> dict[str, Any] | None:
    try:
        with open(memo) as file:
            found: dict[str, Any] = json.load(file)
    except FileNotFoundError:
        return None
    return found


def write(path: str, text: str) -> None:
    with open(f"{path}.part", "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.rename(f"{path}.part", path)


def write_access(ending: str, line: str) -> None:
    """pg_hba.conf with this line first and no other that ends in the mark; in one piece."""
    path = psql("SHOW hba_file;")[0]
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
    psql("SELECT pg_reload_conf();")


def main() -> None:
    task = json.load(sys.stdin)
    for word in ("role", "mark"):
        if not re.fullmatch(r"[a-z0-9_-]{1,63}", task[word]):
            fail(f"{task[word]!r} cannot stand in pg_hba.conf")
    if not _NAME.fullmatch(task["database"]):
        fail(f"{task['database']!r} cannot name a database here")
    os.chdir("/")
    verbs = {each.__name__: each for each in (look, offer, unchanged, drained, rest, withdraw)}
    try:
        result = verbs[task["verb"]](task)
    except OSError as error:
        fail(str(error))
    text = base64.b64encode(json.dumps(result).encode()).decode()
    for start in range(0, len(text), 1000):
        print("homeport-result:", text[start : start + 1000])


if __name__ == "__main__":
    main()
