"""What the workflow engine writes down: plain JSON, and nothing that is not.

DBOS pickles by default. A pickle binds a run to the code that wrote it and executes what it
holds when it is read; an operation must outlive an update, so everything else than JSON is
refused when it is written. Exceptions keep their type's name and their text.
"""

from __future__ import annotations

import json
from typing import Any

from dbos import Serializer

_ERROR = "$error"


class JournaledError(Exception):
    """An error as the journal remembers it."""


class JsonSerializer(Serializer):
    def name(self) -> str:
        return "homeport_json"

    def serialize(self, data: Any) -> str:
        """TypeError or ValueError for a value that JSON does not hold."""
        if isinstance(data, BaseException):
            data = {_ERROR: {"type": type(data).__name__, "text": str(data)[:2000]}}
        return json.dumps(data, allow_nan=False, separators=(",", ":"))

    # DBOS declares this one with a first parameter called cls.
    def deserialize(cls, serialized_data: str) -> Any:  # noqa: N805
        data = json.loads(serialized_data)
        if isinstance(data, dict) and _ERROR in data:
            return JournaledError(f"{data[_ERROR]['type']}: {data[_ERROR]['text']}")
        return data
