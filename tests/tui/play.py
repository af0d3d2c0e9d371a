"""The interface on its examples, as a program: for the pty tests and for looking at it.

python tests/tui/play.py [dashboard|moving|empty|options=N]
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from time import sleep
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


def carry_on(example: Any) -> None:
    """The move's data go over, told of four times a second."""
    from engine.model.events import StepProgress
    from tui.screenshots.example_move import MIB, MOVING_CHAT

    for quarter in range(10_000):
        progress = StepProgress(
            at=datetime.now(UTC),
            step="state.seed.media",
            done=488 * MIB + 16 * MIB * quarter,
            total=400_000 * MIB,
            unit="bytes",
        )
        example.tell(MOVING_CHAT.id, progress)
        sleep(0.25)


def main(mode: str) -> int:
    """Run until the user leaves; the engine's double is made behind the first paint."""
    from tui.app import HomeportApp
    from tui.start import run_on_terminal

    made: list[Any] = []
    count = mode.partition("options=")[2]

    def opener() -> Any:
        if not made:
            from tui.screenshots.example import ExampleHomeport

            example = ExampleHomeport(empty=mode not in ("running", "dashboard", "moving"))
            if mode == "moving":
                example.move_chat(over=False)
                Thread(target=carry_on, args=(example,), daemon=True).start()
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
