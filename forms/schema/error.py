"""The one error of this package: a schema that cannot be used, and why."""

from __future__ import annotations


class SchemaError(ValueError):
    """The schema cannot be used. Says where in the schema, as a JSON pointer."""

    def __init__(self, message: str, pointer: str = "") -> None:
        super().__init__(f"{message} (at {pointer})" if pointer else message)
        self.message = message
        self.pointer = pointer
