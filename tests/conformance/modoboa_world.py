"""A real Modoboa behind TLS, whose database a real Dovecot and a real Postfix read, for tests.

Its owner's account has all rights; Homeport's is made by the very commands of the guided setup. The
instance is made once, beside the packages in the cache, for its migrations take a while.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from engine.backends.mail.modoboa.rights import set_up_commands
from engine.private_files import exclusive
from tests.cached_packages import cached_environment
from tests.conformance.dns_worlds import free_port
from tests.conformance.mail_world import (
    DOMAIN,
    MASTER,
    PostWorld,
    need_mail_programs,
    new_host,
)
from tests.conformance.openbao_world import make_tls
from tests.conformance.redis_socket import redis_at

VERSION = "2.12.0"
TOKEN = "secret:providers/home/modoboa"
OTHER_DOMAIN = "else.lab"
"""One of the owner's, which Homeport's account knows nothing of."""
_STARTUP = 60.0
_OVERRIDES = "rrdtool-bindings; python_version < '3'\n"
"""Draws the statistics of a log, and is built with a library that nothing else here needs."""

_ACCOUNTS = """\
passdb {{
  driver = sql
  args = {directory}/dovecot-sql.conf
}}
userdb {{
  driver = sql
  args = {directory}/dovecot-sql.conf
}}
"""
_QUERIES = """\
driver = sqlite
connect = {directory}/modoboa/modoboa.db
password_query = SELECT u.email AS user, u.password FROM core_user u \\
  JOIN admin_mailbox mb ON mb.user_id = u.id JOIN admin_domain d ON d.id = mb.domain_id \\
  WHERE u.email = '%u' AND u.is_active AND d.enabled \\
  AND NOT (mb.is_send_only AND '%s' IN ('imap', 'pop3'))
user_query = SELECT {uid} AS uid, {gid} AS gid, '{directory}/vmail/%d/%n' AS home \\
  FROM admin_mailbox mb JOIN admin_domain d ON d.id = mb.domain_id \\
  WHERE mb.address = '%n' AND d.name = '%d' \\
  AND NOT (mb.is_send_only AND '%s' IN ('imap', 'pop3', 'lmtp'))
"""
"""As Modoboa's own installer writes them."""
_MAPS = """\
virtual_mailbox_maps = sqlite:{directory}/maps/sql-aliases.cf
virtual_alias_maps = sqlite:{directory}/maps/sql-aliases.cf
smtpd_sender_login_maps = sqlite:{directory}/maps/sql-sender-login-map.cf
"""
_SETTINGS = """
ALLOWED_HOSTS = ["{host}"]
DATABASES["default"]["NAME"] = "{directory}/modoboa/modoboa.db"
DATABASES["default"]["OPTIONS"] = {{"transaction_mode": "IMMEDIATE", "timeout": 30}}
REDIS_URL = "unix://{directory}/redis"
CACHES["default"]["LOCATION"] = REDIS_URL
for queue in RQ_QUEUES.values():
    queue["URL"] = REDIS_URL
"""
_OWNER = """
from django.core.management import call_command
from modoboa.admin.models import Domain
from modoboa.core.models import User
from rest_framework.authtoken.models import Token

owner = User.objects.get(username="admin")
for name in {domains}:
    Domain(name=name, enabled=True).save(creator=owner)
call_command("generate_postfix_maps", destdir="{directory}/maps")
print(Token.objects.get_or_create(user=owner)[0].key)
"""
_SERVER = """
import ssl, sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from instance.wsgi import application

class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64

class Handler(WSGIRequestHandler):
    def address_string(self):
        return self.client_address[0]

host, port, certificate, key = sys.argv[1:]
server = make_server(host, int(port), application, Server, Handler)
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(certificate, key)
server.socket = context.wrap_socket(
    server.socket, server_side=True, do_handshake_on_connect=False
)
server.serve_forever()
"""


@dataclass
class ModoboaWorld(PostWorld):
    environment: dict[str, str] = field(default_factory=dict)
    web_port: int = field(default_factory=free_port)
    owner_token: str = ""
    token: str = ""
    web: subprocess.Popen[bytes] | None = None

    kind = "modoboa"
    kept = ("accounts", "aliases")

    @property
    def url(self) -> str:
        return f"https://{self.host}:{self.web_port}"

    @property
    def settings(self) -> dict[str, Any]:
        return {**self.sent_from, "url": self.url, "token_ref": TOKEN}

    @property
    def secrets(self) -> dict[str, str]:
        return {TOKEN: self.token}

    @property
    def log(self) -> Path:
        return self.directory / "modoboa.log"

    def seen(self) -> list[Any]:
        return self.rows(
            "SELECT u.username, u.first_name, u.last_name, u.password, u.is_active, mb.quota, "
            "mb.is_send_only FROM core_user u JOIN admin_mailbox mb ON mb.user_id = u.id"
        ) + self.rows(
            "SELECT al.address, al.internal, al.enabled, al.description, to_.address "
            "FROM admin_alias al JOIN modoboa_admin_aliasrecipient to_ ON to_.alias_id = al.id"
        )

    def rows(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(self.directory / "modoboa/modoboa.db")) as database:
            return sorted(database.execute(query), key=repr)

    @contextmanager
    def anothers(self, kept: str, address: str) -> Iterator[None]:
        made = self.owner_makes(kept, address)
        try:
            yield
        finally:
            if kept == "accounts":
                self.owner_asks("POST", f"accounts/{made}/delete/", {})
            else:
                self.owner_asks("DELETE", f"aliases/{made}/")

    def owner_makes(self, kept: str, address: str, password: str = "Own-12345678") -> int:
        if kept == "accounts":
            told = {"username": address, "role": "SimpleUsers", "password": password}
            told |= {"mailbox": {"quota": "0"}}
        else:
            told = {"address": address, "recipients": [MASTER]}
        return int(self.owner_asks("POST", f"{kept}/", told).json()["pk"])

    def owner_asks(
        self, method: str, path: str, told: dict[str, Any] | None = None
    ) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(
                method,
                f"{self.url}/api/v2/{path}",
                json=told,
                headers={"Authorization": f"Token {self.owner_token}"},
                verify=str(self.directory / "ca.pem"),
                timeout=60,
            )
        if answer.status_code == 429:
            time.sleep(float(answer.headers["Retry-After"]))  # as it says
            return self.owner_asks(method, path, told)
        assert answer.ok, answer.text
        return answer

    def in_shell(self, commands: str) -> str:
        """What its owner's commands print last."""
        done = subprocess.run(
            ["sh", "-c", commands],
            cwd=self.directory / "modoboa",
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout.split()[-1]

    def start_web(self) -> None:
        files = (str(self.directory / "server.pem"), str(self.directory / "server.key"))
        with self.log.open("ab") as log:
            self.web = subprocess.Popen(
                ["python", "-c", _SERVER, self.host, str(self.web_port), *files],
                cwd=self.directory / "modoboa",
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _STARTUP
        while True:
            assert self.web.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < deadline, self.log.read_text()[-3000:]
            try:
                self.owner_asks("GET", "domains/")
            except requests.RequestException:
                time.sleep(0.1)
            else:
                return

    def stop_web(self) -> None:
        if self.web is not None:
            os.killpg(self.web.pid, signal.SIGKILL)
            self.web.wait()
            self.web = None


@contextmanager
def modoboa_world() -> Iterator[ModoboaWorld]:
    need_mail_programs()
    lacking = [name for name in ("dovecot", "postfix") if not _reads_sqlite(name)]
    if lacking:
        pytest.skip(f"needs the apt packages {', '.join(f'{name}-sqlite' for name in lacking)}")
    place = cached_environment(f"modoboa=={VERSION}", overrides=_OVERRIDES)
    with ExitStack() as stack:
        directory = Path(tempfile.mkdtemp(prefix="hp-modoboa-"))
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        stack.enter_context(redis_at(directory / "redis"))
        host = new_host()
        world = ModoboaWorld(directory, host, make_tls(directory, host))
        world.environment = _environment(place, directory)
        world.prepare(_ACCOUNTS, _MAPS)
        _install(place, world)
        stack.callback(world.stop_web)
        world.start_web()
        world.owner_makes("accounts", MASTER, world.master_password)
        stack.enter_context(world.running())
        yield world


def _reads_sqlite(program: str) -> bool:
    found = {
        "dovecot": "/usr/lib/dovecot/modules/auth/libdriver_sqlite.so",
        "postfix": "/usr/lib/postfix/postfix-sqlite.so",
    }
    return Path(found[program]).exists()


def _environment(place: Path, home: Path) -> dict[str, str]:
    return {"PATH": f"{place / 'bin'}:{os.environ['PATH']}", "HOME": str(home)}


def _install(place: Path, world: ModoboaWorld) -> None:
    """A copy of the instance that was made, with an owner and their domains."""
    directory = world.directory
    values = {"directory": directory, "host": world.host, "uid": 65534, "gid": 65534}
    shutil.copytree(_instance(place, directory / "redis"), directory / "modoboa")
    with (directory / "modoboa/instance/settings.py").open("a") as settings:
        settings.write(_SETTINGS.format(**values))
    (directory / "dovecot-sql.conf").write_text(_QUERIES.format(**values))
    script = _OWNER.format(domains=[DOMAIN, OTHER_DOMAIN], **values)
    world.owner_token = world.in_shell(f"python manage.py shell <<'END'\n{script}\nEND")
    world.token = world.in_shell(set_up_commands(DOMAIN))
    _mend(directory / "maps/sql-sender-login-map.cf")


def _mend(senders: Path) -> None:
    """SQLite takes no parentheses around a part of a union, as that of Modoboa has."""
    text = senders.read_text()
    assert "UNION (SELECT" in text
    senders.write_text(text.replace("UNION (SELECT", "UNION SELECT").rstrip().removesuffix(")"))


def _instance(place: Path, redis: Path) -> Path:
    made = place / "instance"
    with exclusive(place / "instance.lock"):
        if not made.exists():
            with tempfile.TemporaryDirectory(dir=place) as name:
                database = f"default:sqlite:///{name}/instance/modoboa.db"
                argv = [
                    str(place / "bin/modoboa-admin.py"),
                    *("deploy", "instance", "--dburl", database),
                    *("--domain", "localhost", "--redisurl", f"unix://{redis}"),
                ]
                done = subprocess.run(
                    argv,
                    cwd=name,
                    env=_environment(place, Path(name)),
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    check=False,
                )
                assert done.returncode == 0, done.stderr[-3000:]
                assert "failed" not in done.stderr, done.stderr[-3000:]
                (Path(name) / "instance").rename(made)
    return made
