"""The keys of a Redis server: read as it dumps them, put back database by database.

Redis cannot replace all of its keys in one step: a restore that is cut off leaves a part, and
is done again from its beginning. The application is stopped meanwhile. Compared is what keys
hold, as Redis shows it: two encodings of the same list are the same.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any, BinaryIO, NoReturn

_SHOWN = {
    b"string": (b"GET",),
    b"list": (b"LRANGE", b"0", b"-1"),
    b"hash": (b"HGETALL",),
    b"set": (b"SMEMBERS",),
    b"zset": (b"ZRANGE", b"0", b"-1", b"WITHSCORES"),
    b"stream": (b"XRANGE", b"-", b"+"),
}
_MOST_COUNTED = b"10000"
_COUNTED = {b"list": b"LLEN", b"set": b"SCARD", b"zset": b"ZCARD"}


def fail(why: str) -> NoReturn:
    print(why, file=sys.stderr, flush=True)
    sys.exit(1)


class Refused(Exception):
    """The server answered with an error."""


class Server:
    """One connection (RESP 2)."""

    def __init__(self, host: str, port: int, password: str) -> None:
        self._socket = socket.create_connection((host, port), 30)
        self._file: BinaryIO = self._socket.makefile("rb")
        self.ask(b"AUTH", password.encode())

    def ask(self, *words: bytes) -> Any:
        parts = [b"$%d\r\n%s\r\n" % (len(word), word) for word in words]
        self._socket.sendall(b"*%d\r\n%s" % (len(words), b"".join(parts)))
        return self._answer()

    def _answer(self) -> Any:
        line = self._file.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise Refused(rest.decode(errors="replace"))
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self._file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self._answer() for _ in range(int(rest))]
        return rest

    def databases(self) -> list[int]:
        lines = self.ask(b"INFO", b"keyspace").decode().splitlines()
        return sorted(int(line[2 : line.index(":")]) for line in lines if line.startswith("db"))

    def sorted_keys(self, pattern: bytes = b"*") -> Iterator[bytes]:
        """Of the chosen database, each once, sorted."""
        found: set[bytes] = set()
        cursor = b"0"
        while True:
            cursor, some = self.ask(b"SCAN", cursor, b"MATCH", pattern, b"COUNT", b"1000")
            found.update(some)
            if cursor == b"0":
                return iter(sorted(found))

    def shown(self, key: bytes) -> str:
        """A digest of what the key holds, whatever its encoding."""
        kind = self.ask(b"TYPE", key)
        if kind not in _SHOWN:
            fail(f"a key is of a type that is not known here: {kind!r}")
        command, *rest = _SHOWN[kind]
        held = self.ask(command, key, *rest)
        if kind == b"set":
            held = sorted(held)
        if kind == b"hash":
            held = sorted(zip(held[::2], held[1::2]))  # noqa: B905 - Python 3.9
        return hashlib.sha256(repr((kind, held)).encode()).hexdigest()

    def readers(self, key: bytes) -> list[Any]:
        """Of a stream: its last number, and how far each group of its readers has come."""
        if self.ask(b"TYPE", key) != b"stream":
            return []
        found = [named(self.ask(b"XINFO", b"STREAM", key)), *self.groups(key)]
        told = (b"last-generated-id", b"name", b"last-delivered-id", b"pending")
        return [[each.get(name) for name in told] for each in found]

    def groups(self, key: bytes) -> list[dict[bytes, Any]]:
        return [named(each) for each in self.ask(b"XINFO", b"GROUPS", key)]

    def waiting(self, key: bytes) -> int:
        """Entries that nobody has taken, or not yet confirmed."""
        kind = self.ask(b"TYPE", key)
        if kind in _COUNTED:
            return int(self.ask(_COUNTED[kind], key))
        if kind != b"stream":
            return 0
        groups = self.groups(key)
        if not groups:
            return int(self.ask(b"XLEN", key))
        return sum(each[b"pending"] + self.behind(key, each) for each in groups)

    def behind(self, key: bytes, group: dict[bytes, Any]) -> int:
        """Entries of a stream that this group has not seen. Redis before 7 does not tell, and a
        later one not always: there they are counted, up to a number beyond which nobody waits for
        the last one."""
        if group.get(b"lag") is not None:
            return int(group[b"lag"])
        moment, _, number = group[b"last-delivered-id"].partition(b"-")
        first = b"%s-%d" % (moment, int(number) + 1)
        return len(self.ask(b"XRANGE", key, first, b"+", b"COUNT", _MOST_COUNTED))


def named(told: list[Any]) -> dict[bytes, Any]:
    return dict(zip(told[::2], told[1::2]))  # noqa: B905 - Python 3.9


def contents(server: Server) -> dict[str, Any]:
    digest, items = hashlib.sha256(), 0
    for number in server.databases():
        server.ask(b"SELECT", b"%d" % number)
        for key in server.sorted_keys():
            digest.update(repr((number, key, server.shown(key))).encode())
            items += 1
    return {"items": items, "digest": digest.hexdigest()}


def describe(server: Server, task: dict[str, Any]) -> dict[str, Any]:
    """By database: keys, what they hold, which of them expire, and when. Redis says how long a
    key has, and not exactly until when: moments are told by buckets of keys, as the number of
    keys and the sum of their moments in milliseconds, for whoever compares to allow for that."""
    facts: dict[str, Any] = {}
    for number in server.databases():
        server.ask(b"SELECT", b"%d" % number)
        digest, items, expiring = hashlib.sha256(), 0, 0
        moments: dict[str, list[int]] = {}
        for key in server.sorted_keys():
            left = server.ask(b"PTTL", key)
            expires = left >= 0
            if expires:
                moment = moments.setdefault(bucket(key), [0, 0])
                moment[0] += 1
                moment[1] += int(time.time() * 1000) + left
            held = (key, server.shown(key), server.readers(key), expires)
            digest.update(repr(held).encode())
            items += 1
            expiring += expires
        fields = {"keys": items, "expiring": expiring, "digest": digest.hexdigest()}
        facts[f"database {number}"] = {**fields, "moments": moments}
    return {"items": sum(found["keys"] for found in facts.values()), "bytes": 0, "facts": facts}


def bucket(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()[:3]


def measure(server: Server, task: dict[str, Any]) -> dict[str, Any]:
    memory = server.ask(b"INFO", b"memory").decode().partition("used_memory:")[2]
    items = 0
    for number in server.databases():
        server.ask(b"SELECT", b"%d" % number)
        items += server.ask(b"DBSIZE")
    return {"items": items, "bytes": int(memory.partition("\r")[0]) if items else 0}


def backlog(server: Server, task: dict[str, Any]) -> dict[str, Any]:
    waiting = 0
    for number in server.databases():
        server.ask(b"SELECT", b"%d" % number)
        keys = {key for name in task["queues"] for key in server.sorted_keys(name.encode())}
        waiting += sum(map(server.waiting, keys))
    return {"messages": waiting}


def capture(server: Server, task: dict[str, Any]) -> dict[str, Any]:
    with open(task["into"], "x") as file:
        for number in server.databases():
            server.ask(b"SELECT", b"%d" % number)
            for key in server.sorted_keys():
                left = server.ask(b"PTTL", key)
                value = server.ask(b"DUMP", key)
                line = {
                    "db": number,
                    "key": base64.b64encode(key).decode(),
                    "value": base64.b64encode(value).decode(),
                    "expires": int(time.time() * 1000) + left if left >= 0 else 0,
                }
                file.write(json.dumps(line) + "\n")
        file.flush()
        os.fsync(file.fileno())
    size = os.stat(task["into"]).st_size
    return {"bytes": size, "sha256": sha256(task["into"]), **contents(server)}


def sha256(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def verify(server: Server, task: dict[str, Any]) -> dict[str, Any]:
    if not os.path.exists(task["into"]):
        fail("the copy is gone")
    if sha256(task["into"]) != task["captured"]["sha256"]:
        fail("the copy is not the file that was captured; the disk may be damaged")
    return {}


def restore(server: Server, task: dict[str, Any]) -> dict[str, Any]:
    same = contents(server)["digest"] == task["captured"]["digest"]
    if same and not task.get("thorough"):
        return {"changed": False}
    verify(server, task)
    server.ask(b"FLUSHALL")
    now = time.time() * 1000
    with open(task["into"]) as file:
        for line in map(json.loads, file):
            if line["expires"] and line["expires"] <= now:
                continue
            server.ask(b"SELECT", b"%d" % line["db"])
            expires = b"%d" % line["expires"]
            key, value = base64.b64decode(line["key"]), base64.b64decode(line["value"])
            server.ask(b"RESTORE", key, expires, value, b"REPLACE", b"ABSTTL")
    return {"changed": True}


def main() -> None:
    task = json.load(sys.stdin)
    verbs = {"measure": measure, "capture": capture, "verify": verify, "restore": restore}
    verbs |= {"describe": describe, "backlog": backlog}
    try:
        server = Server(task["host"], task["port"], task["password"])
        result = verbs[task["verb"]](server, task)
    except (OSError, Refused) as error:
        fail(str(error))
    text = base64.b64encode(json.dumps(result).encode()).decode()
    for start in range(0, len(text), 1000):
        print("homeport-result:", text[start : start + 1000])


if __name__ == "__main__":
    main()
