"""A value as new YAML: in block style for whole sections, in flow style for one line."""

from __future__ import annotations

from typing import Any

from forms.model.rawtext import dumper

_WIDE = 1 << 30


def block_lines(value: Any, step: int = 2, indented: bool = False) -> list[str]:
    """The lines of a value. step: how far sections are indented; indented: lists are, too."""
    if isinstance(value, dict) and value:
        lines = []
        for key, inner in value.items():
            first, *below = _hanging(inner, step, indented)
            lines.append(f"{key_written(key)}:{first and ' '}{first}")
            lines += below
        return lines
    if isinstance(value, list) and value:
        lines = []
        for item in value:
            first, *below = block_lines(item, step, indented)
            lines.append(f"- {first}")
            lines += [f"  {line}" if line else line for line in below]
        return lines
    if isinstance(value, str) and _is_block(value):
        text = value.removesuffix("\n")
        return [
            "|" if text != value else "|-",
            *(f"  {line}" if line else "" for line in text.split("\n")),
        ]
    return [flow_text(value)]


def _hanging(value: Any, step: int, indented: bool) -> list[str]:
    """The lines of a value behind its key: the first of them on the key's line."""
    lines = block_lines(value, step, indented)
    if not isinstance(value, dict | list) or not value:
        return lines
    indent = " " * (step if isinstance(value, dict) else step if indented else 0)
    return ["", *(indent + line if line else line for line in lines)]


def _is_block(text: str) -> bool:
    """Can a text of several lines be written as it is?"""
    lines = text.removesuffix("\n").split("\n")
    return (
        "\n" in text
        and bool(lines[0])
        and not lines[0][0].isspace()
        and bool(lines[-1])
        and text.replace("\n", "").isprintable()
    )


def flow_text(value: Any, indent: str = "") -> str:
    """A value on one line."""
    import yaml

    if isinstance(value, str) and "\n" in value:
        text: str = yaml.dump(
            value, Dumper=dumper(), allow_unicode=True, width=_WIDE, default_style='"'
        )
    else:
        text = yaml.dump(
            value,
            Dumper=dumper(),
            allow_unicode=True,
            sort_keys=False,
            default_flow_style=True,
            width=_WIDE,
        )
    return text.removesuffix("\n").removesuffix("\n...")


def key_written(key: str) -> str:
    return flow_text(key)
