"""Two schemas compared by what they mean, whatever their notation.

options_of(schema)             # the flat listing: {("server", "port"): Option, ...}
for difference in compare(old, new, values=document):
    print(difference.severity, path_text(difference.path), difference.text)
    print(difference.action)
"""

from forms.diff.children import ANY
from forms.diff.compare import compare
from forms.diff.difference import Comparison, Difference, Guess, Kind, Severity, Suggest
from forms.diff.likely import likely
from forms.diff.listing import Listing, options_of
from forms.diff.option import Option

__all__ = [
    "ANY",
    "Comparison",
    "Difference",
    "Guess",
    "Kind",
    "Listing",
    "Option",
    "Severity",
    "Suggest",
    "compare",
    "likely",
    "options_of",
]
