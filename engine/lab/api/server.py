"""One provider's API, put together: fakepve, and the parts of this package that give it life."""

from __future__ import annotations

import secrets
import time

from engine.lab.api.faults import Faults
from engine.lab.api.faulty import Faulty
from engine.lab.api.node import Node
from engine.lab.api.settings import DISK_STORAGE, GIB, IMAGE, POOL, Settings
from engine.lab.api.state import Stored

_IMAGE_FILE = 448_790_528
_IMAGE_DISK = 3 * GIB
"""Debian's generic cloud image: size of the file, and of the disk in it."""


class LabPve(Faulty, Node, Stored):
    """The API of one provider, with one node that bears the provider's name."""

    def __init__(self, settings: Settings, fingerprint: str, token: str, password: str) -> None:
        super().__init__(password=password, host=settings.host, port=settings.port)
        self.settings = settings
        self.faults = Faults(settings.directory)
        self.fingerprint = fingerprint
        self.nodes = {settings.name: {"online": True}}
        self.cluster_name = settings.name
        self.version, self.release_version = "9.2.11", "9.2"
        self.time_scale = 1.0
        self.max_requests = 0
        if not self.load(settings.state):
            self._furnish(token)

    def _furnish(self, token: str) -> None:
        """A provider as its administrator prepared it: pool, storages, image, one token."""
        self.identity = f"{self.settings.name}-{secrets.token_hex(6)}"
        self.pools = {POOL: set()}
        self.pool_info = {POOL: {"comment": "Guests made by Homeport", "storage": set()}}
        self.storages = {
            "local": {
                "type": "dir",
                "path": "/var/lib/vz",
                "content": "iso,vztmpl,import,backup",
                "active": 1,
                "files": set(),
                "avail": 50 * GIB,
                "volumes": {
                    IMAGE: {
                        "content": "import",
                        "format": "qcow2",
                        "size": _IMAGE_FILE,
                        "disk": _IMAGE_DISK,
                        "ctime": int(time.time()),
                    }
                },
            },
            DISK_STORAGE: {
                "type": "lvmthin",
                "vgname": "pve",
                "thinpool": "data",
                "content": "images,rootdir",
                "active": 1,
                "files": set(),
                "avail": 500 * GIB,
                "total": 500 * GIB,
            },
        }
        self.grant_least_rights(token)
        self.save()
