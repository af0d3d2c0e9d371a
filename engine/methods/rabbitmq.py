"""The guest's own RabbitMQ: a virtual host and a user for the application, made once.

What is made is told by standard input, as definitions, and the password is never in it
(`engine.password_hashes`). Expressions that `rabbitmqctl eval` is given have a checked name in
them, and nothing else that varies: Debian's `rabbitmqctl` hands its arguments to a shell.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.errors import InvalidInput, RemoteFailure
from engine.guests.protocols import Completed
from engine.methods import systemd
from engine.methods.in_turn import Command, run_in_turn
from engine.methods.place import Place
from engine.password_hashes import rabbit_hash

DEBIAN_PACKAGE = "rabbitmq-server"
UNIT = "rabbitmq-server.service"
PORT = 5672
SECRET = "rabbitmq-password"
TRIES = 1
"""Commands of `login_tried`."""
_START_SECONDS = 60.0
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_LOCKED = "connection limit (0)"
"""In what the server says to a user that may have no connection."""
_ENVIRONMENT = """\
# Written by Homeport.
NODENAME=rabbit@localhost
NODE_IP_ADDRESS={address}
SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {{127,0,0,1}}"
"""
"""By the distribution's default it listens at every address, and its data are found under the
name that the machine had when it was installed."""

_MAPPER = b"[Socket]\nListenStream=\nListenStream=127.0.0.1:4369\n"
"""Of Erlang's port mapper, which listens at every address, too."""


@dataclass(frozen=True)
class Account:
    vhost: str
    username: str

    @classmethod
    def of(cls, application: str) -> Account:
        """Names for an application's virtual host and user."""
        name = application.replace("-", "_")
        if not _NAME.fullmatch(name):
            raise InvalidInput("this cannot name a virtual host", on=application)
        return cls(name, name)


def prepare(place: Place) -> None:
    """Before it is installed: Debian starts it at once, and so it starts as it shall be."""
    etc = f"{place.facts.root}/etc"
    directory, mapper = f"{etc}/rabbitmq", f"{etc}/systemd/system/epmd.socket.d"
    if place.exists(f"{directory}/rabbitmq-env.conf"):
        return
    place.run("mkdir", "-p", "--", directory, mapper)
    place.write(f"{mapper}/homeport.conf", _MAPPER)
    text = _ENVIRONMENT.format(address=place.facts.loopback)
    place.write(f"{directory}/rabbitmq-env.conf", text.encode())


def ensure_rabbitmq(place: Place, random_salt: Callable[[int], bytes]) -> None:
    """The installed server runs and has the application's virtual host and user, who may connect,
    and not the one with the well-known password that it begins with."""
    systemd.enable(place, UNIT)
    known_by = rabbit_hash(place.app.read_secret(SECRET), random_salt(4))
    account = Account.of(place.app.package.id)
    definitions = setup_input(account, known_by).encode()
    with place.work.spent("application-start"):
        systemd.start(place, UNIT)
        _import_when_ready(place, definitions)
    run_in_turn(place, _evaluated(place, f"{_WITHOUT_GUEST},\n{_ALLOW}"))


def login_allowed(place: Place, *, allowed: bool) -> Command:
    """May the application's user open connections? Where not, those it has are ended."""
    return _evaluated(place, _ALLOW if allowed else _REFUSE)


def _evaluated(place: Place, expression: str) -> Command:
    """NAME in it is the application's user."""
    name = f'<<"{Account.of(place.app.package.id).username}">>'
    return Command(("rabbitmqctl", "--quiet", "eval", expression.replace("NAME", name)))


def login_tried(place: Place) -> tuple[Command, ...]:
    """A connection of the application's user, with its password."""
    account = Account.of(place.app.package.id)
    task = {
        "host": place.facts.loopback,
        "port": PORT,
        "vhost": account.vhost,
        "username": account.username,
        "password": place.app.read_secret(SECRET),
    }
    words = ("python3", "-I", "-S", "-c", _LOGIN)
    return (Command(words, json.dumps(task).encode(), may_fail=True),)


def is_refused(tried: Sequence[Completed]) -> bool:
    """What came of `login_tried`."""
    [login] = tried
    return login.status != 0 and _LOCKED in login.stderr


def setup_input(account: Account, known_by: str) -> str:
    """Definitions as RabbitMQ imports them; what is there beside them stays."""
    user = {"name": account.username, "password_hash": known_by, "tags": ""}
    rights = {"user": account.username, "vhost": account.vhost}
    return json.dumps(
        {
            "users": [user | {"hashing_algorithm": "rabbit_password_hashing_sha256"}],
            "vhosts": [{"name": account.vhost}],
            "permissions": [rights | {"configure": ".*", "write": ".*", "read": ".*"}],
        }
    )


def _import_when_ready(place: Place, definitions: bytes) -> None:
    deadline = time.monotonic() + _START_SECONDS
    words = ("rabbitmqctl", "--quiet", "import_definitions")
    while (done := place.run(*words, data=definitions, check=False)).status != 0:
        if time.monotonic() > deadline:
            raise RemoteFailure(
                "the virtual host cannot be made",
                on=f"RabbitMQ at {place.facts.address}",
                why=(done.stderr or done.stdout).strip()[-1000:],
                do="Look at the server's log on the guest (/var/log/rabbitmq), then retry.",
            )
        time.sleep(0.2)


_WITHOUT_GUEST = """\
case rabbit_auth_backend_internal:exists(<<"guest">>) of
  true -> rabbit_auth_backend_internal:delete_user(<<"guest">>, <<"homeport">>);
  false -> ok
end"""
_ALLOW = """\
ok = rabbit_auth_backend_internal:clear_user_limits(NAME, <<"max-connections">>,
  <<"homeport">>)."""
_REFUSE = """\
ok = rabbit_auth_backend_internal:set_user_limits(NAME, #{<<"max-connections">> => 0},
  <<"homeport">>),
[rabbit_networking:close_connection(element(6, C), "it is stopped")
  || C <- rabbit_connection_tracking:list_of_user(NAME)],
ok."""
_LOGIN = """\
import json, socket, struct, sys
task = json.load(sys.stdin)
def short(text):
    return bytes([len(text.encode())]) + text.encode()
def say(group, method, words):
    text = struct.pack(">HH", group, method) + words
    server.sendall(struct.pack(">BHI", 1, 0, len(text)) + text + b"\\xce")
def hear(group, method):
    kind, _, size = struct.unpack(">BHI", read(7))
    text = read(size + 1)[:-1]
    if kind != 1:
        return hear(group, method)
    if struct.unpack(">HH", text[:4]) != (group, method):
        sys.exit(text[7:7 + text[6]].decode(errors="replace"))
def read(size):
    text = b""
    while len(text) < size:
        text += server.recv(size - len(text)) or sys.exit("it has ended the connection")
    return text
with socket.create_connection((task["host"], task["port"]), 20) as server:
    server.sendall(b"AMQP\\0\\0\\x09\\1")
    hear(10, 10)
    login = ("\\0%(username)s\\0%(password)s" % task).encode()
    none = struct.pack(">I", 0)
    say(10, 11, none + short("PLAIN") + struct.pack(">I", len(login)) + login + short("C"))
    hear(10, 30)
    say(10, 31, struct.pack(">HIH", 9, 131072, 0))
    say(10, 40, short(task["vhost"]) + short("") + b"\\0")
    hear(10, 41)
"""
"""A client's first words (AMQP 0-9-1, section 2.2.4), until it is let in or told why not."""
