"""One provider of the lab by itself: its API and its guests, without names or authority."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import asyncssh
import requests

from engine.lab.api.launch import ApiHandle, ca_path, destroy_guests, start_api, stop_api
from engine.lab.api.settings import IMAGE_VOLUME

NODE = "harbour-t"
DEADLINE = 60.0
T = TypeVar("T")


class Provider:
    """What an administrator and Homeport's token do, by raw requests."""

    def __init__(self, directory: Path, network: str) -> None:
        self.directory = directory
        self.network = network
        self.key = asyncssh.generate_private_key("ssh-ed25519")
        self.handle = self.start()
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = str(ca_path(directory))

    def start(self) -> ApiHandle:
        """As `lab up`: start the API, or mend what it looks after."""
        self.handle = start_api(
            self.directory, name=NODE, host=f"{self.network}.1", network=f"{self.network}.0/24"
        )
        return self.handle

    # --- requests ---------------------------------------------------------------------

    def raw(
        self, method: str, path: str, headers: dict[str, str] | None = None, **how: Any
    ) -> requests.Response:
        url = f"https://{self.handle.address}/api2/json{path}"
        return self._session.request(method, url, headers=headers or {}, timeout=30, **how)

    def token(self) -> dict[str, str]:
        return {"Authorization": f"PVEAPIToken={self.handle.token_id}={self.handle.token}"}

    def administrator(self) -> dict[str, str]:
        """Headers of root@pam's login."""
        login = {"username": "root@pam", "password": self.handle.root_password}
        data = self.raw("POST", "/access/ticket", data=login).json()["data"]
        return {
            "Cookie": f"PVEAuthCookie={data['ticket']}",
            "CSRFPreventionToken": data["CSRFPreventionToken"],
        }

    def ask(self, method: str, path: str, /, **params: Any) -> Any:
        """The data that Homeport's token gets."""
        place = "params" if method in ("GET", "DELETE") else "data"
        answer = self.raw(method, path, self.token(), **{place: params})
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()["data"]

    def outcome(self, upid: str) -> str:
        """Exit status of a task, once it has ended."""

        def ended() -> str | None:
            status = self.ask("GET", f"/nodes/{NODE}/tasks/{upid}/status")
            return str(status["exitstatus"]) if status["status"] == "stopped" else None

        return wait_for(ended)

    def do(self, method: str, path: str, /, **params: Any) -> None:
        """A task that must end well."""
        assert self.outcome(self.ask(method, path, **params)) == "OK"

    # --- guests -----------------------------------------------------------------------

    def make(self, vmid: int, last: int, **changes: Any) -> str:
        """A guest from the cloud image, not started; its path in the API."""
        public = self.key.export_public_key().decode().strip()
        wanted: dict[str, Any] = {
            "vmid": vmid,
            "name": f"guest-{vmid}",
            "memory": 512,
            "pool": "homeport",
            "agent": 1,
            "net0": "virtio,bridge=vmbr0",
            "ide2": "local-lvm:cloudinit",
            "scsi0": f"local-lvm:0,import-from={IMAGE_VOLUME}",
            "ciuser": "root",
            "sshkeys": urllib.parse.quote(public, safe=""),
            "ipconfig0": f"ip={self.address(last)}/24,gw={self.network}.1",
            "nameserver": f"{self.network}.2",
            "searchdomain": "harbour-t.lab",
        }
        self.do("POST", f"/nodes/{NODE}/qemu", **(wanted | changes))
        return f"/nodes/{NODE}/qemu/{vmid}"

    def address(self, last: int) -> str:
        return f"{self.network}.{last}"

    def guest_directory(self, vmid: int) -> Path:
        return self.directory / "guests" / str(vmid)


def wait_for(condition: Callable[[], T | None], seconds: float = DEADLINE) -> T:
    """What the condition gives as soon as it is true."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return result


@contextmanager
def provider() -> Iterator[Provider]:
    home = Path(tempfile.mkdtemp(prefix="hp-api-"))
    directory = home / NODE
    number = os.getpid()
    try:
        yield Provider(directory, f"127.{192 + number // 250 % 50}.{1 + number % 250}")
    finally:
        stop_api(directory)
        destroy_guests(directory)
        shutil.rmtree(home)
