"""Pictures of the interface, made by `python -m tui.screenshots` from fixed examples."""
