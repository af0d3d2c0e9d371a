"""Which of an option's branches a value belongs to."""

from __future__ import annotations

from typing import Any

from forms.schema.branches import Forms, discriminator
from forms.schema.merge import View
from forms.schema.validator import Validator
from forms.values import is_type, same


def fitting(forms: Forms, value: Any, validator: Validator) -> int:
    """Index of the branch that a value belongs to: by its type, by the constants that branches
    ask for, by which of them accepts it, and last by how much of it a branch knows."""
    left = [
        i
        for i, branch in enumerate(forms.branches)
        if branch.view.types is None or is_type(value, branch.view.types)
    ]
    if isinstance(value, dict) and len(left) > 1:
        left = [i for i in left if constants_agree(forms.branches[i].view, value)] or left
    if len(left) > 1:
        left = [
            i
            for i in left
            if all(validator.is_valid(schema, value) for schema in forms.branches[i].schemas)
        ] or left
    if len(left) > 1 and isinstance(value, dict):
        left.sort(key=lambda i: -_known_share(forms.branches[i].view, value))
    return left[0] if left else 0


def constants_agree(view: View, value: dict[str, Any]) -> bool:
    """Does a value hold none but the constants that this view asks for?"""
    for key in view.properties:
        constant = discriminator(view, key)
        if constant is not None and key in value and not same(constant, value[key]):
            return False
    return True


def _known_share(view: View, value: dict[str, Any]) -> float:
    wanted = sum(key in value for key in view.required)
    known = sum(key in view.properties for key in value)
    lacking = sum(key not in value for key in view.required)
    return wanted * 2 + known - lacking * 0.5
