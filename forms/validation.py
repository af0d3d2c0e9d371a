"""Problems of a document, by path and in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forms.model.row import Problem


def validate_document(
    schema: Mapping[str, Any] | bool, document: Any, *, assume_defaults: bool = True
) -> list[Problem]:
    """Everything wrong with `document`, in the order of its options.

    Options that the schema does not know, and options that Homeport decides (`x-managed`),
    are problems too. assume_defaults: a required option that has a default may be left out.
    """
    raise NotImplementedError
