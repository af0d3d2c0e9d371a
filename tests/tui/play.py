"""The interface on its examples, as a program: for the pty tests and for looking at it.

python tests/tui/play.py [dashboard|empty|options=N]
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")


def main(mode: str) -> int:
    """Run until the user leaves; the engine's double is made behind the first paint."""
    from tui.app import HomeportApp
    from tui.start import run_on_terminal

    made: list[Any] = []

    def opener() -> Any:
        if not made:
            from tui.screenshots.example import ExampleHomeport

            example = ExampleHomeport(empty=mode == "empty")
            if mode == "dashboard":
                example.finish_what_runs()
            made.append(example)
        return made[0]

    state = Path(os.environ["HOMEPORT_HOME"])
    return run_on_terminal(HomeportApp(opener, state=state), state)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1] if len(sys.argv) > 1 else "running"))
