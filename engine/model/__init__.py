"""The words of design.md as values: frozen, JSON in and out, without behaviour of their own."""
