"""Steps that begin at the same moment share one loop and one set of connections."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from engine.guests import connections, event_loop


def test_threads_that_come_first_together_get_the_same_loop_and_connections() -> None:
    many = 32
    for _ in range(20):
        event_loop.event_loop.forget()
        connections.links.forget()
        barrier = threading.Barrier(many)

        def ask(barrier: threading.Barrier = barrier) -> tuple[int, int]:
            barrier.wait()
            return id(event_loop.event_loop()), id(connections.links())

        with ThreadPoolExecutor(many) as pool:
            answers = {task.result() for task in [pool.submit(ask) for _ in range(many)]}
        assert len(answers) == 1
