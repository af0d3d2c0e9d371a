"""Two schemas compared by what they mean, whatever their notation.

options_of(schema)             # the flat listing: {("server", "port"): Option, ...}
"""

from forms.diff.listing import ANY, Listing, Option, options_of

__all__ = ["ANY", "Listing", "Option", "options_of"]
