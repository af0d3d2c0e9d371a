"""What the verbs of `homeport state` share."""

from __future__ import annotations

import argparse
from datetime import datetime


def add_provider(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--provider", default="", metavar="NAME", help="whose OpenBao, where several have one"
    )


def add_state(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("state", metavar="PROJECT/NAME", help="the state")
    add_provider(parser)


def shown_time(at: datetime) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}"
