"""Documents in files: read, changed in place with their comments and layout, written safely.

form = format_of("compose.yaml")
value = read(text, form)
rewritten(text, form, value | {"x": 1}).text     # the same text with one line more
"""

from forms.files.disk import FileOnDisk
from forms.files.documents import Format, Rewritten, format_of, new_text, read, rewritten
from forms.files.trouble import FileTrouble

__all__ = [
    "FileOnDisk",
    "FileTrouble",
    "Format",
    "Rewritten",
    "format_of",
    "new_text",
    "read",
    "rewritten",
]
