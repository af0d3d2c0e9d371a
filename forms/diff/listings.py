"""The listings of two schemas that are compared, as far as anything needs them.

What differs is found by walking both schemas side by side, without a listing. Only marks of
renames can stand anywhere, and guesses are made among all options.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property

from forms.diff.listing import Listing, listed
from forms.diff.reader import Reader
from forms.diff.unchanged import all_schemas
from forms.paths import Path

Both = tuple[Listing, Listing]


class Listings:
    """Listings of an old schema and a new one."""

    def __init__(self, old: Reader, new: Reader) -> None:
        self._old, self._new = old, new

    @cached_property
    def whole(self) -> Both:
        """All options of both."""
        old = listed(self._old, self._old.document.root)
        return old, listed(self._new, self._new.document.root, beside=old)

    def telling(self, pairs: Collection[tuple[Path, Path]]) -> Both:
        """The options of these pairs of paths, if nothing in the schemas tells of further
        identities; else all options."""
        if self._marked:
            return self.whole
        old, new = (
            {path[:i] for path in side for i in range(1, len(path) + 1)}
            for side in ([was for was, _ in pairs], [now for _, now in pairs])
        )
        return (
            listed(self._old, self._old.document.root, only=old),
            listed(self._new, self._new.document.root, only=new),
        )

    @cached_property
    def _marked(self) -> bool:
        """Does the new schema say what options were called before, or do both give them ids?"""
        words = {
            word
            for schema in all_schemas(self._new.document.root)
            for word in _MARKS & schema.keys()
        }
        return "x-renamed-from" in words or ("x-id" in words and self._old_has_ids())

    def _old_has_ids(self) -> bool:
        return any("x-id" in schema for schema in all_schemas(self._old.document.root))


_MARKS = frozenset(["x-renamed-from", "x-id"])
