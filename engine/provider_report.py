"""What is known of a provider and of what its check found, for a ticket as it is: settings hold
references in place of secrets, and findings hold none."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

from engine.model.provider import Check, CheckStatus, ProviderProfile

_LIBRARIES = ("proxmoxer", "octodns", "hvac", "pynetbox", "acme", "requests")
_MARKS = {CheckStatus.PASS: "ok  ", CheckStatus.WARN: "warn", CheckStatus.FAIL: "FAIL"}


def report_values(profile: ProviderProfile, checks: Sequence[Check]) -> dict[str, Any]:
    """versions, provider, checks; plain JSON values."""
    versions = {
        "homeport": version("homeport"),
        "python": platform.python_version(),
        "system": platform.platform(),
        **{library: version(library) for library in _LIBRARIES},
    }
    return {
        "versions": versions,
        "provider": profile.model_dump(mode="json"),
        "checks": [check.model_dump(mode="json") for check in checks],
    }


def report_text(profile: ProviderProfile, checks: Sequence[Check]) -> str:
    """The same for people: YAML, and a line for each finding."""
    values = report_values(profile, checks)
    parts = [readable({part: values[part]}) for part in ("versions", "provider")]
    return "\n".join([*parts, *check_texts(checks)]) + "\n"


def check_texts(checks: Sequence[Check]) -> Iterator[str]:
    """A line for each finding; below it what to do, where there is something to do."""
    for check in checks:
        yield f"{_MARKS[check.status]}  {check.service}: {check.title}  {check.found}".rstrip()
        if check.do and check.status is not CheckStatus.PASS:
            yield from (f"      {text}" for text in check.do.splitlines())


def readable(value: Any) -> str:
    """As YAML that can be edited and read back; texts of several lines, such as certificates,
    stand as they are."""
    import yaml

    class Readable(yaml.SafeDumper):
        pass

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        style = "|" if "\n" in value else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Readable.add_representer(str, text)
    return yaml.dump(value, Dumper=Readable, sort_keys=False).rstrip()
