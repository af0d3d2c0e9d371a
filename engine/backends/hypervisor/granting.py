"""The commands by which an administrator of Proxmox VE grants rights to Homeport's account."""

from __future__ import annotations

from collections.abc import Iterable

_ROLES = {  # roles that every Proxmox VE has, by the first part of a privilege, or by all of it
    "Datastore": "PVEDatastoreUser",
    "Datastore.Allocate": "PVEDatastoreAdmin",
    "Datastore.AllocateTemplate": "PVEDatastoreAdmin",
    "SDN": "PVESDNUser",
    "Pool": "PVEPoolUser",
    "Sys.Audit": "PVEAuditor",
    "VM": "PVEVMAdmin",
}
"""PVEVMAdmin has VM.Monitor on Proxmox VE 8, and what took its place on 9."""


def grant_command(path: str, privileges: Iterable[str], account: str) -> str:
    """The one command that grants these to the user, and to the token that is used: by roles
    that are there already, or, where only Administrator has one of them, by a new role.
    `least_rights` gives no more than is needed."""
    user, _, token = account.partition("!")
    privileges = tuple(privileges)
    roles, first = {_role(privilege) for privilege in privileges}, ""
    if "" in roles:
        name = "Homeport" + path.replace("/", "-")
        roles, first = {name}, f"pveum role add {name} --privs '{' '.join(privileges)}' && "
    tokens = f" --tokens '{account}'" if token else ""
    return (
        f"{first}pveum acl modify {path} --users {user}{tokens} --roles {','.join(sorted(roles))}"
    )


def _role(privilege: str) -> str:
    """A role that has it; empty where none but Administrator does."""
    return _ROLES.get(privilege) or _ROLES.get(privilege.partition(".")[0], "")


def who(account: str) -> str:
    return "token" if "!" in account else "user"
