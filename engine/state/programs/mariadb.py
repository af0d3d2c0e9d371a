"""A MariaDB database: dumped of one snapshot, restored beside and renamed into its place.

On the guest's own server everything is done as its root on its local socket, by the operating
system's user; on a server of the provider, as the account that the database belongs to. That one
may use a second database beside it, in which a restore is loaded and compared; what the first one
holds then gives way, table by table, and it stays itself, with the mark that says whose it is.
What a database holds is summed up in values that depend on no order: per table the rows and the
sum of their hashes, sequences and the next automatic numbers, the definition of every object,
and the accounts that may do something in it, with what they may.

Tables are loaded into a database of its own and must come to the same summary; only then are
they renamed into the old one's place, which MariaDB does by table: a restore that is killed in
between is done again from its beginning, and the capture is still there. Views, routines,
triggers and events name their database, so they are made when it has its name.

`mariadb-dump` writes a FLOAT with six digits, of which it has nine: rows of tables that have
such a column are written here, by the server's own conversion to DOUBLE.
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
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NoReturn

_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
FRESH = "_homeport_fresh"
"""Ending of the database beside; `engine.backends.databases.mariadb` lets the account use it."""
_SETTINGS = (
    "SET NAMES utf8mb4",
    "SET SESSION time_zone = '+00:00', sql_mode = 'NO_BACKSLASH_ESCAPES', max_statement_time = 0,"
    " wait_timeout = 86400, lock_wait_timeout = 300, sql_quote_show_create = 1",
)
_DUMP = ("--default-character-set=utf8mb4", "--skip-comments", "--max-allowed-packet=1G")
_DATA = ("--single-transaction", "--quick", "--hex-blob", "--skip-triggers", "--no-tablespaces")
_PARTS = {
    "routines.sql": ("--no-data", "--no-create-info", "--skip-triggers", "--routines"),
    "triggers.sql": ("--no-data", "--no-create-info", "--triggers"),
    "events.sql": ("--no-data", "--no-create-info", "--skip-triggers", "--events"),
}
_TABLES, _EXACT, _VIEWS, _ACCOUNTS = "tables.sql", "exact.sql", "views.sql", "accounts.json"
_ORDER = ("routines.sql", _VIEWS, "triggers.sql", "events.sql")
_WHOLE = b"SET SQL_NOTES=@OLD_SQL_NOTES"
"""In the last line of a dump that came to its end."""
_BEFORE_INSERTS = """\
SET NAMES utf8mb4;
SET unique_checks = 0, foreign_key_checks = 0, time_zone = '+00:00';
SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO';
"""
_COUNTED = re.compile(r" AUTO_INCREMENT=([0-9]+)")
_NOT_OURS = ("root", "mysql", "mariadb.sys", "PUBLIC", "")
_AUTHENTICATION = re.compile(
    r" IDENTIFIED (?:BY|VIA) .*?(?= REQUIRE | WITH | ACCOUNT | PASSWORD EX|$)"
)
_GRANT = re.compile(
    r"GRANT (.+) ON ((?:PROCEDURE |FUNCTION |PACKAGE |PACKAGE BODY )?\S+) TO (.+?)( WITH .+)?"
)
_NUMBERS = ("tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "double", "year")
_TIMES = ("date", "datetime", "timestamp", "time", "uuid", "inet6", "inet4")
_SHORT = (*_NUMBERS, *_TIMES, "float", "bit", "char", "varchar", "binary", "varbinary", "enum")
_INSERTED_HISTORY = [10, 11]
_DEFINER = re.compile(r" DEFINER=`(?:[^`]|``)*`@`(?:[^`]|``)*`")
_DEFINED = re.compile(
    rb"^(CREATE|/\*M?![0-9]+ CREATE\*/ /\*M?![0-9]+|/\*M?![0-9]+)"
    rb" DEFINER=`(?:[^`]|``)*`@`(?:[^`]|``)*`"
)
"""How mariadb-dump begins what somebody defined."""

_THERE = "SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = @db"
_SIZE = """\
SELECT COALESCE(SUM(DATA_LENGTH + INDEX_LENGTH), 0) FROM information_schema.TABLES
 WHERE TABLE_SCHEMA = @db"""
_ABOUT = """\
SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME, SCHEMA_COMMENT
  FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = @db"""
_KINDS = """\
SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES
 WHERE TABLE_SCHEMA = @db AND TABLE_TYPE <> 'TEMPORARY' ORDER BY 1"""
_COLUMNS = """\
SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, IS_GENERATED FROM information_schema.COLUMNS
 WHERE TABLE_SCHEMA = @db ORDER BY TABLE_NAME, ORDINAL_POSITION"""
_NAMED = """\
SELECT 'TRIGGER', TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = @db
 UNION SELECT ROUTINE_TYPE, ROUTINE_NAME FROM information_schema.ROUTINES
 WHERE ROUTINE_SCHEMA = @db
 UNION SELECT 'EVENT', EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = @db
 ORDER BY 1, 2"""
_TRIGGERS = """\
SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER
  FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = @db ORDER BY 1"""
_GRANTED = """\
SELECT GRANTEE FROM information_schema.SCHEMA_PRIVILEGES WHERE @db LIKE TABLE_SCHEMA
 UNION SELECT GRANTEE FROM information_schema.TABLE_PRIVILEGES WHERE TABLE_SCHEMA = @db
 UNION SELECT GRANTEE FROM information_schema.COLUMN_PRIVILEGES WHERE TABLE_SCHEMA = @db"""
_ACTING = """\
SELECT DEFINER FROM information_schema.VIEWS WHERE TABLE_SCHEMA = @db
 UNION SELECT DEFINER FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = @db
 UNION SELECT DEFINER FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = @db
 UNION SELECT DEFINER FROM information_schema.EVENTS WHERE EVENT_SCHEMA = @db"""
_MAY_RUN = "SELECT User, Host FROM mysql.procs_priv WHERE Db = @db"
_ACCOUNTS_THERE = "SELECT User, Host, is_role FROM mysql.user"
_MEMBERS = "SELECT User, Host, Role FROM mysql.roles_mapping"


def fail(why: str) -> NoReturn:
    print(why, file=sys.stderr, flush=True)
    sys.exit(1)


def program(name: str) -> str:
    """Before 10.5 the programs had MySQL's names only."""
    return shutil.which(name) or name.replace("mariadb", "mysql", 1)


class Server:
    """Where the database is: on the guest, or where `login` says.

    definer: as SQL has it, as whom that acts which comes from another server.
    """

    def __init__(self, login: dict[str, Any] | None, account: str) -> None:
        self.is_remote, self.definer = login is not None, account
        self._options: list[str] = []
        if login is None:
            return
        self.definer = "CURRENT_USER"
        # In memory only: the client reads the password from a file that nobody finds afterwards.
        kept = os.memfd_create("login")
        os.fchmod(kept, 0o600)
        fields = {"host": login["host"], "port": login["port"], "user": login["username"]}
        fields |= {"password": login["password"], "protocol": "tcp", "loose-connect-timeout": 20}
        if login["ssl_mode"] == "verify-full":
            fields["ssl-ca"] = login["ca_file"]
        lines = [f"{field}={quoted(str(text))}" for field, text in fields.items()]
        secured = login["ssl_mode"] == "verify-full"
        lines.append("ssl-verify-server-cert" if secured else "skip-ssl")
        os.write(kept, "\n".join(("[client]", *lines, "")).encode())
        self._options = [f"--defaults-file=/proc/{os.getpid()}/fd/{kept}"]

    def words(self, name: str, *more: str) -> list[str]:
        return [program(name), *self._options, *more]


def quoted(text: str) -> str:
    """As a file of options has it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


server = Server(None, "")


def client(*more: str) -> list[str]:
    return server.words("mariadb", "--batch", "--skip-column-names", "--quick", *more)


def name(text: str) -> str:
    """An identifier as SQL has it."""
    return "`" + text.replace("`", "``") + "`"


def value(text: str) -> str:
    """A string as SQL has it, without backslashes that mean something."""
    return "'" + text.replace("'", "''") + "'"


class Session:
    """One connection: what is asked in it is answered of one snapshot, once it has begun."""

    def __init__(self, database: str = "") -> None:
        self._running = subprocess.Popen(
            client("--unbuffered", *([f"--database={database}"] if database else [])),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for setting in _SETTINGS:
            self.ask(setting)

    def rows(self, sql: str) -> Iterator[list[str]]:
        stdin, stdout, stderr = self._running.stdin, self._running.stdout, self._running.stderr
        assert stdin is not None
        assert stdout is not None
        assert stderr is not None
        try:
            stdin.write(f"{sql};\nSELECT 'homeport-end';\n".encode())
            stdin.flush()
        except BrokenPipeError:
            fail(stderr.read().decode(errors="replace").strip()[-800:])
        while (line := stdout.readline()) != b"homeport-end\n":
            if not line:
                fail(
                    stderr.read().decode(errors="replace").strip()[-800:] or "the server went away"
                )
            yield [
                unescaped(field)
                for field in line[:-1].decode("utf-8", "surrogateescape").split("\t")
            ]

    def ask(self, sql: str) -> list[list[str]]:
        return list(self.rows(sql))

    def close(self) -> None:
        self._running.communicate()


def unescaped(field: str) -> str:
    """A field as `mariadb --batch` writes it."""
    signs = {"n": "\n", "t": "\t", "0": "\0", "\\": "\\"}
    return (
        re.sub(r"\\(.)", lambda found: signs.get(found[1], found[0]), field)
        if "\\" in field
        else field
    )


def load(database: str, path: str, definer: str = "") -> None:
    """definer: as whom that acts which is defined there; by default, as it says itself."""
    with (
        open(path, "rb") as file,
        subprocess.Popen(
            client("--max-allowed-packet=1G", f"--database={database}"),
            stdin=subprocess.PIPE if definer else file,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as loading,
    ):
        if loading.stdin is not None:
            as_definer = rb"\1 DEFINER=" + definer.encode()
            with suppress(BrokenPipeError):  # why is in what it said
                for line in file:
                    loading.stdin.write(_DEFINED.sub(as_definer, line))
        said = loading.communicate()[1]
    if loading.returncode != 0:
        fail(said.decode(errors="replace").strip()[-800:])


# --- what there is --------------------------------------------------------------------------


def about(session: Session, database: str) -> None:
    """What is asked from now on is about this database; the statements are constant."""
    session.ask(f"SET @db = {value(database)}")


def is_there(session: Session, database: str) -> bool:
    about(session, database)
    return bool(session.ask(_THERE))


def columns(session: Session, kinds: dict[str, str]) -> dict[str, list[list[str]]]:
    """Table -> [column, type, is it computed?], in the table's order."""
    by_table: dict[str, list[list[str]]] = {}
    for table, *column in session.ask(_COLUMNS):
        by_table.setdefault(table, []).append(column)
    for table, kind in kinds.items():
        if kind == "SYSTEM VERSIONED":
            named = {column[0].lower() for column in by_table[table]}
            history = [part for part in ("row_start", "row_end") if part not in named]
            by_table[table] += [[part, "timestamp", "NEVER"] for part in history]
    return by_table


def summed(
    session: Session, database: str, table: str, kind: str, held: list[list[str]]
) -> dict[str, Any]:
    """Rows, and the sum of their hashes: the same in whatever order they lie. Fields that may
    be long are hashed by themselves, so that no length of a row is too much for the server."""
    fields = []
    for column, type_, _ in held:
        shown = f"CAST({name(column)} AS DOUBLE)" if type_ == "float" else name(column)
        field = f"CAST({shown} AS BINARY)"
        text = f"CONCAT(LENGTH({field}), ':', {field})" if type_ in _SHORT else f"MD5({field})"
        fields.append(f"IFNULL({text}, 'N')")
    row = f"CONV(LEFT(MD5(CONCAT({', '.join(fields)})), 16), 16, 10)"
    source = f"{name(database)}.{name(table)}"
    source += " FOR SYSTEM_TIME ALL" if kind == "SYSTEM VERSIONED" else ""
    total = f"CAST(COALESCE(SUM(CAST({row} AS UNSIGNED)), 0) AS CHAR)"
    [[rows, total]] = session.ask(f"SELECT COUNT(*), {total} FROM {source}")  # noqa: S608
    return {"rows": int(rows), "hash": total}


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def summary_of(session: Session, database: str, rows: bool = True) -> dict[str, Any]:
    """Part -> name -> facts. rows: not only what stands around them. plain: the definitions
    without as whom they act."""
    about(session, database)
    session.ask(f"USE {name(database)}")
    names = ("charset", "collation", "comment")
    summary: dict[str, Any] = {"database": dict(zip(names, session.ask(_ABOUT)[0]))}  # noqa: B905 - Python 3.9
    summary.update(table={}, sequence={}, definition={}, plain={})

    def defined(what: str, text: str) -> None:
        summary["definition"][what] = digest(text)
        summary["plain"][what] = digest(_DEFINER.sub("", text))

    kinds = dict(session.ask(_KINDS))
    held = columns(session, kinds)
    for table, kind in kinds.items():
        if kind == "VIEW":
            shown = session.ask(f"SHOW CREATE VIEW {name(table)}")[0]
            defined(f"view {table}", "\n".join(shown[1:]))
            continue
        made = session.ask(f"SHOW CREATE TABLE {name(table)}")[0][1]
        defined(f"table {table}", _COUNTED.sub("", made))
        if kind == "SEQUENCE":
            state = f"SELECT * FROM {name(table)}"  # noqa: S608 - a quoted name
            summary["sequence"][table] = session.ask(state)[0]
            continue
        if rows:
            summary["table"][table] = summed(session, database, table, kind, held[table])
        if counted := _COUNTED.search(made):
            summary["sequence"][table] = [counted[1]]
    for kind, called_ in session.ask(_NAMED):
        shown = session.ask(f"SHOW CREATE {kind} {name(called_)}")[0]
        # A trigger's line ends in the moment at which it was made.
        kept = shown[1:-1] if kind == "TRIGGER" else shown[1:]
        defined(f"{kind.lower()} {called_}", "\n".join(kept))
    if order := session.ask(_TRIGGERS):
        defined("order of the triggers", json.dumps(order))
    return summary


def accounts(session: Session, database: str) -> dict[str, dict[str, Any]]:
    """Who may do something in the database, or is who its objects act as. made: the statement
    that makes the account, with what it is known by; it goes into private files only."""
    about(session, database)
    found: set[tuple[str, str]] = {(user, host) for user, host in session.ask(_MAY_RUN)}
    for (grantee,) in session.ask(_GRANTED):
        user, _, host = grantee.rpartition("@")
        found.add((user[1:-1], host[1:-1]))
    for (definer,) in session.ask(_ACTING):
        user, _, host = definer.rpartition("@")
        found.add((user or host, host if user else ""))
    there = {(user, host): role == "Y" for user, host, role in session.ask(_ACCOUNTS_THERE)}
    members = session.ask(_MEMBERS)
    while more := {(r, "") for u, h, r in members if (u, h) in found} - found:
        found |= more
    known = sorted(one for one in found if one in there and one[0] not in _NOT_OURS)
    return {called(one, there[one]): account(session, database, one, there[one]) for one in known}


def called(one: tuple[str, str], role: bool) -> str:
    return name(one[0]) if role else f"{name(one[0])}@{name(one[1])}"


def account(session: Session, database: str, one: tuple[str, str], role: bool) -> dict[str, Any]:
    who = called(one, role)
    # Roles that it has are its own business; those of another database are not carried.
    grants = []
    for (line,) in session.ask(f"SHOW GRANTS FOR {who}"):
        found = _GRANT.fullmatch(_AUTHENTICATION.sub("", line))
        if found is None:
            grants.append(line)  # membership in a role, or the role that it begins with
        elif found[2] == "*.*":
            grants.append(f"GRANT {found[1]} ON *.* TO {who}" + _option(found[4]))
        elif may_mean(found[2].rpartition(" ")[2].partition(".")[0], database):
            grants.append(found[0])
    made = f"CREATE ROLE {who}" if role else session.ask(f"SHOW CREATE USER {who}")[0][0]
    return {"user": one[0], "role": role, "made": made, "grants": sorted(grants)}


def _option(words: str | None) -> str:
    return " WITH GRANT OPTION" if "GRANT OPTION" in (words or "") else ""


def may_mean(pattern: str, database: str) -> bool:
    """Does the quoted pattern of a grant mean this database? (% and _, with a backslash.)"""
    text = pattern.strip("`").replace("``", "`")
    words = re.sub(
        r"\\(.)|(.)",
        lambda f: re.escape(f[1]) if f[1] else {"%": ".*", "_": "."}.get(f[2], re.escape(f[2])),
        text,
    )
    return re.fullmatch(words, database) is not None


def told(found: dict[str, dict[str, Any]], own: str) -> dict[str, Any]:
    """Accounts without what they are known by. own: the application's, whose password is the
    deployment's secret and is told to the server by Homeport."""
    shown = {}
    for who, fields in found.items():
        made = _AUTHENTICATION.sub("", fields["made"]) if fields["user"] == own else fields["made"]
        shown[who] = {"made": digest(made), "grants": fields["grants"]}
    return shown


def version(session: Session) -> list[int]:
    return [
        int(part) for part in session.ask("SELECT VERSION()")[0][0].split("-")[0].split(".")[:2]
    ]


def told_version(task: dict[str, Any]) -> dict[str, Any]:
    return {"version": version(Session())}


# --- the verbs ------------------------------------------------------------------------------


def measure(task: dict[str, Any]) -> dict[str, Any]:
    session = Session()
    if not is_there(session, task["database"]):
        return {"items": 0, "bytes": 0}
    return {"items": 1, "bytes": int(session.ask(_SIZE)[0][0])}


def of_itself(summary: dict[str, Any]) -> dict[str, Any]:
    """Whose a database is, who may use it and as whom it acts belongs to the server that it is
    on. A summary from before has the definitions in one form only: they count by their names."""
    kept = {part: found for part, found in summary.items() if part not in ("plain", "definition")}
    about = {word: text for word, text in summary["database"].items() if word != "comment"}
    plain = summary.get("plain") or dict.fromkeys(summary["definition"], "")
    return {**kept, "database": about, "definition": plain}


def describe(task: dict[str, Any]) -> dict[str, Any]:
    """plain: of the task; without whose it is, who may use it and as whom it acts."""
    database, session = task["database"], Session()
    if not is_there(session, database):
        return {"items": 0, "bytes": 0, "facts": {"absent": True}}
    size = measure(task)["bytes"]
    session.ask("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
    summary = summary_of(session, database)
    rows = sum(fields["rows"] for fields in summary["table"].values())
    if task["plain"]:
        facts = of_itself(summary)
    else:
        del summary["plain"]
        facts = {**summary, "account": told(accounts(session, database), database)}
    session.close()
    return {"items": rows, "bytes": size, "facts": {**facts, "version": version(Session())}}


def capture(task: dict[str, Any]) -> dict[str, Any]:
    """Summary and dump of one snapshot: both begin while nobody may write."""
    database, into, session = task["database"], task["into"], Session()
    if not is_there(session, database):
        return {"items": 0, "bytes": 0, "absent": True}
    os.mkdir(into, 0o700)
    keeping = kept_still(database)
    session.ask("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
    kinds = dict(session.ask(_KINDS))
    held = columns(session, kinds)
    exact = [
        t for t, found in held.items() if t in kinds and kinds[t] != "VIEW" and has_float(found)
    ]
    if any(kinds[table] == "SYSTEM VERSIONED" for table in exact):
        fail("a table with a history has a FLOAT column; such a database is not supported yet")
    if "SYSTEM VERSIONED" in kinds.values() and version(session) < _INSERTED_HISTORY:
        fail("a table has a history, which this version of MariaDB cannot load again")
    history = ["--dump-history"] if "SYSTEM VERSIONED" in kinds.values() else []
    views = sorted(table for table, kind in kinds.items() if kind == "VIEW")
    left = [f"--ignore-table={database}.{view}" for view in views]
    left += [f"--ignore-table-data={database}.{table}" for table in exact]
    words = server.words("mariadb-dump", *_DUMP, *_DATA, *history, *left, database)
    with (
        open(f"{into}/{_TABLES}", "xb") as file,
        subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as dumping,
    ):
        assert dumping.stdout is not None
        assert dumping.stderr is not None
        # Its first table is read when its own snapshot has begun: then others may write again.
        begun = False
        for line in dumping.stdout:
            if not begun and line.startswith((b"CREATE ", b"INSERT ", b"LOCK ")):
                keeping.ask("UNLOCK TABLES")
                begun = True
            file.write(line)
        problem = dumping.stderr.read()
    if dumping.returncode != 0:
        fail(problem.decode(errors="replace").strip()[-800:])
    keeping.close()
    with open(f"{into}/{_EXACT}", "x") as text:
        for table in exact:
            text.writelines(inserts(session, database, table, held[table]))
    for part, options in _PARTS.items():
        dump(f"{into}/{part}", [*options, database])
    dump(f"{into}/{_VIEWS}", ["--no-data", "--skip-triggers", database, *views] if views else [])
    found = {} if server.is_remote else accounts(session, database)
    with open(f"{into}/{_ACCOUNTS}", "x") as file_:
        json.dump(found, file_)
    summary = summary_of(session, database)
    session.close()
    files = {part: sha256(f"{into}/{part}") for part in sorted(os.listdir(into))}
    os.sync()
    size = sum(os.stat(f"{into}/{part}").st_size for part in files)
    rows = sum(fields["rows"] for fields in summary["table"].values())
    held_by = told(found, database)
    facts = {"items": rows, "bytes": size, "files": files, "summary": summary, "account": held_by}
    return {**facts, "served": True} if server.is_remote else facts


def kept_still(database: str) -> Session:
    """A connection that nobody writes beside, until it unlocks: all of the server, or, where that
    is not ours to stop, the tables of the database."""
    keeping = Session()
    if not server.is_remote:
        keeping.ask("FLUSH TABLES WITH READ LOCK")
        return keeping
    about(keeping, database)
    tables = [table for table, kind in keeping.ask(_KINDS) if kind != "VIEW"]
    if tables:
        locked = ", ".join(f"{name(database)}.{name(table)} READ" for table in tables)
        keeping.ask(f"LOCK TABLES {locked}")
    return keeping


def has_float(held: list[list[str]]) -> bool:
    return any(type_ == "float" for _, type_, _ in held)


def inserts(session: Session, database: str, table: str, held: list[list[str]]) -> Iterator[str]:
    """Rows as statements, each value in its exact form."""
    own = [column for column in held if column[2] == "NEVER"]
    shown = []
    for column, type_, _ in own:
        quoted = name(column)
        if type_ == "float":
            text = f"CAST(CAST({quoted} AS DOUBLE) AS CHAR)"
        elif type_ in _NUMBERS:
            text = f"CAST({quoted} AS CHAR)"
        elif type_ == "bit":
            text = f"CAST({quoted} + 0 AS CHAR)"
        elif type_ in _TIMES:
            text = f"CONCAT('''', CAST({quoted} AS CHAR), '''')"
        else:
            text = f"CONCAT('X''', HEX({quoted}), '''')"
        shown.append(f"IFNULL({text}, 'NULL')")
    names = ", ".join(name(column[0]) for column in own)
    head = f"INSERT INTO {name(table)} ({names}) VALUES "  # noqa: S608 - quoted names
    yield _BEFORE_INSERTS
    source = f"{name(database)}.{name(table)}"
    read = f"SELECT CONCAT_WS(',', {', '.join(shown)}) FROM {source}"  # noqa: S608
    for (row,) in session.rows(read):
        yield f"{head}({row});\n"


def dump(path: str, words: list[str]) -> None:
    with open(path, "xb") as file:
        if words:
            command = server.words("mariadb-dump", *_DUMP, "--single-transaction", *words)
            done = subprocess.run(command, stdout=file, stderr=subprocess.PIPE, check=False)
            if done.returncode != 0:
                fail(done.stderr.decode(errors="replace").strip()[-800:])


def sha256(path: str) -> str:
    found = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            found.update(chunk)
    return found.hexdigest()


def verify(task: dict[str, Any]) -> dict[str, Any]:
    """The files are those that were written, and the dump came to its end."""
    wanted, into = task["captured"], task["into"]
    if wanted.get("absent"):
        return {}
    for part, checksum in wanted["files"].items():
        if not os.path.exists(f"{into}/{part}"):
            fail(f"{part} of the dump is gone")
        if sha256(f"{into}/{part}") != checksum:
            fail(f"{part} is not the file that was captured; the disk may be damaged")
    with open(f"{into}/{_TABLES}", "rb") as file:
        file.seek(max(os.fstat(file.fileno()).st_size - 4096, 0))
        if _WHOLE not in file.read():
            fail("the dump does not come to its end")
    return {}


def restore(task: dict[str, Any]) -> dict[str, Any]:
    database, wanted, emptied, into = (
        task["database"],
        task["captured"],
        task["empty"],
        task["into"],
    )
    if wanted.get("absent"):
        fail("there was no database when the state was captured")
    fresh, session = database + FRESH, Session()
    plain = server.is_remote or bool(wanted.get("served"))
    there = is_there(session, database)
    same = there and not different(session, database, wanted, emptied, plain=plain)
    if same and not task.get("thorough"):
        session.ask(f"DROP DATABASE IF EXISTS {name(fresh)}")
        return {"changed": False}
    verify(task)
    made_as = {**wanted["summary"]["database"], **({"comment": ""} if plain else {})}
    make(session, fresh, made_as)
    load(fresh, f"{into}/{_TABLES}")
    load(fresh, f"{into}/{_EXACT}")
    session.ask("SET SESSION foreign_key_checks = 0")
    for table in set(emptied) & wanted["summary"]["table"].keys():
        session.ask(f"DELETE FROM {name(fresh)}.{name(table)}")  # noqa: S608
    found, expected = (
        compared(one, emptied, plain) for one in (summary_of(session, fresh), wanted["summary"])
    )
    expected["definition"] = {
        k: v for k, v in expected["definition"].items() if k.startswith("table ")
    }
    if why := difference(expected, with_names_alone(found, expected)):
        fail(f"the restored database differs: {why}; the old one is as it was")
    session.ask("SET SESSION foreign_key_checks = 1")
    if server.is_remote:
        clear(session, database, made_as)
    else:
        make(session, database, made_as)
    about(session, fresh)
    present = dict(session.ask(_KINDS))
    moves = [f"{name(fresh)}.{name(t)} TO {name(database)}.{name(t)}" for t in present]
    if moves:
        session.ask(f"RENAME TABLE {', '.join(moves)}")
    for part in _ORDER:
        load(database, f"{into}/{part}", server.definer if plain else "")
    session.ask(f"DROP DATABASE {name(fresh)}")
    if not plain:
        with open(f"{into}/{_ACCOUNTS}") as file:
            admit(session, database, json.load(file))
    # The rows have been compared, and renaming does not touch them.
    if why := different(session, database, wanted, emptied, rows=False, plain=plain):
        fail(f"the restored database differs: {why}")
    return {"changed": True}


def make(session: Session, database: str, about: dict[str, str]) -> None:
    """Empty. Grants on it stay: MariaDB keeps them apart from the database."""
    words = " ".join(
        (
            f"CHARACTER SET {about['charset']}",
            f"COLLATE {about['collation']}",
            f"COMMENT {value(about['comment'])}",
        )
    )
    session.ask("SET SESSION foreign_key_checks = 0")
    session.ask(f"DROP DATABASE IF EXISTS {name(database)}")
    session.ask("SET SESSION foreign_key_checks = 1")
    session.ask(f"CREATE DATABASE {name(database)} {words}")


def clear(session: Session, database: str, about_it: dict[str, str]) -> None:
    """As `make`, but the database stays, with its comment, which is its server's."""
    about(session, database)
    session.ask("SET SESSION foreign_key_checks = 0")
    for kind, called_ in session.ask(_NAMED):
        if kind != "TRIGGER":  # they go with their tables
            session.ask(f"DROP {kind} IF EXISTS {name(database)}.{name(called_)}")
    words = {"VIEW": "VIEW", "SEQUENCE": "SEQUENCE"}
    for table, kind in session.ask(_KINDS):
        what = words.get(kind, "TABLE")
        session.ask(f"DROP {what} IF EXISTS {name(database)}.{name(table)}")
    session.ask("SET SESSION foreign_key_checks = 1")
    text = f"CHARACTER SET {about_it['charset']} COLLATE {about_it['collation']}"
    session.ask(f"ALTER DATABASE {name(database)} {text}")


def admit(session: Session, database: str, wanted: dict[str, dict[str, Any]]) -> None:
    """The accounts are there and may do in this database what they might, and no others."""
    there = {called((u, h), r == "Y") for u, h, r in session.ask(_ACCOUNTS_THERE)}
    present = accounts(session, database)
    for who, fields in sorted(wanted.items(), key=lambda item: not item[1]["role"]):
        if who not in there:
            session.ask(fields["made"])
        elif not fields["role"] and fields["user"] != database:
            session.ask("ALTER" + fields["made"].removeprefix("CREATE"))
    for who in wanted.keys() | present.keys():
        now = present.get(who) or (live(session, database, who) if who in wanted else None)
        had, has = wanted.get(who, {}).get("grants", []), now["grants"] if now else []
        for line in sorted(set(has) - set(had)):
            for sql in taken_back(line):
                session.ask(sql)
        for line in sorted(set(had) - set(has)):
            session.ask(line)


def live(session: Session, database: str, who: str) -> dict[str, Any]:
    user, _, host = who.rpartition("@")
    one = (user or host).strip("`").replace("``", "`"), host.strip("`") if user else ""
    return account(session, database, one, not user)


def taken_back(line: str) -> list[str]:
    found = _GRANT.fullmatch(line)
    if found:
        back = [] if found[1] == "USAGE" else [f"REVOKE {found[1]} ON {found[2]} FROM {found[3]}"]
        if "GRANT OPTION" in (found[4] or ""):
            back.append(f"REVOKE GRANT OPTION ON {found[2]} FROM {found[3]}")
        return back
    if line.startswith("SET DEFAULT ROLE"):
        return ["SET DEFAULT ROLE NONE FOR " + line.rpartition(" FOR ")[2]]
    role, _, who = line.removeprefix("GRANT ").removesuffix(" WITH ADMIN OPTION").partition(" TO ")
    return [f"REVOKE {role} FROM {who}"]


def compared(summary: dict[str, Any], emptied: list[str], plain: bool) -> dict[str, Any]:
    """What must be the same after a restore."""
    kept = {name_: fields for name_, fields in summary["table"].items() if name_ not in emptied}
    parts = of_itself(summary) if plain else {k: v for k, v in summary.items() if k != "plain"}
    return {**parts, "table": kept, "definition": dict(parts["definition"])}


def with_names_alone(found: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    """found, its definitions by their names where nothing else is expected of them."""
    known = expected["definition"]
    shown = {k: v if known.get(k) != "" else "" for k, v in found["definition"].items()}
    return {**found, "definition": shown}


def difference(wanted: dict[str, Any], found: dict[str, Any]) -> str:
    """The first thing that is not the same, in words; empty where there is none."""
    for part in sorted(wanted.keys() | found.keys()):
        one, other = wanted.get(part, {}), found.get(part, {})
        for key in sorted(one.keys() | other.keys()):
            if one.get(key) != other.get(key):
                return f"{part} {key}: {one.get(key)} was captured, {other.get(key)} is there"
    return ""


def different(
    session: Session,
    database: str,
    wanted: dict[str, Any],
    emptied: list[str],
    rows: bool = True,
    plain: bool = False,
) -> str:
    found = summary_of(session, database, rows)
    full = [table for table in emptied if found["table"].get(table, {}).get("rows")]
    if full:
        return f"{full[0]} is not empty"
    here, there = (compared(one, emptied, plain) for one in (wanted["summary"], found))
    there = with_names_alone(there, here)
    if not plain:
        here["account"] = wanted["account"]
        there["account"] = told(accounts(session, database), database)
    if not rows:
        del here["table"], there["table"]
    return difference(here, there)


def main() -> None:
    task = json.load(sys.stdin)
    if not _NAME.fullmatch(task["database"]):
        fail(f"{task['database']!r} cannot name a database here")
    global server
    server = Server(task.get("login"), task.get("account", ""))
    verbs = {"measure": measure, "capture": capture, "verify": verify, "restore": restore}
    verbs |= {"describe": describe, "version": told_version}
    try:
        result = verbs[task["verb"]](task)
    except OSError as error:
        fail(str(error))
    text = base64.b64encode(json.dumps(result).encode()).decode()
    for start in range(0, len(text), 1000):
        print("homeport-result:", text[start : start + 1000])


if __name__ == "__main__":
    main()
