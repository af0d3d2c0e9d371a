"""A PostgreSQL database: dumped in the custom format, read through, restored beside and renamed.

On the guest's own server everything is done as its superuser on its local socket; on a server of
the provider, as the role that the database belongs to, which may do nothing beside it: there a
restore takes the place of what the database holds in one transaction. What a database holds is
summed up in values that depend on no order: per table the rows and the sum of their hashes,
sequences, large objects, extensions, how many objects of each kind there are, and the roles
that own or may use something. A restore goes into a database of its own, must come to the same
summary, and only then takes the name of the old one, in one transaction of the server.

Not carried: grants on the database itself and its settings (ALTER DATABASE ... SET), which
pg_dump writes only for a database that is to be created under its old name.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any, NoReturn

_AS_SERVER = ["runuser", "-u", "postgres", "--"]
_PSQL = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
_PLAIN = ["--no-owner", "--no-acl"]
_OF_THE_SERVER = ("role", "rights", "settings", "membership")
_TAIL = 1 << 12
"""The end of a script, in which its COMMIT is."""
_FRESH, _OLD = "_homeport_fresh", "_homeport_old"

_SETTINGS = """\
SET timezone = 'UTC'; SET datestyle = 'ISO'; SET intervalstyle = 'postgres';
SET bytea_output = 'hex'; SET extra_float_digits = 1;
"""
"""So that a row's text is the same in every session (what pg_dump sets, too)."""

_SUMMARY = """\
SELECT json_build_object('part', 'database', 'owner', pg_get_userbyid(datdba),
    'encoding', pg_encoding_to_char(encoding), 'collate', datcollate, 'ctype', datctype,
    'provider', datlocprovider, 'version', current_setting('server_version_num')::int / 10000)
  FROM pg_database WHERE datname = current_database();
SELECT format('SELECT json_build_object(''part'', ''table'', ''name'', %L, ''rows'', count(*), '
    '''hash'', coalesce(sum(hashtextextended(homeport_row::text, 0)), 0)::text) '
    'FROM ONLY %I.%I AS homeport_row', format('%I.%I', n.nspname, c.relname), nspname, relname)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                      AND d.objid = c.oid AND d.deptype = 'e')
   AND format('%I.%I', n.nspname, c.relname) <> ALL (:'partial'::text[])
 ORDER BY 1 \\gexec
SELECT format('SELECT json_build_object(''part'', ''sequence'', ''name'', %L, '
    '''value'', last_value::text, ''called'', is_called) FROM %I.%I',
    format('%I.%I', n.nspname, c.relname), nspname, relname)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'S' AND n.nspname !~ '^pg_' ORDER BY 1 \\gexec
SELECT json_build_object('part', 'large objects', 'count', count(*), 'hash',
    coalesce(sum(hashtextextended(oid || ' ' || md5(lo_get(oid)), 0)::numeric), 0)::text)
  FROM pg_largeobject_metadata;
SELECT json_build_object('part', 'extension', 'name', extname, 'version', extversion)
  FROM pg_extension ORDER BY extname;
SELECT json_build_object('part', 'objects', 'name', kind, 'count', count(*)) FROM (
    SELECT 'relation ' || relkind::text FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
     WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
    UNION ALL SELECT 'constraint ' || contype::text FROM pg_constraint k
      JOIN pg_namespace n ON n.oid = connamespace
     WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
       AND contype <> 'n'
    UNION ALL SELECT 'trigger' FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT 'function' FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace
     WHERE nspname !~ '^pg_' AND nspname <> 'information_schema') AS found (kind)
 GROUP BY kind ORDER BY kind;
SELECT json_build_object('part', 'role', 'name', rolname, 'words', concat_ws(' ',
    CASE WHEN rolsuper THEN 'SUPERUSER' ELSE 'NOSUPERUSER' END,
    CASE WHEN rolinherit THEN 'INHERIT' ELSE 'NOINHERIT' END,
    CASE WHEN rolcreaterole THEN 'CREATEROLE' ELSE 'NOCREATEROLE' END,
    CASE WHEN rolcreatedb THEN 'CREATEDB' ELSE 'NOCREATEDB' END,
    CASE WHEN rolcanlogin THEN 'LOGIN' ELSE 'NOLOGIN' END))
  FROM pg_roles r WHERE oid IN (
    SELECT refobjid FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass
       AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    UNION SELECT datdba FROM pg_database WHERE datname = current_database()) ORDER BY rolname;
"""
_PART = """\
SELECT json_build_object('part', 'partial', 'name', '{name}', 'rows', coalesce(sum(rows), 0),
    'hash', coalesce(sum(total), 0)::text)
  FROM unnest('{{{first}}}'::bigint[], '{{{last}}}'::bigint[]) AS p (f, l),
  LATERAL (SELECT count(*) AS rows, {total} AS total FROM ONLY {table} AS homeport_row
    WHERE ctid >= format('(%s,0)', f)::tid AND ctid < format('(%s,0)', l)::tid) AS found;
"""
_SUM = "coalesce(sum(hashtextextended({row}, 0)), 0)"
_ROW, _LONG_ROW = "homeport_row::text", "concat_ws(' ', chunk_id, chunk_seq, chunk_data)"
"""A table of long values (TOAST) is no type of which there could be a text."""
_NO_BLOCK = 2**32 - 1
"""Behind the last one that a table may have."""
_BESIDE = """\
SELECT json_build_object('part', 'rights', 'name', 'database',
    'granted', array(SELECT a::text FROM unnest(coalesce(datacl, acldefault('d', datdba))) a
      ORDER BY 1))
  FROM pg_database WHERE datname = current_database();
SELECT json_build_object('part', 'settings', 'name', coalesce(rolname, 'every role'),
    'set', array(SELECT s FROM unnest(setconfig) s ORDER BY 1))
  FROM pg_db_role_setting LEFT JOIN pg_roles r ON r.oid = setrole
 WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database());
SELECT json_build_object('part', 'membership', 'name', m.rolname || ' in ' || r.rolname,
    'admin', bool_or(a.admin_option))
  FROM pg_auth_members a JOIN pg_roles m ON m.oid = member JOIN pg_roles r ON r.oid = roleid
 WHERE member IN (SELECT refobjid FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass
    AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database()))
 GROUP BY m.rolname, r.rolname;
SELECT json_build_object('part', 'rights', 'name', 'large objects', 'hash',
    coalesce(sum(hashtextextended(concat_ws(' ', oid, pg_get_userbyid(lomowner),
      array(SELECT a::text FROM unnest(coalesce(lomacl, acldefault('L', lomowner))) a
        ORDER BY 1)), 0)::numeric), 0)::text)
  FROM pg_largeobject_metadata;
SELECT json_build_object('part', 'materialised view', 'name', format('%I.%I', nspname, relname),
    'populated', relispopulated)
  FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind = 'm';
"""
"""What a database is beside what a capture sums up: rights, settings, memberships."""
_ENSURE_ROLE = """\
SELECT format('CREATE ROLE %I ' || :'words', :'name')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') \\gexec
"""
_CREATE = """\
DROP DATABASE IF EXISTS :"fresh" WITH (FORCE);
SELECT format('CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING %L LC_COLLATE %L '
    'LC_CTYPE %L', :'fresh', :'owner', :'encoding', :'collate', :'ctype') \\gexec
"""
_EMPTY = """\
SELECT format('TRUNCATE %s', c.oid::regclass) FROM pg_class c
 WHERE c.relkind IN ('r', 'p') AND c.relname = :'table' AND pg_table_is_visible(c.oid) \\gexec
"""
_SWAP = """\
DROP DATABASE IF EXISTS :"old" WITH (FORCE);
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN (:'name', :'fresh');
BEGIN;
SELECT format('ALTER DATABASE %I RENAME TO %I', :'name', :'old')
 WHERE EXISTS (SELECT FROM pg_database WHERE datname = :'name') \\gexec
ALTER DATABASE :"fresh" RENAME TO :"name";
COMMIT;
"""
_CLEAN = """\
DROP DATABASE IF EXISTS :"fresh" WITH (FORCE);
DROP DATABASE IF EXISTS :"old" WITH (FORCE);
"""
_CLEAR = """\
SELECT lo_unlink(oid) FROM pg_largeobject_metadata \\g /dev/null
SELECT format('DROP SCHEMA %I CASCADE', nspname) FROM pg_namespace
 WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' \\gexec
CREATE SCHEMA public;
GRANT USAGE ON SCHEMA public TO PUBLIC;
COMMENT ON SCHEMA public IS 'standard public schema';
ALTER SCHEMA public OWNER TO pg_database_owner;
"""
"""As a database begins, from its owner's hands."""
_EXISTS = "SELECT 1 FROM pg_database WHERE datname = :'name';\n"
_SIZE_IF_THERE = "SELECT pg_database_size(oid) FROM pg_database WHERE datname = :'name';\n"


def fail(why: str) -> NoReturn:
    print(why, file=sys.stderr, flush=True)
    sys.exit(1)


class Server:
    """Where the database is: on the guest, or where `login` says. role: the application's."""

    def __init__(self, database: str, role: str, login: dict[str, Any] | None) -> None:
        self.role, self.is_remote = role, login is not None
        self.maintenance = "postgres"
        self._before: list[str] = _AS_SERVER
        if login is None:
            return
        # In memory only: libpq reads the password from a file that nobody finds afterwards.
        self._before, self.maintenance = [], database
        kept = os.memfd_create("login")
        os.fchmod(kept, 0o600)
        password = login["password"].replace("\\", "\\\\").replace(":", "\\:")
        os.write(kept, f"*:*:*:*:{password}\n".encode())
        os.environ |= {
            "PGHOST": login["host"],
            "PGPORT": str(login["port"]),
            "PGUSER": role,
            "PGPASSFILE": f"/proc/{os.getpid()}/fd/{kept}",
            "PGSSLMODE": login["ssl_mode"],
            "PGCONNECT_TIMEOUT": "20",
        }
        if login["ca_file"]:
            os.environ["PGSSLROOTCERT"] = login["ca_file"]

    def words(self, *command: str) -> list[str]:
        return [*self._before, *command]


server = Server("", "", None)


def psql(sql: str, database: str = "", **values: str) -> str:
    """What psql prints. Values become psql's own variables, which it quotes where they stand."""
    heads = []
    for name, value in values.items():
        if re.search(r"[\x00-\x1f]", value):
            fail(f"a name of the database has a control character in it: {value!r}")
        quoted = value.replace("\\", "\\\\").replace("'", "''")
        heads.append(f"\\set {name} '{quoted}'\n")
    done = subprocess.run(
        server.words(*_PSQL, "-d", database or server.maintenance, "-f", "-"),
        input="".join(heads) + sql,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        fail(done.stderr.strip()[-800:] or f"psql ended with status {done.returncode}")
    return done.stdout


def gathered(lines: str) -> dict[str, Any]:
    """The summary: part -> its fields, or name -> its fields."""
    summary: dict[str, Any] = {}
    for line in filter(None, lines.splitlines()):
        fields = json.loads(line)
        part, name = fields.pop("part"), fields.pop("name", None)
        if name is None:
            summary[part] = fields
        else:
            summary.setdefault(part, {})[name] = fields
    return summary


def compared(summary: dict[str, Any], emptied: list[str]) -> dict[str, Any]:
    """What must be the same after a restore; roles are the server's and not the database's."""
    parts = {k: v for k, v in summary.items() if k != "role"}
    parts["database"] = {k: v for k, v in summary["database"].items() if k != "version"}
    parts["table"] = {
        name: fields
        for name, fields in summary.get("table", {}).items()
        if name.rpartition(".")[2].strip('"') not in emptied
    }
    return parts


def difference(wanted: dict[str, Any], found: dict[str, Any]) -> str:
    """The first thing that is not the same, in words; empty where there is none."""
    for part in sorted(wanted.keys() | found.keys()):
        one, other = wanted.get(part, {}), found.get(part, {})
        for name in sorted(one.keys() | other.keys()):
            if one.get(name) != other.get(name):
                return f"{part} {name}: {one.get(name)} was captured, {other.get(name)} is there"
    return ""


def summary_of(
    database: str, more: str = "", partial: dict[str, Any] | None = None
) -> dict[str, Any]:
    """partial: tables of which only some blocks are read, as `engine.state.survey.to_read` has
    them: name -> of, read, rows."""
    tables = partial or {}
    begin = f"{_SETTINGS}BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;\n"
    sql = f"{begin}{_SUMMARY}{parts_of(tables)}{more}COMMIT;\n"
    summary = gathered(psql(sql, database, partial=array_of(tables)))
    found = summary.pop("partial", {})
    for number, (name, known) in enumerate(tables.items()):
        read = found[str(number)]
        fields = {"rows": known["rows"] + read["rows"], "hash": read["hash"]}
        part, own = ("long values of", known["of"]) if known["of"] else ("table", name)
        summary.setdefault(part, {})[own] = fields
    return summary


def parts_of(tables: dict[str, Any]) -> str:
    """Statements for blocks. The tables' names are as the server quotes them."""
    sql = []
    for number, (name, known) in enumerate(tables.items()):
        first = ",".join(str(int(blocks[0])) for blocks in known["read"])
        last = ",".join(str(int(blocks[1] or _NO_BLOCK)) for blocks in known["read"])
        total = _SUM.format(row=_LONG_ROW if known["of"] else _ROW)
        sql.append(_PART.format(name=number, table=name, total=total, first=first, last=last))
    return "".join(sql)


def array_of(names: Iterable[str]) -> str:
    """An array as PostgreSQL reads it."""
    escaped = (name.replace("\\", "\\\\").replace('"', '\\"') for name in names)
    return "{" + ",".join(f'"{name}"' for name in escaped) + "}"


def is_there(database: str) -> bool:
    return bool(psql(_EXISTS, name=database).strip())


def sha256(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def measure(task: dict[str, Any]) -> dict[str, Any]:
    size = psql(_SIZE_IF_THERE, name=task["database"]).strip()
    return {"items": int(bool(size)), "bytes": int(size or 0)}


def capture(task: dict[str, Any]) -> dict[str, Any]:
    """Summary and dump of one snapshot, so that writers in between make no difference."""
    database, into = task["database"], task["into"]
    if not is_there(database):
        return {"items": 0, "bytes": 0, "absent": True}
    with subprocess.Popen(
        server.words(*_PSQL, "-d", database, "-f", "-"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as session:
        assert session.stdin is not None
        assert session.stdout is not None
        session.stdin.write(
            f"{_SETTINGS}BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;\n"
            f"SELECT pg_export_snapshot();\n\\set partial '{{}}'\n{_SUMMARY}"
            "\\echo homeport-end\n"
        )
        session.stdin.flush()
        lines = []
        while (line := session.stdout.readline()) and line != "homeport-end\n":
            lines.append(line)
        if not line:
            fail("the database cannot be read")
        summary = gathered("".join(lines[1:]))
        if summary["database"].pop("provider") != "c":
            fail("its collation is not the C library's; such a database is not supported yet")
        with open(into, "xb") as file:
            dump = server.words("pg_dump", "--format=custom", f"--snapshot={lines[0].strip()}")
            done = subprocess.run([*dump, f"--dbname={database}"], stdout=file, check=False)
            os.fsync(file.fileno())
    if done.returncode != 0:
        fail(f"pg_dump ended with status {done.returncode}")
    rows = sum(fields["rows"] for fields in summary.get("table", {}).values())
    size = os.stat(into).st_size
    found = {"items": rows, "bytes": size, "sha256": sha256(into), "summary": summary}
    return {**found, "served": True} if server.is_remote else found


def describe(task: dict[str, Any]) -> dict[str, Any]:
    """Everything of the summary, roles too, and the schema as pg_dump writes it; where the task
    says `plain`, without whose it is and who else may use it."""
    database = task["database"]
    if not (size := psql(_SIZE_IF_THERE, name=database).strip()):
        return {"items": 0, "bytes": 0, "facts": {"absent": True}}
    with ThreadPoolExecutor(1) as beside:
        schema = beside.submit(schema_digest, database, bool(task.get("plain")))
        summary = summary_of(database, _BESIDE, task.get("partial"))
    version = summary["database"].pop("version")
    facts = {**summary, "schema": schema.result(), "version": version}
    if task.get("plain"):
        facts = without_owners(facts)
    rows = sum(fields["rows"] for fields in summary.get("table", {}).values())
    return {"items": rows, "bytes": int(size), "facts": facts}


def schema_digest(database: str, plain: bool) -> str:
    """Without what pg_dump writes anew each time: its comments and the key of its brackets."""
    words = server.words("pg_dump", "--schema-only", f"--dbname={database}")
    done = subprocess.run(words + _PLAIN * plain, capture_output=True, check=False)
    if done.returncode != 0:
        fail(done.stderr.decode(errors="replace").strip()[-800:])
    lines = done.stdout.splitlines()
    own = (line for line in lines if not line.startswith((b"--", b"\\restrict", b"\\unrestrict")))
    return hashlib.sha256(b"\n".join(own)).hexdigest()


def verify(task: dict[str, Any]) -> dict[str, Any]:
    """The file is the one that was written, pg_restore reads it to its end, and it holds as
    many rows and large objects as there were."""
    wanted, into = task["captured"], task["into"]
    if wanted.get("absent"):
        return {}
    if not os.path.exists(into):
        fail("the dump is gone")
    if sha256(into) != wanted["sha256"]:
        fail("the dump is not the file that was captured; the disk may be damaged")
    rows = objects = 0
    copying = False
    with open(into, "rb") as file:
        read = server.words("pg_restore", "--file=-")
        with subprocess.Popen(read, stdin=file, stdout=subprocess.PIPE) as reading:
            assert reading.stdout is not None
            for line in reading.stdout:
                if copying:
                    copying = line != b"\\.\n"
                    rows += copying
                elif line.startswith(b"COPY ") and line.endswith(b" FROM stdin;\n"):
                    copying = True
                elif line.startswith(b"SELECT pg_catalog.lo_create("):
                    objects += 1
    if reading.returncode != 0:
        fail(f"pg_restore cannot read the dump (status {reading.returncode})")
    if rows != wanted["items"]:
        fail(f"the dump holds {rows} rows, the database had {wanted['items']}")
    if objects != wanted["summary"]["large objects"]["count"]:
        fail(f"the dump holds {objects} large objects, the database had others")
    return {}


def restore(task: dict[str, Any]) -> dict[str, Any]:
    database, wanted, emptied = task["database"], task["captured"], task["empty"]
    fresh, old = database + _FRESH, database + _OLD
    if wanted.get("absent"):
        fail("there was no database when the state was captured")
    expected = compared(wanted["summary"], emptied)
    owner = wanted["summary"]["database"]["owner"]
    plain = server.is_remote or bool(wanted.get("served"))
    if plain:
        expected, owner = without_owners(expected), server.role
    quick = is_there(database) and not task.get("thorough")
    if quick and not different(database, expected, emptied, plain):
        if not server.is_remote:
            psql(_CLEAN, fresh=fresh, old=old)
        return {"changed": False}
    verify(task)
    if server.is_remote:
        return restore_within(task, expected)
    for name, role in {} if plain else wanted["summary"].get("role", {}).items():
        psql(_ENSURE_ROLE, name=name, words=role["words"])
    names = {key: wanted["summary"]["database"][key] for key in ("encoding", "collate", "ctype")}
    psql(_CREATE, fresh=fresh, owner=owner, **names)
    with open(task["into"], "rb") as file:
        words = server.words("pg_restore", "--exit-on-error", f"--dbname={fresh}")
        words += [*_PLAIN, f"--role={owner}"] if plain else []
        # Each statement need not be on the disk by itself: the renaming is, and all before it.
        hurried = {**os.environ, "PGOPTIONS": "-c synchronous_commit=off"}
        done = subprocess.run(words, stdin=file, env=hurried, check=False)
    if done.returncode != 0:
        fail(f"pg_restore ended with status {done.returncode}; the old database is as it was")
    for table in emptied:
        psql(_EMPTY, fresh, table=table)
    if why := different(fresh, expected, emptied, plain):
        fail(f"the restored database differs: {why}; the old one is as it was")
    psql(_SWAP, name=database, fresh=fresh, old=old)
    psql(_CLEAN, fresh=fresh, old=old)
    return {"changed": True}


def restore_within(task: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    """In one transaction: what is there goes, what was captured comes and is compared, and only
    then is it so for others."""
    database, emptied = task["database"], task["empty"]
    read = ["pg_restore", *_PLAIN, "--single-transaction", "--file=-", task["into"]]
    with (
        subprocess.Popen(read, stdout=subprocess.PIPE) as reading,
        subprocess.Popen(
            [*_PSQL, "-d", database, "-f", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as session,
    ):
        assert reading.stdout is not None
        assert session.stdin is not None
        assert session.stdout is not None
        try:
            session.stdin.write(f"BEGIN;\n{_CLEAR}\\o /dev/null\n".encode())
            pass_on_uncommitted(reading.stdout, session.stdin)
            session.stdin.write(b"\\o\nRESET ALL;\n")
            for table in emptied:
                session.stdin.write(f"\\set table {table}\n{_EMPTY}".encode())
            more = f"{_SETTINGS}\\set partial '{{}}'\n{_SUMMARY}\\echo homeport-end\n"
            session.stdin.write(more.encode())
            session.stdin.flush()
        except BrokenPipeError:
            fail("the server broke it off; the database is as it was")
        lines = []
        while (line := session.stdout.readline().decode()) and line != "homeport-end\n":
            lines.append(line)
        if not line or reading.wait() != 0:
            fail("what was captured cannot be put in; the database is as it was")
        found = gathered("".join(lines))
        found["database"].pop("provider")
        if why := unlike(found, expected, emptied, plain=True):
            fail(f"the restored database differs: {why}; the old one is as it was")
        session.stdin.write(b"COMMIT;\n")
        session.stdin.close()
    if session.returncode != 0:
        fail("the server did not confirm the end of the restore; look, then try again")
    return {"changed": True}


def pass_on_uncommitted(script: IO[bytes], to: IO[bytes]) -> None:
    """All of the script but the COMMIT at its end."""
    kept = b""
    while chunk := script.read(1 << 16):
        kept += chunk
        to.write(kept[:-_TAIL])
        kept = kept[-_TAIL:]
    before, commit, after = kept.rpartition(b"\nCOMMIT;")
    if not commit:
        fail("pg_restore wrote no whole transaction; the database is as it was")
    to.write(before + b"\n" + after)


def without_owners(facts: dict[str, Any]) -> dict[str, Any]:
    """Whose a database is and who may use it belongs to the server that it is on."""
    kept = {part: found for part, found in facts.items() if part not in _OF_THE_SERVER}
    words = facts["database"].items()
    return {**kept, "database": {word: value for word, value in words if word != "owner"}}


def different(
    database: str, expected: dict[str, Any], emptied: list[str], plain: bool = False
) -> str:
    found = summary_of(database)
    found["database"].pop("provider")
    return unlike(found, expected, emptied, plain=plain)


def unlike(
    found: dict[str, Any], expected: dict[str, Any], emptied: list[str], *, plain: bool
) -> str:
    full = [
        name
        for name, fields in found.get("table", {}).items()
        if name.rpartition(".")[2].strip('"') in emptied and fields["rows"]
    ]
    if full:
        return f"{full[0]} is not empty"
    there = compared(found, emptied)
    return difference(expected, without_owners(there) if plain else there)


def version(task: dict[str, Any]) -> dict[str, Any]:
    number = psql("SELECT current_setting('server_version_num')::int / 10000;\n")
    return {"version": int(number)}


def main() -> None:
    task = json.load(sys.stdin)
    if not _NAME.fullmatch(task["database"]):
        fail(f"{task['database']!r} cannot name a database here")
    global server
    server = Server(task["database"], task.get("role", ""), task.get("login"))
    os.chdir("/")  # a directory that the server's user may enter, or psql complains
    verbs = {"measure": measure, "capture": capture, "verify": verify, "restore": restore}
    verbs |= {"describe": describe, "version": version}
    try:
        result = verbs[task["verb"]](task)
    except OSError as error:
        fail(str(error))
    text = base64.b64encode(json.dumps(result).encode()).decode()
    for start in range(0, len(text), 1000):
        print("homeport-result:", text[start : start + 1000])


if __name__ == "__main__":
    main()
