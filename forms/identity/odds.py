"""Likelihood as log-odds, in which evidence adds up: 0 is as likely as not, 3 is 95 %."""

from __future__ import annotations

from math import exp

_MOST = 12.0


def bounded(log_odds: float) -> float:
    """No surer than evidence ever is, so that one sum cannot drown the others."""
    return max(-_MOST, min(_MOST, log_odds))


def probability(log_odds: float) -> float:
    return 1 / (1 + exp(-max(-60.0, min(60.0, log_odds))))
