"""Keys that edit take effect in the order in which they were typed.

Textual inserts a letter when it reaches the field, but looks for the action of a key like
Backspace only after the key has bubbled up to the application. When several keys come at
once, as they do over a slow line, "Backspace e" would insert the e and then delete it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import events
from textual.widget import Widget

if TYPE_CHECKING:
    from tui.screens.page import Page


async def act_at_once(field: Widget, event: events.Key) -> None:
    """Run the field's own action of a key now, and let nobody else see the key.

    For the `_on_key` of a field; Textual calls that of its base classes afterwards by itself,
    unless the key is used up here.
    """
    if event.is_printable:
        return
    for key in event.aliases:
        for binding in field._bindings.key_to_bindings.get(key, ()):
            if await field.app.run_action(binding.action, default_namespace=field):
                event.stop()
                event.prevent_default()
                return


async def act_for_page(field: Widget, event: events.Key) -> None:
    """Run the action that a key has on the field or on its page now; a key that was typed
    before the focus had moved on from the field goes to where the focus is.

    For the `_on_key` of a field whose keys open others: in "/steps", typed at once, the s must
    not be the key of a command.
    """
    focused = field.screen.focused
    if focused is not None and focused is not field:
        event.stop()
        event.prevent_default()
        focused._forward_event(events.Key(event.key, event.character))
        return
    page = cast("Page", field.screen)
    page.key_typed(event.key)
    for owner in (page, field):
        for key in event.aliases:
            for binding in owner._bindings.key_to_bindings.get(key, ()):
                if await field.app.run_action(binding.action, default_namespace=owner):
                    event.stop()
                    event.prevent_default()
                    return
