"""The policy of MTA-STS, read over TLS from a server of its own."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from engine.backends.mail.mta_sts import check_policy
from engine.model.provider import CheckStatus
from tests.conformance.openbao_world import make_tls

DOMAIN, HOST, HERE = "example.org", "mail.example.org", "127.0.0.1"
POLICY = f"version: STSv1\r\nmode: enforce\r\nmx: {HOST}\r\nmax_age: 604800\r\n"


class PolicyServer(ThreadingHTTPServer):
    text = POLICY
    status = 200


class Handler(BaseHTTPRequestHandler):
    server: PolicyServer

    def do_GET(self) -> None:
        asked = (self.headers["Host"].partition(":")[0], self.path)
        right = asked == (f"mta-sts.{DOMAIN}", "/.well-known/mta-sts.txt")
        self.send_response(self.server.status if right else 404)
        self.end_headers()
        self.wfile.write(self.server.text.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PolicyServer]:
    """Whose authority is one of this machine's."""
    make_tls(tmp_path, f"mta-sts.{DOMAIN}")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    with PolicyServer((HERE, 0), Handler) as started:
        started.socket = context.wrap_socket(started.socket, server_side=True)
        thread = threading.Thread(target=started.serve_forever, args=(0.05,))
        thread.start()
        yield started
        started.shutdown()
        thread.join()


def checked(server: PolicyServer, domain: str = DOMAIN, host: str = HOST) -> tuple[str, str]:
    found = {"A": (HERE,), "AAAA": ()}
    line = check_policy(domain, host, lambda _, kind: found[kind], port=server.server_port)
    assert (line.status is CheckStatus.PASS) == (not line.do)
    return line.status.value, line.found


def test_a_policy_that_names_the_host_holds(server: PolicyServer) -> None:
    assert checked(server) == ("pass", f"mode enforce, {HOST}")
    server.text = POLICY.replace(HOST, "*.EXAMPLE.org")
    assert checked(server)[0] == "pass"
    server.text = "version: STSv1\nmode: none\nmax_age: 1\n"
    assert checked(server)[0] == "pass"


def test_a_policy_that_keeps_mail_away_fails(server: PolicyServer) -> None:
    status, found = checked(server, host="mx.mail.example.org")
    assert status == "fail"
    assert "leaves out mx.mail.example.org, so mail is kept away" in found
    server.text = POLICY.replace("enforce", "testing").replace(HOST, "*.example.org")
    status, found = checked(server, host="mx.mail.example.org")
    assert status == "warn"
    assert "would be kept away" in found


@pytest.mark.parametrize(
    ("was", "now", "why"),
    [
        ("STSv1", "STSv2", "version: STSv1"),
        ("enforce", "strict", "its mode is none of"),
        ("604800", "a week", "its max_age is no number"),
        (POLICY, "<html>", "version: STSv1"),
    ],
)
def test_what_is_no_policy_is_told(server: PolicyServer, was: str, now: str, why: str) -> None:
    server.text = POLICY.replace(was, now)
    status, found = checked(server)
    assert status == "warn"
    assert why in found


def test_a_server_that_has_none_or_is_none_is_told(
    server: PolicyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.status = 301
    assert "HTTP status 301" in checked(server)[1]
    assert "does not prove that name" in checked(server, "example.com")[1]
    monkeypatch.delenv("SSL_CERT_FILE")
    assert "does not prove that name" in checked(server)[1]
    lines = [check_policy(DOMAIN, HOST, lambda *_, found=found: found) for found in ((), None)]
    assert all("has no address" in line.found for line in lines)
    assert all(f"mx: {HOST}" in line.do for line in lines)
    server.server_close()
    assert "cannot be read" in checked(server)[1]
