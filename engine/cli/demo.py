"""`homeport demo`: the whole story on a fresh lab of its own; 0 only if all of it held."""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path

from engine.cli import output
from engine.paths import Paths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--keep", action="store_true", help="keep the installation's files, to look at them"
    )


def run(options: argparse.Namespace) -> int:
    from engine.demo.story import Story

    home = Path(tempfile.mkdtemp(prefix="homeport-demo-"))
    # The worker is a process of its own: it, too, must find this home and no other.
    os.environ["HOMEPORT_HOME"] = str(home)
    paths = Paths.from_environment().ensure()
    proofs = 0

    def tell(chapter: str, claim: str, seconds: float | None) -> None:
        nonlocal proofs
        proofs += 1
        if options.json:
            output.emit_json_line({"chapter": chapter, "held": claim, "seconds": seconds})
        else:
            figure = "" if seconds is None else f"  {seconds:.1f} s"
            output.line(f"{chapter:<10} {claim}{figure}")

    began = time.monotonic()
    try:
        Story(paths, tell).run()
    finally:
        if not options.keep:
            shutil.rmtree(home, ignore_errors=True)
    if options.json:
        output.emit_json_line({"held": proofs, "seconds": time.monotonic() - began})
    else:
        output.line(f"All {proofs} claims held, in {time.monotonic() - began:.0f} s.")
    return 0
