"""A PostgreSQL database that gets every row of another server's, and every change of one.

It is made beside the one that is there, under a name of its own, and takes that one's name when
everything has come. The password of the role that reads is made here and never leaves this guest;
the source is told its SCRAM verifier. Each verb may be killed anywhere and be called again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from typing import Any, NoReturn

_AS_SERVER = ["runuser", "-u", "postgres", "--"]
_PSQL = [*_AS_SERVER, "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", "-"]
_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
_NEXT, _OLD = "_homeport_next", "_homeport_old"
_SECONDS, _POLL = 300.0, 0.1
_LOOK = """\
SELECT json_build_object('system', (SELECT system_identifier::text FROM pg_control_system()),
    'workers', current_setting('max_logical_replication_workers')::int
      - (SELECT count(*) FROM pg_stat_subscription WHERE pid IS NOT NULL),
    'slots', current_setting('max_replication_slots')::int
      - (SELECT count(*) FROM pg_replication_origin),
    'standby', pg_is_in_recovery(), 'data', current_setting('data_directory'));
"""
_ENSURE_ROLE = """\
SELECT format('CREATE ROLE %I ' || :'words', :'name')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') \\gexec
"""
_CREATE = """\
SELECT format('CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING %L LC_COLLATE %L '
    'LC_CTYPE %L', :'next', :'owner', :'encoding', :'collate', :'ctype') \\gexec
"""
_SUBSCRIBE = """\
SET statement_timeout = '120s';
CREATE SUBSCRIPTION :"name" CONNECTION :'source' PUBLICATION :"name" WITH (slot_name = :'name');
"""
_SUBSCRIBED = "SELECT 1 FROM pg_subscription WHERE subname = :'name';\n"
_STANDING = """\
SELECT json_build_object('left', (SELECT count(*) FROM pg_subscription_rel WHERE srsubstate <> 'r'),
    'size', pg_database_size(current_database()),
    'working', (SELECT count(*) FROM pg_stat_subscription WHERE subname = :'name'
      AND pid IS NOT NULL));
"""
_PARTED = """\
ALTER SUBSCRIPTION :"name" DISABLE;
ALTER SUBSCRIPTION :"name" SET (slot_name = NONE);
DROP SUBSCRIPTION :"name";
"""
"""Without a word to the source, which may be gone; it drops the slot when it withdraws."""
_DATABASE = "SELECT 1 FROM pg_database WHERE datname = :'name';\n"
_REFRESH = """\
SELECT format('REFRESH MATERIALIZED VIEW %I.%I', nspname, relname)
  FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
 WHERE relkind = 'm' AND format('%I.%I', nspname, relname) <> ALL (:'hidden'::text[])
 ORDER BY c.oid \\gexec
"""
"""In the order in which they were made: one may read another."""
_UNLINK = "SELECT count(lo_unlink(oid)) FROM pg_largeobject_metadata;\n"
_OBJECT = re.compile(r"^[0-9]+; [0-9]+ [0-9]+ (BLOB|ACL .*LARGE OBJECT|COMMENT .*LARGE OBJECT)")
_SWAP = """\
DROP DATABASE IF EXISTS :"old" WITH (FORCE);
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
 WHERE datname IN (:'name', :'next') \\g /dev/null
BEGIN;
SELECT format('ALTER DATABASE %I RENAME TO %I', :'name', :'old')
 WHERE EXISTS (SELECT FROM pg_database WHERE datname = :'name') \\gexec
ALTER DATABASE :"next" RENAME TO :"name";
COMMIT;
"""


def fail(why: str) -> NoReturn:
    print(why, file=sys.stderr, flush=True)
    sys.exit(1)


def psql(sql: str, database: str = "postgres", **values: str) -> list[str]:
    """Lines that psql prints. Values become psql's own variables, quoted where they stand."""
    heads = []
    for name, value in values.items():
        if re.search(r"[\x00-\x1f]", value):
            fail(f"a name of the database has a control character in it: {value!r}")
        quoted = value.replace("\\", "\\\\").replace("'", "''")
        heads.append(f"\\set {name} '{quoted}'\n")
    text = "".join(heads) + sql
    words = [*_PSQL, "-d", database]
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        fail(done.stderr.strip()[-800:] or f"psql ended with status {done.returncode}")
    return [line for line in done.stdout.splitlines() if line]


class Subscription:
    """task: database; desk, the move's directory here; role, which names all of it."""

    def __init__(self, task: dict[str, Any]) -> None:
        self.task, self.name, self.role = task, task["database"], task["role"]
        self.next, self.old = self.name + _NEXT, self.name + _OLD
        self.memo = os.path.join(task["desk"], f"subscriber-{self.name}.json")

    def stage(self) -> str:
        """none, begun, following, caught (all rows are here, and no more come) or over."""
        try:
            with open(self.memo) as file:
                return str(json.load(file)["stage"])
        except FileNotFoundError:
            return "none"

    def reached(self, stage: str) -> None:
        with open(f"{self.memo}.part", "w") as file:
            json.dump({"stage": stage}, file)
            file.flush()
            os.fsync(file.fileno())
        os.rename(f"{self.memo}.part", self.memo)

    def exists(self, database: str) -> bool:
        return bool(psql(_DATABASE, name=database))

    def subscribed(self) -> bool:
        return self.exists(self.next) and bool(psql(_SUBSCRIBED, self.next, name=self.role))

    def drop(self) -> None:
        """The database that was filled, and its subscription."""
        if self.subscribed():
            psql(_PARTED, self.next, name=self.role)
        psql('DROP DATABASE IF EXISTS :"next" WITH (FORCE);', next=self.next)

    @property
    def passfile(self) -> str:
        """Beside the cluster: the server itself reads it."""
        return f"{psql('SHOW data_directory;')[0]}.homeport-{self.role}"

    def password(self) -> str:
        path = self.passfile
        if not os.path.exists(path):
            made = secrets.token_urlsafe(32)
            descriptor = os.open(f"{path}.part", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(f"*:*:*:{self.role}:{made}\n")
            if os.geteuid() == 0:
                status = os.stat(psql("SHOW data_directory;")[0])
                os.chown(f"{path}.part", status.st_uid, status.st_gid)
            os.rename(f"{path}.part", path)
        with open(path) as file:
            return file.read().strip().rpartition(":")[2]


def look(_one: Subscription) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(psql(_LOOK)[0])
    free = shutil.disk_usage(found.pop("data")).free
    return {**found, "free": free}


def state(one: Subscription) -> dict[str, Any]:
    return {"state": one.stage()}


def prepare(one: Subscription) -> dict[str, Any]:
    """The verifier of the role's password, which is made once."""
    if one.stage() == "none":
        one.reached("begun")
    salt = hashlib.sha256(one.role.encode()).digest()[:16]
    salted = hashlib.pbkdf2_hmac("sha256", one.password().encode(), salt, 4096)
    client, server = (hmac.digest(salted, w, "sha256") for w in (b"Client Key", b"Server Key"))
    parts = (salt, hashlib.sha256(client).digest(), server)
    encoded = [base64.b64encode(part).decode() for part in parts]
    return {"verifier": f"SCRAM-SHA-256$4096:{encoded[0]}${encoded[1]}:{encoded[2]}"}


def begin(one: Subscription) -> dict[str, Any]:
    """The database from task's `schema`, and its subscription. task: roles, about (owner,
    encoding, collate, ctype), host and port of the source."""
    if one.stage() == "following" and one.subscribed():
        return {}
    one.reached("begun")
    one.drop()
    for name, words in one.task["roles"]:
        psql(_ENSURE_ROLE, name=name, words=words)
    psql(_CREATE, next=one.next, **one.task["about"])
    restore(one.task["schema"], one.next)
    fields = {
        "host": one.task["host"],
        "port": str(one.task["port"]),
        "dbname": one.name,
        "user": one.role,
        "passfile": one.passfile,
        "sslmode": "disable",  # inside SSH
    }
    escaped = {k: v.replace("\\", "\\\\").replace("'", "\\'") for k, v in fields.items()}
    source = " ".join(f"{key}='{value}'" for key, value in escaped.items())
    psql(_SUBSCRIBE, one.next, name=one.role, source=source)
    one.reached("following")
    return {}


def restore(path: str, database: str, *more: str) -> None:
    words = [*_AS_SERVER, "pg_restore", "--exit-on-error", *more, f"--dbname={database}"]
    with open(path, "rb") as file:
        done = subprocess.run(words, stdin=file, capture_output=True, check=False)
    if done.returncode != 0:
        fail(done.stderr.decode(errors="replace").strip()[-800:])


def copied(one: Subscription) -> dict[str, Any]:
    """Every table has been copied, and changes are applied. bytes: that it takes here."""
    deadline, best = time.monotonic() + _SECONDS, (1 << 62, 0)
    while True:
        found = json.loads(psql(_STANDING, one.next, name=one.role)[0])
        if not found["left"] and found["working"]:
            return {"bytes": found["size"]}
        print("homeport-progress:", found["size"], one.task["size"], flush=True)
        if (found["left"], -found["size"]) < best:
            deadline, best = time.monotonic() + _SECONDS, (found["left"], -found["size"])
        if time.monotonic() > deadline:
            fail("the target's PostgreSQL does not get on with what it is sent; see its log there")
        time.sleep(_POLL)


def finish(one: Subscription) -> dict[str, Any]:
    """All rows are here and nobody writes. task: sequences, hidden and objects, as
    `programs.publisher` tells them; `into`, where the large objects lie."""
    if one.exists(one.next):
        one.reached("caught")
        if one.subscribed():
            psql(_PARTED, one.next, name=one.role)
        sql = [
            f"SELECT setval({quoted(name)}, {int(value)}, {bool(called)}) \\g /dev/null\n"
            for name, value, called in one.task["sequences"]
        ]
        psql("".join(sql), one.next)
        if one.task["objects"]:
            bring_objects(one)
        hidden = (name.replace("\\", "\\\\").replace('"', '\\"') for name in one.task["hidden"])
        psql(_REFRESH, one.next, hidden="{" + ",".join(f'"{name}"' for name in hidden) + "}")
    return {}


def take_name(one: Subscription) -> dict[str, Any]:
    """The database is the one that it was filled for."""
    if one.exists(one.next):
        psql(_SWAP, name=one.name, next=one.next, old=one.old)
    one.reached("over")
    psql('DROP DATABASE IF EXISTS :"old" WITH (FORCE);', old=one.old)
    return {}


def bring_objects(one: Subscription) -> None:
    """Large objects, with their owners and rights, and nothing else that the dump may hold."""
    psql(_UNLINK, one.next)
    path = one.task["into"]
    with open(path, "rb") as file:
        words = [*_AS_SERVER, "pg_restore", "--list"]
        listed = subprocess.run(words, stdin=file, capture_output=True, text=True, check=False)
    lines = [line for line in listed.stdout.splitlines() if _OBJECT.match(line)]
    # The server's user may not enter the desk.
    with tempfile.NamedTemporaryFile("w", prefix="homeport-objects-") as chosen:
        chosen.write("".join(f"{line}\n" for line in lines))
        chosen.flush()
        os.chmod(chosen.name, 0o644)
        restore(path, one.next, f"--use-list={chosen.name}")


def quoted(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"


def leave(one: Subscription) -> dict[str, Any]:
    """The move is over, or given up: nothing of it is left."""
    if one.stage() == "none":
        return {}
    one.drop()
    passfile = one.passfile
    if os.path.exists(passfile):
        os.unlink(passfile)
    os.unlink(one.memo)
    return {}


def main() -> None:
    task = json.load(sys.stdin)
    if not _NAME.fullmatch(task["database"]):
        fail(f"{task['database']!r} cannot name a database here")
    if not re.fullmatch(r"[a-z0-9_]{1,63}", task["role"]):
        fail(f"{task['role']!r} cannot name a role here")
    os.chdir("/")
    verbs = {each.__name__: each for each in (look, state, prepare, begin, copied, finish)}
    verbs |= {"take_name": take_name, "leave": leave}
    try:
        result = verbs[task["verb"]](Subscription(task))
    except OSError as error:
        fail(str(error))
    print("homeport-result:", base64.b64encode(json.dumps(result).encode()).decode())


if __name__ == "__main__":
    main()
