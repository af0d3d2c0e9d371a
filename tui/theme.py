"""The two looks of the interface.

`homeport` is for terminals with 256 colours or more. `console16` is for the rest: it names
palette colours by number, and only those that keep a contrast of 4.5:1 on black with the
VGA palette of the Linux console (white, cyan, green; bold turns brown into yellow and red
into light red there). Neither dim text nor bright colours are used: on that console they
look alike or are not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.theme import Theme

if TYPE_CHECKING:
    from textual.app import App

HOMEPORT = Theme(
    name="homeport",
    primary="#7fb4e6",
    secondary="#5fd7d7",
    accent="#5fd7d7",
    warning="#ffd75f",
    error="#ff8787",
    success="#87d787",
    foreground="#dadada",
    background="#121212",
    surface="#121212",
    panel="#262626",
    variables={
        "ink": "#dadada",
        "ground": "#121212",
        "muted-ink": "#a8a8a8",
        "strong-ink": "#ffffff",
        "accent-ink": "#5fd7d7",
        "good-ink": "#87d787",
        "warn-ink": "#ffd75f",
        "bad-ink": "#ff8787",
        "bar-ink": "#ffffff",
        "bar-ground": "#005f87",
        "cursor-ink": "#121212",
        "cursor-ground": "#87afd7",
        "away-ink": "#ffffff",
        "away-ground": "#444444",
        "edit-ink": "#ffffff",
        "edit-ground": "#303030",
        "input-cursor-background": "#dadada",
        "input-cursor-foreground": "#121212",
        "input-cursor-text-style": "none",
    },
)

CONSOLE16 = Theme(
    name="console16",
    ansi=True,
    primary="ansi_cyan",
    secondary="ansi_cyan",
    accent="ansi_cyan",
    warning="ansi_white",
    error="ansi_white",
    success="ansi_green",
    foreground="ansi_white",
    background="ansi_black",
    surface="ansi_black",
    panel="ansi_black",
    variables={
        "ansi-background": "ansi_black",
        "ansi-foreground": "ansi_white",
        "ink": "ansi_white",
        "ground": "ansi_black",
        "muted-ink": "ansi_white",
        "strong-ink": "ansi_white",
        "accent-ink": "ansi_cyan",
        "good-ink": "ansi_green",
        "warn-ink": "ansi_white",
        "bad-ink": "ansi_white",
        "bar-ink": "ansi_black",
        "bar-ground": "ansi_cyan",
        "cursor-ink": "ansi_black",
        "cursor-ground": "ansi_white",
        "away-ink": "ansi_cyan",
        "away-ground": "ansi_black",
        "edit-ink": "ansi_black",
        "edit-ground": "ansi_cyan",
        "input-cursor-background": "ansi_white",
        "input-cursor-foreground": "ansi_black",
        "input-cursor-text-style": "none",
    },
)


def choose_theme(app: App[str]) -> str:
    """Register both looks and name the one that this terminal can show."""
    app.register_theme(HOMEPORT)
    app.register_theme(CONSOLE16)
    few_colours = app.console.color_system in (None, "standard")
    return "console16" if few_colours or app.no_color else "homeport"
