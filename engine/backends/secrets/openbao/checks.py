"""The connection check of an OpenBao: what is missing, and the line that mends it."""

from __future__ import annotations

from typing import Any

from hvac import exceptions

from engine.backends.secrets.openbao.policy import Right, missing, own_rights
from engine.backends.secrets.openbao.refusals import sealed
from engine.backends.secrets.openbao.session import Session
from engine.model.provider import Check, CheckStatus


def check_openbao(session: Session) -> list[Check]:
    """Up and open, the login works, a KV engine of version 2, and every right. Writes nothing."""
    return [_is_open(session), *_rights(session), _engine(session)]


def _is_open(session: Session) -> Check:
    status: dict[str, Any] = session.ask_unauthenticated(
        lambda client: client.sys.read_seal_status()
    )
    if status["sealed"]:
        raise sealed(session.settings)
    found = f"version {status['version']} at {session.settings.host}, unsealed"
    return _line("OpenBao answers", CheckStatus.PASS, found)


def _rights(session: Session) -> list[Check]:
    needed = own_rights(session.settings)
    # a path below, as it will be asked for: "*" is a pattern in a policy, a name in a question
    asked = {right.path: right.path.replace("*", "deployments/0/any") for right in needed}

    def ask(client: Any) -> Any:
        answer = client.adapter.post(
            "/v1/sys/capabilities-self", json={"paths": list(asked.values())}
        )
        return answer, client.auth.token.lookup_self()

    answer, token = session.call("sys/capabilities-self", ask)
    granted = {path: answer["data"].get(question, []) for path, question in asked.items()}
    policies = sorted(
        set(token["data"]["policies"]) | set(token["data"].get("identity_policies") or [])
    )
    found = f"policies {', '.join(policies)}; a token lives {token['data']['creation_ttl']} s"
    lacking = missing(needed, granted)
    if lacking:
        return [_lacking(right) for right in lacking]
    if "root" in policies:
        do = "Use a role with the least rights: homeport providers policy NAME shows it."
        return [_line("Homeport may do everything", CheckStatus.WARN, found, do)]
    return [_line("Homeport's role has the rights it needs", CheckStatus.PASS, found)]


def _lacking(right: Right) -> Check:
    listed = ", ".join(f'"{capability}"' for capability in right.capabilities)
    return _line(
        "Homeport's role lacks a right",
        CheckStatus.FAIL,
        f"{', '.join(right.capabilities)} on {right.path} ({right.why})",
        f'Add to its policy: path "{right.path}" {{ capabilities = [{listed}] }}',
    )


def _engine(session: Session) -> Check:
    mount = session.settings.mount
    title = "Secrets engine"
    do = f"Mount one of version 2: bao secrets enable -path={mount} -version=2 kv"
    try:
        answer = session.call(
            mount, lambda client: client.adapter.get(f"/v1/sys/internal/ui/mounts/{mount}")
        )
    except exceptions.InvalidPath:
        return _line(title, CheckStatus.FAIL, f"nothing is mounted at {mount}/", do)
    data = answer["data"]
    version = (data.get("options") or {}).get("version", "1")
    if data["type"] != "kv" or version != "2":
        return _line(title, CheckStatus.FAIL, f"{mount}/ is {data['type']}, version {version}", do)
    found = f"{mount}/ is kv, version 2; Homeport keeps to {mount}/{session.settings.prefix}/"
    return _line(title, CheckStatus.PASS, found)


def _line(title: str, status: CheckStatus, found: str, do: str = "") -> Check:
    return Check(service="secrets", title=title, status=status, found=found, do=do)
