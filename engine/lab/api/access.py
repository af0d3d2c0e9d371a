"""Who may do what: API tokens with separated rights, roles, and access rules.

fakepve grants a token all that its user has. On Proxmox VE a token with `privsep` has only
what both its user and the token itself were granted.
"""

from __future__ import annotations

import hmac
import re
import secrets
from typing import Any

from fakepve import PveError
from fakepve.shapes import PRIVILEGES

from engine.lab.api.login import PasswordLogin
from engine.lab.api.settings import BRIDGE, DISK_STORAGE, POOL, TOKEN_ID, USER

GUEST_PRIVILEGES = (
    "Pool.Audit",
    "VM.Allocate",
    "VM.Audit",
    "VM.Clone",
    "VM.Config.CDROM",
    "VM.Config.CPU",
    "VM.Config.Cloudinit",
    "VM.Config.Disk",
    "VM.Config.HWType",
    "VM.Config.Memory",
    "VM.Config.Network",
    "VM.Config.Options",
    "VM.GuestAgent.Audit",
    "VM.GuestAgent.FileRead",
    "VM.PowerMgmt",
    "VM.Snapshot",
    "VM.Backup",
)
"""On the pool. Nothing here reaches a guest outside of it."""
LEAST_RIGHTS: dict[str, tuple[str, ...]] = {
    f"/pool/{POOL}": GUEST_PRIVILEGES,
    f"/storage/{DISK_STORAGE}": ("Datastore.AllocateSpace", "Datastore.Audit"),
    "/storage/local": (
        "Datastore.Allocate",
        "Datastore.AllocateSpace",
        "Datastore.AllocateTemplate",
        "Datastore.Audit",
    ),
    f"/sdn/zones/localnetwork/{BRIDGE}": ("SDN.Use",),
    "/nodes": ("Sys.AccessNetwork", "Sys.Audit"),
}
"""What Homeport's user is granted, path by path (reference: proxmox.md, 4.13)."""


class Access(PasswordLogin):
    """Mixin: authentication by token, and permission checks."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.acl: dict[str, list[tuple[str, set[str]]]] = {}
        self.tokens: dict[str, dict[str, Any]] = {}
        self.roles: dict[str, list[str]] = {}
        self.revoked: frozenset[str] = frozenset()
        """Privileges that nobody but root@pam has for now (a fault)."""

    def grant_least_rights(self, secret: str) -> None:
        """The user, its token and its rules, as the README has an administrator make them."""
        self.users[USER] = secrets.token_urlsafe(32)
        self.tokens[TOKEN_ID] = {"secret": secret, "privsep": 0, "expire": 0, "comment": ""}
        for path, privileges in LEAST_RIGHTS.items():
            self.roles["Lab" + path.replace("/", "-")] = list(privileges)
            self.grant(USER, path, *privileges)

    def _authenticate(self, request: Any) -> str | None:
        header = request.headers.get("Authorization", "")
        if header.startswith("PVEAPIToken="):
            token_id, _, secret = header.removeprefix("PVEAPIToken=").partition("=")
            known = self.tokens.get(token_id, {}).get("secret", "")
            if not known or not hmac.compare_digest(known.encode(), secret.encode()):
                raise PveError(401, "Authentication failed!")
            return str(token_id)
        if "PVEAuthCookie" not in request.cookies and not request.path.endswith("/access/ticket"):
            raise PveError(401, "No ticket")
        user: str | None = super()._authenticate(request)
        return user

    def allowed(self, user: str, path: str, priv: str) -> bool:
        """Also takes alternatives ("A|B"): one of them is enough."""
        return any(self._allowed(user, path, one) for one in priv.split("|"))

    def _allowed(self, user: str, path: str, priv: str) -> bool:
        if user == "root@pam":
            return True
        if priv in self.revoked:
            return False
        owner, _, token = user.partition("!")
        held = owner == "root@pam" or self._granted(owner, path, priv)
        if token and int(self.tokens.get(user, {}).get("privsep", 1)):
            return held and self._granted(user, path, priv)
        return held

    def _granted(self, who: str, path: str, priv: str) -> bool:
        paths = [path]
        if path.startswith("/vms/"):
            vmid = path.split("/")[2]
            paths += [f"/pool/{name}" for name, ids in self.pools.items() if vmid in map(str, ids)]
        elif path.startswith("/storage/"):
            storage = path.split("/")[2]
            paths += [
                f"/pool/{name}"
                for name, info in self.pool_info.items()
                if storage in info["storage"]
            ]
        return any(
            priv in privileges and any(_covers(granted, one) for one in paths)
            for granted, privileges in (self.acl or {}).get(who, [])
        )

    def _config_priv(self, key: str) -> str:
        if key.startswith(("ipconfig", "ci")) or key in ("sshkeys", "nameserver", "searchdomain"):
            return "VM.Config.Cloudinit|VM.Config.Network"
        if key == "args":
            return "root"
        if key in ("bootdisk", "startdate", "ostype", "hotplug", "template", "freeze", "tablet"):
            return "VM.Config.Options"
        return str(super()._config_priv(key))

    async def _permissions(self, v: dict[str, Any], user: str) -> dict[str, dict[str, int]]:
        """GET /access/permissions, for the asking user or token."""
        who = v.get("userid") or user
        owner = who.partition("!")[0]
        paths = {path for rules in (self.acl or {}).values() for path, _ in rules} | {"/"}
        if v.get("path") is not None:
            paths = {v["path"]}
        found = {
            path: {priv: 1 for priv in sorted(PRIVILEGES) if self._allowed(who, path, priv)}
            for path in sorted(paths)
        }
        return {path: held for path, held in found.items() if held or owner == "root@pam"}

    def require_bridges(self, user: str, values: dict[str, Any]) -> None:
        """A network card may only be put on a bridge that the user was given."""
        for key, value in values.items():
            found = re.search(r"(?:^|,)bridge=([^,]+)", str(value))
            if re.fullmatch(r"net\d+", key) and found:
                self.require(user, f"/sdn/zones/localnetwork/{found.group(1)}", "SDN.Use")

    async def _qm_create(self, v: dict[str, Any], user: str) -> Any:
        self.require_bridges(user, v)
        return await super()._qm_create(v, user)

    async def _apply_config(self, vm: Any, user: str, p: dict[str, Any]) -> None:
        self.require_bridges(user, p)
        await super()._apply_config(vm, user, p)


def _covers(granted: str, path: str) -> bool:
    return granted == "/" or path == granted or path.startswith(granted + "/")
