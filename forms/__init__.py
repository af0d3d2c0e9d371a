"""Any JSON Schema as a form: rows to show, commands to change them, messages in plain words.

The form model renders nothing and knows no engine: the Textual grid, plain prompts, the
command line and tests all stand on it. Nodes are made when they are looked at, so a form of
50,000 options opens like one of ten.

    form = FormModel(schema, {"server": {"port": 80}})
    rows = form.rows(Filter(text="port"))      # a live sequence of Row
    form.parse(("server", "port"), "99999")    # per key: what it means, what is wrong
    form.set_text(("server", "port"), "8080")  # on Enter
    form.validate()                            # messages now stand on their rows
    form.document()                            # {"server": {"port": 8080}}

    validate_document(schema, document)        # without a form: [Problem(path, message, hint)]

`forms.files` reads and writes documents, comments and layout kept; `forms.plain` is the form by
prompts, and `forms.answers` fills it in from a file.
"""

from collections.abc import Mapping
from typing import Any

from forms.model.form import FormModel
from forms.model.row import Change, Filter, Help, Origin, Parsed, Problem, Row
from forms.model.rows import Rows
from forms.paths import Path, parse_path, path_text
from forms.schema.shape import Kind


def validate_document(
    schema: Mapping[str, Any] | bool,
    document: Any,
    *,
    assume_defaults: bool = True,
    closed: bool = True,
) -> list[Problem]:
    """See `forms.validation.validate_document`, which is imported with the first call."""
    from forms.validation import validate_document

    return validate_document(schema, document, assume_defaults=assume_defaults, closed=closed)


__all__ = [
    "Change",
    "Filter",
    "FormModel",
    "Help",
    "Kind",
    "Origin",
    "Parsed",
    "Path",
    "Problem",
    "Row",
    "Rows",
    "parse_path",
    "path_text",
    "validate_document",
]
