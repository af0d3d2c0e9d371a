from __future__ import annotations

import http.client
import json
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidInput
from engine.methods.proxy import Site, caddy_config

CADDY = Path(sys.executable).parent / "caddy"
SITE = Site(
    domain="cal.home.lab",
    url="https://cal.home.lab",
    listen="",
    http_port=80,
    https_port=443,
    upstream="127.0.0.1:5232",
    certificate="/etc/caddy/tls/a.crt",
    key="/etc/caddy/tls/a.key",
    storage="/var/lib/caddy",
    documents={},
)
WELL_KNOWN = {
    "/.well-known/matrix/client": {"m.homeserver": {"base_url": "https://cal.home.lab"}},
    "/.well-known/matrix/server": {"m.server": "cal.home.lab:443"},
}


@given(st.text(max_size=40))
def test_only_dns_names_get_into_the_configuration(text: str) -> None:
    try:
        caddy_config(replace(SITE, domain=text))
    except InvalidInput:
        return
    assert set(text) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-")


@pytest.mark.parametrize("name", ["{env.HOME}", "a b.c", "*", "x.y\n", "-a.b", "a..b", "localhost"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        caddy_config(replace(SITE, domain=name))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def self_signed(directory: Path, domain: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, domain)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(domain)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (directory / "crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (directory / "key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


class Upstream(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"path": self.path, **{k.lower(): v for k, v in self.headers.items()}})
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Site]:
    upstream = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    Thread(target=upstream.serve_forever, daemon=True).start()
    http_port, https_port = free_port(), free_port()
    self_signed(tmp_path, SITE.domain)
    site = replace(
        SITE,
        url=f"https://{SITE.domain}:{https_port}",
        listen="127.0.0.1",
        http_port=http_port,
        https_port=https_port,
        upstream=f"127.0.0.1:{upstream.server_port}",
        certificate=str(tmp_path / "crt"),
        key=str(tmp_path / "key"),
        storage=str(tmp_path / "storage"),
        documents=WELL_KNOWN,
    )
    (tmp_path / "caddy.json").write_bytes(caddy_config(site))
    caddy = subprocess.Popen(
        [CADDY, "run", "--config", "caddy.json"],
        cwd=tmp_path,
        env={"HOME": str(tmp_path)},
        stderr=subprocess.DEVNULL,
    )
    try:
        yield site
    finally:
        caddy.kill()
        caddy.wait()
        upstream.shutdown()
        upstream.server_close()


def get(site: Site, path: str, *, tls: bool = True) -> http.client.HTTPResponse:
    context = ssl.create_default_context(cafile=site.certificate)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # the certificate is its own authority
    port = site.https_port if tls else site.http_port
    deadline = time.monotonic() + 20
    while True:
        try:
            plain = socket.create_connection(("127.0.0.1", port), 5)
            break
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
    connection = http.client.HTTPConnection(site.domain, port)
    connection.sock = context.wrap_socket(plain, server_hostname=site.domain) if tls else plain
    connection.request("GET", path, headers={"Host": site.domain})
    return connection.getresponse()


def test_caddy_serves_the_site(served: Site) -> None:
    answer = get(served, "/a/{env.HOME}?b=1")
    seen = json.loads(answer.read())
    assert seen["path"] == "/a/%7Benv.HOME%7D?b=1"
    assert seen["host"] == served.domain
    assert seen["x-forwarded-proto"] == "https"

    answer = get(served, "/a?b=1", tls=False)
    assert answer.status == 308
    assert answer.getheader("Location") == f"{served.url}/a?b=1"

    for path, document in WELL_KNOWN.items():
        answer = get(served, path)
        assert answer.getheader("Content-Type") == "application/json"
        assert answer.getheader("Access-Control-Allow-Origin") == "*"
        assert json.loads(answer.read()) == document
