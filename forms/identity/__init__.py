"""Option identity: which option of a release is which of an earlier one, whatever its path.

    candidates = match(old, new, known={("a", "b"): ("c", "b")})
    candidates[("tls", "min")]      # best first: Candidate(old, new, score, reasons)

Likeness of names, types, defaults and descriptions is weighed together with what neighbouring
options did (`forms.identity.model` says how). A score is the probability that a person would
confirm the candidate. Nothing is decided here.
"""

from forms.identity.matching import KNOWN, Candidate, match
from forms.identity.option import Name, Option

__all__ = ["KNOWN", "Candidate", "Name", "Option", "match"]
