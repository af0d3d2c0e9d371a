"""A real mail server for tests: Postfix takes mail by submission with TLS, Dovecot says who may
send and keeps the mailboxes. Where they look accounts up is each world's own: here it is files, and
a small SSH server lets Homeport's own user in.

Postfix's master has to be root. Homeport's user is nobody, who may write into one directory.
"""

from __future__ import annotations

import imaplib
import os
import secrets
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any, ClassVar

import pytest
from passlib.hash import sha512_crypt

from tests.conformance.dns_worlds import free_port
from tests.conformance.openbao_world import make_tls
from tests.deployed import wait_until
from tests.unit.ssh_server import Server, ssh_server

SSH_HOST = "127.0.0.1"
DOMAIN = "test.lab"
TAKEN = f"taken@{DOMAIN}"
"""An alias of the owner's, in a map of their own."""
MASTER = f"master@{DOMAIN}"
"""The owner's own mailbox, which gets what returns."""
REFERENCE = "secret:providers/home/mail-key"
_NOBODY, _NOGROUP = 65534, 65534
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
FILES = ("users", "mailboxes", "aliases")

_DOVECOT = """\
base_dir = {directory}/dovecot
state_dir = {directory}/dovecot
log_path = {directory}/dovecot/log
protocols = imap lmtp
listen = {host}
ssl = no
disable_plaintext_auth = no
auth_failure_delay = 0
default_internal_user = nobody
default_internal_group = nogroup
default_login_user = nobody
first_valid_uid = 1
mail_location = maildir:~/Maildir
{accounts}
service auth {{
  inet_listener {{
    port = {auth}
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service lmtp {{
  inet_listener {{
    port = {lmtp}
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
"""
_USERS = """\
passdb {{
  driver = passwd-file
  args = {directory}/homeport/users
}}
userdb {{
  driver = passwd-file
  args = {directory}/homeport/users
  default_fields = uid={uid} gid={gid} home={directory}/vmail/%d/%n
}}
"""
_MAPS = """\
virtual_mailbox_maps = hash:{directory}/homeport/mailboxes
virtual_alias_maps = hash:{directory}/others, hash:{directory}/homeport/aliases
smtpd_sender_login_maps = regexp:{directory}/own-name
"""
_MAIN = """\
compatibility_level = 3.6
queue_directory = {directory}/queue
data_directory = {directory}/data
maillog_file = {directory}/postfix.log
maillog_file_prefixes = {directory}
myhostname = mail.{domain}
mydestination =
local_recipient_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
virtual_mailbox_domains = {domain}
{maps}
virtual_transport = lmtp:inet:{host}:{lmtp}
default_transport = error:outbound disabled
smtpd_tls_cert_file = {directory}/server.pem
smtpd_tls_key_file = {directory}/server.key
smtpd_tls_security_level = encrypt
smtpd_tls_auth_only = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:{host}:{auth}
smtpd_sasl_auth_enable = yes
smtpd_sender_restrictions = reject_sender_login_mismatch
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_delay_reject = yes
"""
_MASTER = """\
{host}:{submission} inet n - n - - smtpd
{host}:{smtps} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
tlsmgr unix - - n 1000? 1 tlsmgr
error unix - - n - - error
retry unix - - n - - error
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


def new_password() -> str:
    return f"Canary-{secrets.token_hex(12)}"


@dataclass
class PostWorld:
    """Postfix with Dovecot, which can be stopped and started, and their owner."""

    directory: Path
    host: str
    """A loopback address that nobody else has: its ports are nobody's in between, either."""
    ca_pem: str
    ports: dict[str, int] = field(
        default_factory=lambda: {
            name: free_port() for name in ("submission", "smtps", "imap", "lmtp", "auth")
        }
    )
    master_password: str = field(default_factory=new_password)
    postfix: subprocess.Popen[bytes] | None = None

    kind: ClassVar[str]
    """Of the driver that keeps its accounts."""
    kept: ClassVar[tuple[str, ...]]
    """Where somebody else may have an address."""

    @property
    def sent_from(self) -> dict[str, Any]:
        """Settings that are the same whatever keeps the accounts."""
        return {
            "host": self.host,
            "domain": DOMAIN,
            "port": self.ports["submission"],
            "ca_pem": self.ca_pem,
            "returns_to": MASTER,
        }

    @property
    def settings(self) -> dict[str, Any]:
        """What the user writes into the provider's profile."""
        raise NotImplementedError

    @property
    def secrets(self) -> dict[str, str]:
        """By reference in the settings."""
        raise NotImplementedError

    def seen(self) -> Any:
        """What its owner sees of all accounts."""
        raise NotImplementedError

    @contextmanager
    def anothers(self, kept: str, address: str) -> Iterator[None]:
        """Its owner has the address there, meanwhile."""
        raise NotImplementedError
        yield

    def start(self) -> None:
        argv = ["postfix", "-c", str(self.directory / "postfix"), "start-fg"]
        self.postfix = _started(argv)
        wait_until(lambda: all(_listens(self.host, port) for port in self.ports.values()), 60)

    def stop(self) -> None:
        """Of Postfix alone."""
        if self.postfix is not None:
            master = (self.directory / "queue/pid/master.pid").read_text()
            os.killpg(int(master), signal.SIGTERM)  # it leads a session of its own
            self.postfix.wait(30)
            self.postfix = None

    def send(self, user: str, password: str, to: str, text: str, sender: str = "") -> None:
        """As an application would; smtplib's errors."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = sender or user, to, text
        message.set_content(text)
        with smtplib.SMTP(self.host, self.ports["submission"], timeout=30) as client:
            client.starttls(context=ssl.create_default_context(cadata=self.ca_pem))
            client.login(user, password)
            client.send_message(message)

    def subjects(self, address: str, password: str) -> list[str]:
        """Of what is in the mailbox; imaplib's errors."""
        with imaplib.IMAP4(self.host, self.ports["imap"], timeout=30) as client:
            client.login(address, password)
            client.select()
            found = []
            for number in client.search(None, "ALL")[1][0].split():
                part = client.fetch(number, "(BODY[HEADER.FIELDS (SUBJECT)])")[1][0]
                assert isinstance(part, tuple)
                found.append(part[1].decode().partition(":")[2].strip())
            return found

    def prepare(self, accounts: str, maps: str) -> None:
        """accounts: how Dovecot looks them up. maps: how Postfix does."""
        directory = self.directory
        values = {
            "directory": directory, "host": self.host, "domain": DOMAIN,
            "uid": _NOBODY, "gid": _NOGROUP, **self.ports,
        }  # fmt: skip
        directory.chmod(0o755)
        for name in ("postfix", "queue", "data", "vmail", "dovecot"):
            (directory / name).mkdir()
        values |= {"accounts": accounts.format(**values), "maps": maps.format(**values)}
        (directory / "postfix/main.cf").write_text(_MAIN.format(**values))
        (directory / "postfix/master.cf").write_text(_MASTER.format(**values))
        (directory / "dovecot.conf").write_text(_DOVECOT.format(**values))
        (directory / "server.key").chmod(0o600)
        shutil.chown(directory / "data", "postfix")
        for name in ("vmail", "dovecot"):
            os.chown(directory / name, _NOBODY, _NOGROUP)

    @contextmanager
    def running(self) -> Iterator[None]:
        argv = ["dovecot", "-F", "-c", str(self.directory / "dovecot.conf")]
        dovecot = _started(argv, user=_NOBODY, group=_NOGROUP, extra_groups=[])
        try:
            self.start()
            yield
        finally:
            self.stop()
            _end(dovecot)


@dataclass
class MailWorld(PostWorld):
    """Its accounts lie in files."""

    ssh: Server | None = None

    kind = "dovecot"
    kept = FILES

    @property
    def own(self) -> Path:
        """The directory that Homeport's user may write into."""
        return self.directory / "homeport"

    @property
    def settings(self) -> dict[str, Any]:
        assert self.ssh is not None
        return {
            **self.sent_from,
            "ssh_host": SSH_HOST,
            "ssh_port": self.ssh.port,
            "ssh_user": "homeport",
            "ssh_host_keys": [self.ssh.host_key],
            "ssh_key_ref": REFERENCE,
            "directory": str(self.own),
            "postfix_config": str(self.directory / "postfix"),
        }

    @property
    def secrets(self) -> dict[str, str]:
        assert self.ssh is not None
        return {REFERENCE: self.ssh.private_key}

    def seen(self) -> dict[str, str]:
        return {name: (self.own / name).read_text() for name in FILES}

    @contextmanager
    def anothers(self, kept: str, address: str) -> Iterator[None]:
        before = (self.own / kept).read_text()
        self.add(kept, f"{address}:x::::::" if kept == "users" else f"{address} {MASTER}")
        try:
            yield
        finally:
            (self.own / kept).write_text(before)
            if kept != "users":
                self.postmap(self.own / kept)

    def add(self, name: str, line: str) -> None:
        """Its owner writes a line of their own."""
        with (self.own / name).open("a") as file:
            file.write(line + "\n")
        if name != "users":
            self.postmap(self.own / name)

    def postmap(self, file: Path) -> None:
        argv = ["postmap", "-c", str(self.directory / "postfix"), f"hash:{file}"]
        subprocess.run(argv, check=True, env=_environment())
        os.chown(f"{file}.db", _NOBODY, _NOGROUP)

    def lay_out(self) -> None:
        """The files as they are before anybody but the owner wrote into them."""
        self.own.mkdir()
        (self.directory / "own-name").write_text("/^(.*)$/ ${1}\n")
        (self.directory / "others").write_text(f"{TAKEN} {MASTER}\n")
        hashed = sha512_crypt.using(rounds=5000).hash(self.master_password)
        lines = {"users": f"{MASTER}:{{SHA512-CRYPT}}{hashed}::::::", "aliases": ""}
        for name in FILES:
            line = lines.get(name, f"{MASTER} {MASTER}")
            (self.own / name).write_text(f"# the owner's own words\n{line}\n")
            (self.own / name).chmod(0o640)
        for path in (self.own, *self.own.iterdir()):
            os.chown(path, _NOBODY, _NOGROUP)
        for file in (self.directory / "others", self.own / "mailboxes", self.own / "aliases"):
            self.postmap(file)


def _environment() -> dict[str, str]:
    return {"PATH": _PATH}


def _started(argv: Sequence[str], **identity: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        argv, env=_environment(), start_new_session=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **identity,
    )  # fmt: skip


def _end(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(30)


def _listens(host: str, port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex((host, port)) == 0


def need_mail_programs() -> None:
    if os.geteuid() != 0:
        pytest.skip("Postfix's master has to be root")
    missing = [name for name in ("postfix", "dovecot") if not shutil.which(name, path=_PATH)]
    if missing or not Path("/usr/lib/dovecot/lmtp").exists():
        pytest.skip("needs the apt packages postfix, dovecot-imapd and dovecot-lmtpd")


def new_host() -> str:
    return f"127.9.{secrets.randbelow(250)}.{1 + secrets.randbelow(250)}"


@contextmanager
def mail_world() -> Iterator[MailWorld]:
    need_mail_programs()
    with ExitStack() as stack:
        directory = Path(tempfile.mkdtemp(prefix="hp-mail-"))
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        ssh = stack.enter_context(ssh_server(user=_NOBODY))
        host = new_host()
        world = MailWorld(directory, host, make_tls(directory, host), ssh=ssh)
        world.prepare(_USERS, _MAPS)
        world.lay_out()
        stack.enter_context(world.running())
        yield world
