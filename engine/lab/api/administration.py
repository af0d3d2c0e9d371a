"""What an administrator does about access: tokens, roles, and rules about who has which where."""

from __future__ import annotations

import secrets
from typing import Any

from fakepve import PveError
from fakepve.shapes import PRIVILEGES

from engine.lab.api.access import Access

_BUILT_IN = {
    "Administrator": tuple(PRIVILEGES),
    "PVEVMAdmin": tuple(name for name in PRIVILEGES if name.startswith("VM.")),
    "PVEDatastoreUser": ("Datastore.AllocateSpace", "Datastore.Audit"),
    "PVEDatastoreAdmin": tuple(name for name in PRIVILEGES if name.startswith("Datastore.")),
    "PVESDNUser": ("SDN.Use", "SDN.Audit"),
    "PVEPoolUser": ("Pool.Audit",),
    "PVEAuditor": tuple(name for name in PRIVILEGES if name.endswith(".Audit")),
}
"""Roles of every Proxmox VE that its administrators are told of (pveum(1))."""


class Administration(Access):
    """Mixin: the calls below /access but for the ticket's."""

    def _routes_lab_administration(self) -> list[Any]:
        token = "/access/users/{userid}/token/{tokenid}"
        return [
            ("GET", "/access/users", self._user_list),
            ("GET", token, self._token_show),
            ("POST", token, self._token_make),
            ("DELETE", token, self._token_delete),
            ("GET", "/access/acl", self._acl_list),
            ("PUT", "/access/acl", self._acl_change),
            ("POST", "/access/roles", self._role_make),
            ("DELETE", "/access/roles/{roleid}", self._role_delete),
        ]

    async def _user_list(self, v: dict[str, Any], user: str) -> list[dict[str, Any]]:
        """All for who may see accounts; for others, themselves."""
        own, audit = user.partition("!")[0], self.allowed(user, "/access/groups", "Sys.Audit")
        known = [name for name in (self.user, *self.users) if audit or name == own]
        return [{"userid": name, "enable": 1, "expire": 0} for name in known]

    async def _token_make(self, v: dict[str, Any], user: str) -> dict[str, Any]:
        token_id = f"{v['userid']}!{v['tokenid']}"
        if v["userid"] not in self.users and v["userid"] != self.user:
            raise PveError(500, f"no such user ('{v['userid']}')")
        if token_id in self.tokens:
            raise PveError(
                400, "Parameter verification failed.", {"tokenid": "Token already exists."}
            )
        secret = secrets.token_hex(16)
        info = {"privsep": v.get("privsep", 1), "expire": v.get("expire", 0)}
        self.tokens[token_id] = info | {"secret": secret, "comment": v.get("comment", "")}
        return {"full-tokenid": token_id, "info": info, "value": secret}

    def _token(self, v: dict[str, Any]) -> dict[str, Any]:
        token = self.tokens.get(f"{v['userid']}!{v['tokenid']}")
        if token is None:
            raise PveError(500, f"no such token '{v['tokenid']}' for user '{v['userid']}'")
        return token

    async def _token_show(self, v: dict[str, Any], user: str) -> dict[str, Any]:
        return {name: x for name, x in self._token(v).items() if name != "secret"}

    async def _token_delete(self, v: dict[str, Any], user: str) -> None:
        self._token(v)
        who = f"{v['userid']}!{v['tokenid']}"
        del self.tokens[who]
        self.acl.pop(who, None)

    async def _role_make(self, v: dict[str, Any], user: str) -> None:
        if v["roleid"] in self.roles:
            raise PveError(500, f"create role failed: role '{v['roleid']}' already exists")
        wanted = str(v.get("privs", "")).replace(",", " ").split()
        for priv in wanted:
            if priv not in PRIVILEGES:
                raise PveError(
                    400, "Parameter verification failed.", {"privs": f"invalid privilege '{priv}'"}
                )
        self.roles[v["roleid"]] = wanted

    async def _role_delete(self, v: dict[str, Any], user: str) -> None:
        if self.roles.pop(v["roleid"], None) is None:
            raise PveError(500, f"role '{v['roleid']}' does not exist")

    async def _acl_change(self, v: dict[str, Any], user: str) -> None:
        """Rules for users and tokens; roles that are always there, and custom ones."""
        whom = [w for kind in ("users", "tokens") for w in str(v.get(kind) or "").split(",") if w]
        for role in str(v["roles"]).split(","):
            privileges = _BUILT_IN.get(role) or self.roles.get(role)
            if privileges is None:
                raise PveError(500, f"role '{role}' does not exist")
            for who in whom:
                rules = self.acl.setdefault(who, [])
                rule = (v["path"], set(privileges))
                if v.get("delete"):
                    self.acl[who] = [found for found in rules if found != rule]
                elif rule not in rules:
                    rules.append(rule)

    async def _acl_list(self, v: dict[str, Any], user: str) -> list[dict[str, Any]]:
        roles = {**_BUILT_IN, **self.roles}
        names = {frozenset(privileges): role for role, privileges in roles.items()}
        return [
            {
                "path": path,
                "ugid": who,
                "type": "token" if "!" in who else "user",
                "roleid": names.get(frozenset(privileges), "(removed)"),
                "propagate": 1,
            }
            for who, rules in self.acl.items()
            for path, privileges in rules
            if self.allowed(user, path, "Permissions.Modify") or who == user.partition("!")[0]
        ]
