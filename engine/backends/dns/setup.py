"""The guided setup of DNS: which of the installed octoDNS providers, and what that one asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.backends.dns.settings import OctodnsSettings
from engine.backends.setup import Choice, DriverSetup, Ground, Part, Settings, Stage
from engine.backends.setup_schema import options_of

_HERE = ("zone", "authoritative", "verify_seconds", "resolver", "reverse_zones")


class OctodnsSetup(DriverSetup):
    def proposal(self, zone: str) -> dict[str, Any]:
        return {"zone": zone} if zone else {}

    def stages(self, settings: Settings) -> list[Stage]:
        options = options_of(OctodnsSettings)
        which = Stage(
            "which octoDNS provider",
            {"class": options["class"]},
            "Any will do: once its package is installed, its class is offered here.",
            offers=True,
        )
        if not settings.get("class"):
            return [which, Stage("its settings", {})]
        from engine.backends.dns.arguments import options_of_class
        from engine.backends.dns.provider import load_class

        own = options_of_class(load_class(str(settings["class"])))
        ours = {name: options[name] for name in _HERE}
        about = f"What {settings['class']} asks for, and the zone that it serves."
        return [which, Stage("its settings", {**own, **ours}, about)]

    def choices(self, settings: Settings, ground: Ground) -> Mapping[str, list[Choice]]:
        from engine.backends.dns.arguments import installed_providers

        return {"class": [Choice(path, of) for path, of in installed_providers().items()]}

    def revised(self, before: Settings, after: Settings) -> Settings:
        if before.get("class") == after.get("class"):
            return after
        return {key: value for key, value in after.items() if key not in ("args", "secret_args")}


SETUP = OctodnsSetup("any DNS, by octoDNS", OctodnsSettings, Part("", ()))
