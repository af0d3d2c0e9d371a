"""`homeport state grant PROJECT/NAME --user USER`."""

from __future__ import annotations

import argparse

from engine.cli import output
from engine.cli.state_arguments import add_state
from engine.homeport import Homeport
from engine.tfstate.model import StateName

EPILOG = "The password is shown once and kept nowhere; a second grant makes a new one."
_BLOCK = """\
terraform {{
  backend "http" {{
    address        = "{url}"
    lock_address   = "{url}"
    unlock_address = "{url}"
    lock_method    = "LOCK"
    unlock_method  = "UNLOCK"
  }}
}}"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_state(parser)
    parser.add_argument("--user", required=True, help="name of a person or a machine")
    parser.add_argument(
        "--url", default="https://localhost:8444", help="where the service is reached"
    )


def run(options: argparse.Namespace) -> int:
    name = StateName.parse(options.state)
    with Homeport.open() as homeport:
        secret = homeport.opentofu_states(options.provider).grant(name, options.user)
    url = f"{options.url.rstrip('/')}/state/{name}"
    if options.json:
        output.emit_json({"address": url, "user": options.user, "password": secret})
        return 0
    output.line(_BLOCK.format(url=url))
    output.line()
    output.line("# in the environment of tofu or terraform; the password is shown only now")
    output.line(f"TF_HTTP_USERNAME={options.user}")
    output.line(f"TF_HTTP_PASSWORD={secret}")
    return 0
