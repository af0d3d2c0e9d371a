"""The commands that give Homeport an account of its own on Proxmox VE, with the least rights."""

from __future__ import annotations

from collections.abc import Iterable

from engine.backends.hypervisor.rights import agent_rights, fetching, needs
from engine.backends.hypervisor.settings import ProxmoxSettings

_LINE = 76
_AGENT = "$AGENT"


def least_rights(settings: ProxmoxSettings, major: int | None = None) -> str:
    """For a root shell of a Proxmox host: the user, the pool, for each path a role with what is
    needed there and no more, and the token. Lines fit 80 columns.

    major: of the Proxmox VE that answers; None where it is not known, then the shell finds out.
    """
    by_path: dict[str, list[str]] = {}
    for need in [*needs(settings, major or 9), *fetching(settings)]:
        by_path.setdefault(need.paths[0], []).append(need.privilege)
    if settings.pool:
        by_path[f"/pool/{settings.pool}"].append("Pool.Audit")
    user, _, token = settings.account.partition("!")
    lines = ["# A user of its own", f"pveum user add {user}"]
    if settings.pool:
        lines.append(f"pveum pool add {settings.pool}")
    if major is None and not settings.containers:
        lines += _asked_of_the_shell()
    lines.append("# For each place that guests use, a role with what is needed there")
    for path, privileges in by_path.items():
        role = "Homeport" + path.replace("/", "-")
        if major is None:
            privileges = _told_by_the_shell(privileges)
        lines += [
            *_quoted(f"pveum role add {role} --privs", dict.fromkeys(privileges)),
            *_fitting(f"pveum acl modify {path}", f"--users {user} --roles {role}"),
        ]
    if token:
        lines += [
            "# A token; its secret is shown once: give it to Homeport",
            f"pveum user token add {user} {token} --privsep 0",
        ]
    return "\n".join(lines)


def _asked_of_the_shell() -> list[str]:
    return [
        "# Proxmox VE 9 has other names for what a guest's agent may be asked",
        f'AGENT="{" ".join(agent_rights(9))}"',
        f'pveversion | grep -q pve-manager/8 && AGENT="{" ".join(agent_rights(8))}"',
    ]


def _told_by_the_shell(privileges: list[str]) -> list[str]:
    """The same, with the variable in place of what the versions call differently."""
    told = [one for one in privileges if one not in agent_rights(9)]
    return told if told == privileges else [_AGENT, *told]


def _quoted(command: str, words: Iterable[str]) -> list[str]:
    """With all the words as one argument, over as many lines as that takes."""
    whole = f'{command} "{" ".join(words)}"'
    if len(whole) <= _LINE:
        return [whole]
    lines = [""]
    for word in words:
        if len(lines[-1]) + len(word) > _LINE - 4:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return [f'{command} "\\', *(f"  {line} \\" for line in lines[:-1]), f'  {lines[-1]}"']


def _fitting(command: str, rest: str) -> list[str]:
    whole = f"{command} {rest}"
    return [whole] if len(whole) <= _LINE else [f"{command} \\", f"  {rest}"]
