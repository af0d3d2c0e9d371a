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


def many_options(count: int) -> dict[str, Any]:
    """Options without sections: large forms open with their sections folded."""
    return {
        "type": "object",
        "properties": {
            f"option-{number:04}": {
                "type": "integer",
                "default": number,
                "description": f"Number {number}.",
            }
            for number in range(count)
        },
    }


def main(mode: str) -> int:
    """Run until the user leaves; the engine's double is made behind the first paint."""
    from tui.app import HomeportApp
    from tui.start import run_on_terminal

    made: list[Any] = []
    count = mode.partition("options=")[2]

    def opener() -> Any:
        if not made:
            from tui.screenshots.example import ExampleHomeport

            example = ExampleHomeport(empty=mode not in ("running", "dashboard"))
            if mode == "dashboard":
                example.finish_what_runs()
            if count:
                example.options = many_options(int(count))
            made.append(example)
        return made[0]

    class Played(HomeportApp):
        def on_ready(self) -> None:
            if count:
                from tui.deploying import Wish
                from tui.screens.deploy_form import DeployForm

                wish = Wish("radicale", "3.5.4", "harbour-a", "cal", "cal.harbour-a.lab")
                self.push_screen(DeployForm(wish))

    state = Path(os.environ["HOMEPORT_HOME"])
    return run_on_terminal(Played(opener, state=state), state)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1] if len(sys.argv) > 1 else "running"))
