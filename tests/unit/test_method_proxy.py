from __future__ import annotations

import http.client
import json
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.end_headers()
        self.wfile.write(body)

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
    try:
        with proxy(tmp_path, site):
            yield site
    finally:
        upstream.shutdown()
        upstream.server_close()


@contextmanager
def proxy(directory: Path, site: Site) -> Iterator[None]:
    """Caddy with this site, at work in a directory of its own."""
    directory.mkdir(exist_ok=True)
    (directory / "caddy.json").write_bytes(caddy_config(site))
    caddy = subprocess.Popen(
        [CADDY, "run", "--config", "caddy.json"],
        cwd=directory,
        env={"HOME": str(directory)},
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        caddy.kill()
        caddy.wait()


def get(
    site: Site,
    path: str,
    *,
    tls: bool = True,
    headers: Mapping[str, str] | None = None,
    client: str = "",
    body: bytes | None = None,
) -> http.client.HTTPResponse:
    """client: the address that the request comes from."""
    context = ssl.create_default_context(cafile=site.certificate)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # the certificate is its own authority
    port = site.https_port if tls else site.http_port
    deadline = time.monotonic() + 20
    while True:
        try:
            own = (client, 0) if client else None
            plain = socket.create_connection((site.listen, port), 5, source_address=own)
            break
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
    connection = http.client.HTTPConnection(site.domain, port)
    connection.sock = context.wrap_socket(plain, server_hostname=site.domain) if tls else plain
    method = "GET" if body is None else "POST"
    connection.request(method, path, body, headers={"Host": site.domain, **(headers or {})})
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


FORGED = {"X-Forwarded-For": "203.0.113.9"}
SOMEBODY = "127.0.0.9"


def test_the_old_address_passes_requests_on_with_the_clients_address(
    served: Site, tmp_path: Path
) -> None:
    old = replace(
        served,
        listen="127.0.0.2",
        storage=str(tmp_path / "old-storage"),
        forward_to=f"127.0.0.3:{served.https_port}",
        upstream="127.0.0.1:9",
    )
    # What reaches the new proxy from the old one comes from 127.0.0.1.
    new = replace(
        served, listen="127.0.0.3", storage=str(tmp_path / "new-storage"), behind="127.0.0.1"
    )
    with proxy(tmp_path / "old", old), proxy(tmp_path / "new", new):
        get(new, "/").read()
        seen = json.loads(get(old, "/a?b=1", headers=FORGED, client=SOMEBODY).read())
        assert seen["path"] == "/a?b=1"
        assert seen["host"] == served.domain
        assert seen["x-forwarded-for"] == f"{SOMEBODY}, 127.0.0.1"
        for path, document in WELL_KNOWN.items():
            assert json.loads(get(old, path).read()) == document
        # Whoever comes straight to the new one is believed nothing.
        seen = json.loads(get(new, "/", headers=FORGED, client=SOMEBODY).read())
        assert seen["x-forwarded-for"] == SOMEBODY


def test_requests_are_passed_on_to_nobody_with_another_certificate(
    served: Site, tmp_path: Path
) -> None:
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    self_signed(stranger, served.domain)
    new = replace(
        served,
        listen="127.0.0.3",
        storage=str(tmp_path / "new-storage"),
        certificate=str(stranger / "crt"),
        key=str(stranger / "key"),
    )
    old = replace(
        served,
        listen="127.0.0.2",
        storage=str(tmp_path / "old-storage"),
        forward_to=f"127.0.0.3:{served.https_port}",
    )
    with proxy(tmp_path / "old", old), proxy(tmp_path / "new", new):
        get(new, "/").read()
        assert get(old, "/").status == 502


def test_requests_that_are_passed_on_wait_for_an_application_that_is_about_to_run(
    served: Site, tmp_path: Path
) -> None:
    port = free_port()
    common = {"storage": str(tmp_path / "storage"), "upstream": f"127.0.0.1:{port}"}
    old = replace(served, listen="127.0.0.2", forward_to=f"127.0.0.3:{served.https_port}")
    new = replace(served, listen="127.0.0.3", behind="127.0.0.1", **common)
    answers: list[tuple[int, bytes]] = []

    def post() -> None:
        answer = get(old, "/", body=b"an entry")
        answers.append((answer.status, answer.read()))

    with proxy(tmp_path / "old", old), proxy(tmp_path / "new", new):
        get(old, "/.well-known/matrix/server").read()
        client = Thread(target=post)
        client.start()
        time.sleep(0.5)  # for no event: that nothing is answered meanwhile is what is shown
        assert answers == []
        upstream = ThreadingHTTPServer(("127.0.0.1", port), Upstream)
        Thread(target=upstream.serve_forever, daemon=True).start()
        try:
            client.join(20)
        finally:
            upstream.shutdown()
            upstream.server_close()
    assert answers == [(201, b"an entry")]
