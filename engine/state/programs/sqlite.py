"""An SQLite database: copied by SQLite's own backup while others may write, and put back.

Files are never copied from under a running writer: a database in write-ahead mode is more
files than one (sqlite.org/howtocorrupt.html). The copy is one file and checked as a database.
"""

from __future__ import annotations

import base64
import grp
import hashlib
import json
import os
import pwd
import sqlite3
import sys
from contextlib import closing, suppress
from typing import Any, NoReturn
from urllib.parse import quote

_BESIDE = ("-wal", "-shm", "-journal")
_COPYING, _OLD = ".homeport-restore", ".homeport-replaced"
_BUSY_SECONDS = 60.0


def fail(why: str) -> NoReturn:
    print(why, file=sys.stderr, flush=True)
    sys.exit(1)


def opened(path: str, query: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(path)}?{query}", uri=True, timeout=_BUSY_SECONDS)


def sha256(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def checked(path: str) -> dict[str, int]:
    """Rows by table of a database that nobody writes; ends here for a damaged one."""
    with closing(opened(path, "immutable=1")) as database:
        database.text_factory = lambda data: data.decode(errors="surrogateescape")
        said = [row[0] for row in database.execute("PRAGMA integrity_check")]
        if said != ["ok"]:
            fail("the database is damaged: " + "; ".join(said[:3]))
        tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0"
        names = [row[0] for row in database.execute(tables)]
        return {name: _count(database, name) for name in sorted(names)}


def _count(database: sqlite3.Connection, table: str) -> int:
    quoted = '"' + table.replace('"', '""') + '"'
    return int(database.execute(f"SELECT count(*) FROM {quoted}").fetchone()[0])  # noqa: S608


def measure(task: dict[str, Any]) -> dict[str, Any]:
    paths = [task["path"] + end for end in ("", *_BESIDE)]
    sizes = [os.stat(path).st_size for path in paths if os.path.exists(path)]
    return {"items": min(len(sizes), 1), "bytes": sum(sizes)}


def capture(task: dict[str, Any]) -> dict[str, Any]:
    path, into = task["path"], task["into"]
    if not os.path.exists(path):
        return {"items": 0, "bytes": 0, "absent": True}
    status = os.stat(path)

    def tell(_status: int, remaining: int, total: int) -> None:
        print("homeport-progress:", total - remaining, total, flush=True)

    # All pages in one step: with smaller ones a busy writer would make it begin again and again.
    # Opened for writing, so that what a crash left in a journal is taken back first; SQLite
    # gives the files that it makes for that to the database's owner.
    with closing(opened(path, "mode=rw")) as source, closing(opened(into, "mode=rwc")) as target:
        source.backup(target, pages=-1, progress=tell)
    for end in _BESIDE:
        if os.path.exists(into + end):
            os.unlink(into + end)
    rows = checked(into)
    with open(into, "rb") as file:
        os.fsync(file.fileno())
    return {
        "items": sum(rows.values()),
        "bytes": os.stat(into).st_size,
        "sha256": sha256(into),
        "rows": rows,
        "owner": [status.st_uid, status.st_gid],
        "names": names_of(status),
        "mode": status.st_mode & 0o7777,
    }


def names_of(status: os.stat_result) -> list[str]:
    """User and group, as far as they have names."""
    names = ["", ""]
    with suppress(KeyError):
        names[0] = pwd.getpwuid(status.st_uid).pw_name
    with suppress(KeyError):
        names[1] = grp.getgrgid(status.st_gid).gr_name
    return names


def owner(wanted: dict[str, Any]) -> tuple[int, int]:
    """By name where this guest knows it: on another guest the same service may have another
    number."""
    (user, group), (user_name, group_name) = wanted["owner"], wanted.get("names", ["", ""])
    with suppress(KeyError):
        user = pwd.getpwnam(user_name).pw_uid
    with suppress(KeyError):
        group = grp.getgrnam(group_name).gr_gid
    return user, group


def describe(task: dict[str, Any]) -> dict[str, Any]:
    """What the database holds, whatever its file looks like: two files with the same rows differ
    in their pages."""
    path = task["path"]
    if not os.path.exists(path):
        return {"items": 0, "bytes": 0, "facts": {"absent": True}}
    status = os.stat(path)
    # Opened for writing, so that what a crash left in a journal is taken back first.
    with closing(opened(path, "mode=rw")) as database:
        # Not bytes: a text and a blob of the same bytes are two values.
        database.text_factory = lambda data: data.decode(errors="surrogateescape")
        said = [row[0] for row in database.execute("PRAGMA integrity_check")]
        if said != ["ok"]:
            fail("the database is damaged: " + "; ".join(said[:3]))
        facts: dict[str, Any] = {
            pragma: str(database.execute(f"PRAGMA {pragma}").fetchone()[0])
            for pragma in ("user_version", "application_id", "encoding")
        }
        schema = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_stat%'"
        rows = sorted(repr(row) for row in database.execute(schema))
        facts["schema"] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
        tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0"
        names = sorted(row[0] for row in database.execute(tables))
        facts["tables"] = {name: _summed(database, name) for name in names}
    facts["mode"] = f"{status.st_mode & 0o7777:o}"
    facts["owner"] = names_of(status)
    items = sum(int(table["rows"]) for table in facts["tables"].values())
    return {"items": items, "bytes": status.st_size, "facts": facts}


def _summed(database: sqlite3.Connection, table: str) -> dict[str, Any]:
    """Rows, and the sum of their hashes: the same in whatever order they lie."""
    rows = total = 0
    for row in database.execute(f"SELECT * FROM {_quoted(table)}"):  # noqa: S608
        total += int.from_bytes(hashlib.blake2b(repr(row).encode(), digest_size=8).digest(), "big")
        rows += 1
    return {"rows": rows, "hash": f"{total % (1 << 64):016x}"}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def verify(task: dict[str, Any]) -> dict[str, Any]:
    wanted, into = task["captured"], task["into"]
    if wanted.get("absent"):
        return {}
    if not os.path.exists(into):
        fail("the copy is gone")
    if sha256(into) != wanted["sha256"]:
        fail("the copy is not the file that was captured; the disk may be damaged")
    if checked(into) != wanted["rows"]:
        fail("the copy has other rows than were captured")
    return {}


def restore(task: dict[str, Any]) -> dict[str, Any]:
    """Beside the old database first, checked; then the old one with all of its files is moved
    away and the new one gets its name."""
    path, wanted = task["path"], task["captured"]
    old = [path + _OLD + end for end in ("", *_BESIDE)]
    here = [path + end for end in ("", *_BESIDE)]
    remove(path + _COPYING, *old)
    if wanted.get("absent"):
        changed = any(map(os.path.exists, here))
        remove(*here)
        return {"changed": changed}
    alone = not any(map(os.path.exists, here[1:]))
    same = alone and os.path.exists(path) and sha256(path) == wanted["sha256"]
    if same and not task.get("thorough"):
        return {"changed": False}
    verify(task)
    with open(task["into"], "rb") as source, open(path + _COPYING, "xb") as target:
        os.fchmod(target.fileno(), wanted["mode"])
        if os.geteuid() == 0:
            os.fchown(target.fileno(), *owner(wanted))
        while chunk := source.read(1 << 20):
            target.write(chunk)
        target.flush()
        os.fsync(target.fileno())
    if sha256(path + _COPYING) != wanted["sha256"]:
        fail(f"what was written beside {path} is not what was captured; the disk may be damaged")
    # The write-ahead log first: left behind, it would be taken for the new database's.
    for before, after in reversed(list(zip(here, old))):  # noqa: B905 - Python 3.9
        if os.path.exists(before):
            os.rename(before, after)
    os.rename(path + _COPYING, path)
    os.sync()
    remove(*old)
    return {"changed": True}


def remove(*paths: str) -> None:
    for path in paths:
        if os.path.exists(path):
            os.unlink(path)


def main() -> None:
    task = json.load(sys.stdin)
    verbs = {"measure": measure, "capture": capture, "verify": verify, "restore": restore}
    verbs["describe"] = describe
    try:
        result = verbs[task["verb"]](task)
    except (OSError, sqlite3.Error) as error:
        fail(str(error))
    text = base64.b64encode(json.dumps(result).encode()).decode()
    for start in range(0, len(text), 1000):
        print("homeport-result:", text[start : start + 1000])


if __name__ == "__main__":
    main()
