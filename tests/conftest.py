"""What holds for all tests, however they were started."""

from __future__ import annotations

import signal

# A process that nohup or a CI started ignores SIGHUP, and so do all its children: the tests
# of what a lost terminal does would then test something else.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
