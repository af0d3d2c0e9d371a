"""A guest's PostgreSQL cluster becomes a physical standby of another guest's, and then its own.

The copy is made beside the cluster while that one runs; then the two change places, and the old
one is kept until the move is over. What belongs to this host stays as it is here: the
configuration files, wherever they lie. The password of the standby's role is made here and never
leaves this guest; the source is told its SCRAM verifier. Each verb may be killed anywhere and be
called again: what is done is seen from what lies there.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from typing import Any, NoReturn

_AS_SERVER = ["runuser", "-u", "postgres", "--"]
_PSQL = [*_AS_SERVER, "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
_PSQL += ["-d", "postgres", "-f", "-"]
_UNIT = "postgresql.service"
_FRESH, _BEFORE, _PASS = ".homeport-fresh", ".homeport-before", ".homeport-pass"
_MARK = "homeport-standby"
"""A file in the cluster: {"move": name, "promoted": bool}; written when the copy is whole."""
_SURVEY = "homeport-survey"
"""What `programs.survey` keeps there; of no worth once the move is over."""
_AUTO = "postgresql.auto.conf"
_SERVER_OWN = ("server.crt", "server.key", "root.crt", "root.crl")
_OWN = ("postgresql.conf", "pg_hba.conf", "pg_ident.conf", _AUTO, *_SERVER_OWN)
_PROGRESS = re.compile(r"\s*([0-9]+)/([0-9]+) kB")
_SECONDS = 120.0
_POLL = 0.05


def fail(why: str) -> NoReturn:
    print(why, file=sys.stderr, flush=True)
    sys.exit(1)


def ask(sql: str) -> str | None:
    """None where the server does not answer."""
    done = subprocess.run(_PSQL, input=sql, capture_output=True, text=True, check=False)
    if done.returncode == 2:
        return None
    if done.returncode != 0:
        fail(done.stderr.strip()[-800:])
    return done.stdout.strip()


def wait_for(sql: str, wanted: str, seconds: float = _SECONDS) -> bool:
    """Until the server's answer is this; False where it is not in time."""
    deadline = time.monotonic() + seconds
    while ask(sql) != wanted:
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL)
    return True


class Cluster:
    """The cluster of this guest, whether its server runs or not.

    task: desk, the move's directory here; move, its name; role of the standby.
    """

    def __init__(self, task: dict[str, Any]) -> None:
        self.task = task
        self.memo = os.path.join(task["desk"], "standby.json")
        self.data, self.settings = "", {}
        if os.path.exists(self.memo):
            with open(self.memo) as file:
                known = json.load(file)
            self.data, self.settings = known["data"], known["settings"]

    @property
    def fresh(self) -> str:
        return self.data + _FRESH

    @property
    def before(self) -> str:
        return self.data + _BEFORE

    @property
    def passfile(self) -> str:
        return self.data + _PASS

    def begin(self) -> None:
        """From here on the move knows where the cluster is, running or not."""
        if self.data:
            return
        data = ask("SHOW data_directory;")
        if data is None:
            fail("PostgreSQL does not answer at the target")
        self.data, self.settings = data, self.task["settings"]
        known = {"data": self.data, "settings": self.settings}
        self._write(self.memo, json.dumps(known), owned=False)

    def mark(self, directory: str) -> dict[str, Any]:
        """Of this move in that directory; empty where there is none."""
        try:
            with open(os.path.join(directory, _MARK)) as file:
                found: dict[str, Any] = json.load(file)
        except FileNotFoundError:
            return {}
        return found if found["move"] == self.task["move"] else {}

    def state(self) -> str:
        """none, begun, following, streaming (it is sent what is written) or promoted."""
        if not self.data:
            return "none"
        found = self.mark(self.data)
        if not found:
            return "begun"
        if found["promoted"]:
            return "promoted"
        return "streaming" if ask(_STREAMING) == "1" else "following"

    def verifier(self) -> str:
        """Of the role's password, which is made once."""
        if not os.path.exists(self.passfile):
            password = secrets.token_urlsafe(32)
            self._write(self.passfile, f"*:*:*:{self.task['role']}:{password}\n")
        with open(self.passfile) as file:
            password = file.read().strip().rpartition(":")[2]
        salt = hashlib.sha256(self.task["move"].encode()).digest()[:16]
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 4096)
        client, server = (hmac.digest(salted, w, "sha256") for w in (b"Client Key", b"Server Key"))
        parts = (salt, hashlib.sha256(client).digest(), server)
        encoded = [base64.b64encode(part).decode() for part in parts]
        return f"SCRAM-SHA-256$4096:{encoded[0]}${encoded[1]}:{encoded[2]}"

    def copy(self) -> int:
        """The source's cluster beside this one, whole when its mark is there. Bytes."""
        if self.mark(self.fresh):
            return 0
        shutil.rmtree(self.fresh, ignore_errors=True)
        os.mkdir(self.fresh, 0o700)
        self._give(self.fresh)
        words = ["pg_basebackup", f"--dbname={self._conninfo()}", f"--pgdata={self.fresh}"]
        words += ["--wal-method=stream", "--checkpoint=fast", "--progress", "--no-password"]
        words += ["--no-manifest"]  # nobody reads it: the pages have sums, and are compared
        done, said = 0, ""
        with subprocess.Popen(
            [*_AS_SERVER, *words], stderr=subprocess.PIPE, text=True, close_fds=False
        ) as running:
            assert running.stderr is not None
            for line in running.stderr:  # a carriage return ends a line, too
                if found := _PROGRESS.match(line):
                    done = int(found[1]) << 10
                    print("homeport-progress:", done, int(found[2]) << 10, flush=True)
                else:
                    said += line
        if running.returncode != 0:
            fail(said.strip()[-1200:] or f"pg_basebackup ended with status {running.returncode}")
        self._make_own()
        return done

    def change_places(self) -> None:
        """The copy is the cluster, and the one of before is kept beside it."""
        self.stop()
        if os.path.exists(self.data):
            if os.path.exists(self.before):
                shutil.rmtree(self.data)
            else:
                os.rename(self.data, self.before)
        os.rename(self.fresh, self.data)
        self._sync_names()
        self.start()

    def reaches_source(self) -> bool:
        """Where it does, and is not sent what it lacks, the source does not have that any more."""
        words = ["pg_isready", "-q", f"--host={self.task['host']}", f"--port={self.task['port']}"]
        return subprocess.run([*_AS_SERVER, *words], check=False).returncode == 0

    def put_back(self) -> None:
        """The cluster of before, running; nothing of the copy."""
        if os.path.exists(self.before):
            self.stop()
            shutil.rmtree(self.data, ignore_errors=True)
            os.rename(self.before, self.data)
            self._sync_names()
        shutil.rmtree(self.fresh, ignore_errors=True)
        self.start()

    def stop(self) -> None:
        """The service's stop may come back before the server has ended."""
        systemctl("stop")
        pid = os.path.join(self.data, "postmaster.pid")
        deadline = time.monotonic() + _SECONDS
        while os.path.exists(pid) and alive(pid):
            if time.monotonic() > deadline:
                fail("PostgreSQL at the target does not stop")
            time.sleep(_POLL)

    def start(self) -> None:
        systemctl("reset-failed", must=False)
        systemctl("start")
        if not wait_for("SELECT 1;", "1"):
            fail("PostgreSQL at the target does not start; see its log: journalctl -u postgresql")

    def settle(self) -> None:
        """After the promotion: nothing of the standby in the cluster, which says what it is."""
        own = os.path.join(self._ours(), _AUTO)
        with open(own if os.path.exists(own) else os.devnull) as file:
            self._write(os.path.join(self.data, _AUTO), file.read())
        ask(f'DROP ROLE IF EXISTS "{self.task["role"]}"; SELECT pg_reload_conf();')
        self._write_mark(self.data, promoted=True)
        self._drop_password()

    def leave(self) -> None:
        """The move is over: promoted, it keeps the new cluster, else the one of before."""
        if self.state() == "promoted":
            shutil.rmtree(self.before, ignore_errors=True)
            for name in (_SURVEY, _MARK):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(self.data, name))
        elif self.data:
            self.put_back()
        if self.data:
            self._drop_password()
            os.unlink(self.memo)

    def _make_own(self) -> None:
        for name in _OWN:
            own, copied = (os.path.join(top, name) for top in (self._ours(), self.fresh))
            if os.path.exists(own):
                shutil.copy2(own, copied)
                self._give(copied)
            elif os.path.exists(copied):
                os.unlink(copied)
        lines = [f"primary_conninfo = '{self._conninfo().replace(chr(39), chr(39) * 2)}'"]
        # What is read here to be compared is not broken off by what the source removes.
        lines += ["max_standby_streaming_delay = -1", "hot_standby = on"]
        # A standby must allow at least as much as its source does, or it does not start.
        lines += [f"{name} = {value}" for name, value in self.settings.items()]
        for name in (_MARK, _SURVEY):
            if os.path.exists(os.path.join(self.fresh, name)):
                os.unlink(os.path.join(self.fresh, name))
        auto = os.path.join(self.fresh, _AUTO)
        with open(auto, "a") as file:
            file.write("".join(f"{line}\n" for line in lines))
        self._give(auto)
        self._write(os.path.join(self.fresh, "standby.signal"), "")
        self._write_mark(self.fresh, promoted=False)

    def _conninfo(self) -> str:
        fields = {
            "host": self.task["host"],
            "port": str(self.task["port"]),
            "user": self.task["role"],
            "passfile": self.passfile,
            "application_name": self.task["role"],
            "sslmode": "disable",  # inside SSH
        }
        escaped = {k: v.replace("\\", "\\\\").replace("'", "\\'") for k, v in fields.items()}
        return " ".join(f"{key}='{value}'" for key, value in escaped.items())

    def _write_mark(self, directory: str, *, promoted: bool) -> None:
        text = json.dumps({"move": self.task["move"], "promoted": promoted})
        self._write(os.path.join(directory, _MARK), text)

    def _write(self, path: str, text: str, *, owned: bool = True) -> None:
        """In one piece, for the server's user alone."""
        descriptor = os.open(f"{path}.part", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        if owned:
            self._give(f"{path}.part")
        os.rename(f"{path}.part", path)

    def _give(self, path: str) -> None:
        """To the owner of the clusters here."""
        if os.geteuid() == 0:
            status = os.stat(self._ours())
            os.chown(path, status.st_uid, status.st_gid)

    def _ours(self) -> str:
        """The cluster that this guest had before the move."""
        return self.before if os.path.exists(self.before) else self.data

    def _drop_password(self) -> None:
        if os.path.exists(self.passfile):
            os.unlink(self.passfile)

    def _sync_names(self) -> None:
        descriptor = os.open(os.path.dirname(self.data), os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def systemctl(verb: str, *, must: bool = True) -> None:
    done = subprocess.run(["systemctl", verb, _UNIT], capture_output=True, text=True, check=False)
    if must and done.returncode != 0:
        fail(done.stderr.strip()[-800:] or f"systemctl {verb} ended with {done.returncode}")


_RECEIVING = """
SELECT count(*) FROM pg_stat_wal_receiver JOIN pg_stat_activity USING (pid)
 WHERE status = 'streaming' AND backend_start < now() - interval '2 s'
"""
"""A receiver says so, too, for the moment until the source answers that it has not got that WAL any
more; then it ends."""
_STREAMING = f"{_RECEIVING};"
_FOLLOWING = f"""
SELECT CASE WHEN pg_last_wal_replay_lsn() >= '{{lsn}}'::pg_lsn THEN 1 ELSE ({_RECEIVING}) END;
"""
"""What was written after the copy is here, which came by streaming; or more is on its way."""


def alive(pidfile: str) -> bool:
    try:
        with open(pidfile) as file:
            os.kill(int(file.readline()), 0)
    except (OSError, ValueError):
        return False
    return True


_RECOVERING = "SELECT pg_is_in_recovery();"
_LAG = """
SELECT greatest('{lsn}'::pg_lsn - replayed, 0)::bigint FROM pg_last_wal_replay_lsn() AS replayed
 WHERE replayed IS NOT NULL;
"""


def state(cluster: Cluster) -> dict[str, Any]:
    return {"state": cluster.state()}


def prepare(cluster: Cluster) -> dict[str, Any]:
    cluster.begin()
    return {"verifier": cluster.verifier()}


def copy(cluster: Cluster) -> dict[str, Any]:
    """A standby of the source's, running, whether it gets to the source or not. bytes: that were
    copied; none where it was here already."""
    if cluster.state() in ("following", "streaming"):
        cluster.start()
        return {"bytes": 0}
    copied = cluster.copy()
    cluster.change_places()
    return {"bytes": copied}


def follow(cluster: Cluster) -> dict[str, Any]:
    """task: lsn, where the source was after the copy. behind: bytes of WAL up to there. follows:
    where the source has no WAL for it any more, it is gone, and has to be copied anew."""
    lsn = lsn_of(cluster)
    if wait_for(_FOLLOWING.format(lsn=lsn), "1", 30.0):
        return {"follows": True, "behind": lag(lsn) or 0}
    if not cluster.reaches_source():
        fail("the target's PostgreSQL does not get to the source's; what it has is kept")
    cluster.stop()
    shutil.rmtree(cluster.data)
    return {"follows": False}


def lag(lsn: str) -> int | None:
    """Bytes of WAL up to there that are not replayed yet; None where the server does not say."""
    found = ask(_LAG.format(lsn=lsn))
    return int(found) if found else None


def promote(cluster: Cluster) -> dict[str, Any]:
    """Everything up to task's lsn is here, and the cluster is one of its own. bytes: of WAL
    that it still waited for."""
    behind = 0
    if (recovering := ask(_RECOVERING)) is None:
        cluster.start()
        recovering = ask(_RECOVERING)
    if recovering is None:
        fail("PostgreSQL does not answer at the target")
    if recovering == "t":
        behind = wait_until_replayed(lsn_of(cluster))
        if ask("SELECT pg_promote(true, 120);") != "t":
            fail("PostgreSQL at the target did not become a server of its own in 120 s")
    cluster.settle()
    return {"bytes": behind}


def wait_until_replayed(lsn: str) -> int:
    """As long as there is progress. Bytes of WAL that were missing."""
    deadline = time.monotonic() + _SECONDS
    first = best = left = lag(lsn)
    while left != 0:
        if left is not None and (best is None or left < best):
            deadline, best = time.monotonic() + _SECONDS, left
        if time.monotonic() > deadline:
            fail(f"the target's PostgreSQL stays {best} bytes of WAL behind the source's")
        time.sleep(_POLL)
        left = lag(lsn)
    return first or 0


def lsn_of(cluster: Cluster) -> str:
    lsn = str(cluster.task["lsn"])
    if not re.fullmatch(r"[0-9A-F]{1,8}/[0-9A-F]{1,8}", lsn):
        fail(f"{lsn!r} is no place in the WAL")
    return lsn


def leave(cluster: Cluster) -> dict[str, Any]:
    cluster.leave()
    return {}


def main() -> None:
    task = json.load(sys.stdin)
    os.chdir("/")
    verbs = {each.__name__: each for each in (state, prepare, copy, follow, promote, leave)}
    try:
        result = verbs[task["verb"]](Cluster(task))
    except OSError as error:
        fail(str(error))
    text = base64.b64encode(json.dumps(result).encode()).decode()
    print("homeport-result:", text)


if __name__ == "__main__":
    main()
