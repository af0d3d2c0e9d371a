"""Keys that edit take effect in the order in which they were typed.

Textual inserts a letter when it reaches the field, but looks for the action of a key like
Backspace only after the key has bubbled up to the application. When several keys come at
once, as they do over a slow line, "Backspace e" would insert the e and then delete it.
"""

from __future__ import annotations

from textual import events
from textual.widget import Widget


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
