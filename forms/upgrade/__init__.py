"""The review of an upgrade: old default, yours and new default side by side, and what to decide.

review = Review(
    [Release("1.0", old_schema), Release("1.1", between), Release("2.0", new_schema)],
    {"auth": {"lc_username": True}},
    application="radicale",
    migrations=read_migrations(yaml_data),     # what the package declares
    ledger=ledger,                             # what people confirmed before
    who="kim",
)
review.title                                   # "radicale 1.0 -> 2.0"
review.ready                                   # True: nothing is left to decide
for row in review.rows(Filter(asks=True)):     # a lazy sequence of Row
    print(row.mark, row.path, row.text, row.note)

key = review.next()                            # the first that a person must decide
detail = review.detail(key)                    # why, and what can be done
review.do(key, detail.actions[0])              # the suggested action, if detail.suggested
review.set_text(key, "8080")                   # or a value that is typed
for bulk in review.bulks(("server",)):         # "keep your value of 5 options in server"
    review.do_all(bulk)
review.undo()                                  # the row to go back to, or None

review.document()                              # valid once the review is ready
review.archive()                               # what is not in it as it was set, and why
review.identities()                            # for the ledger: nobody decides them again
"""

from forms.upgrade.bulk import Bulk
from forms.upgrade.decision import Key, Verb
from forms.upgrade.ledger import Identity, Ledger
from forms.upgrade.options import Release
from forms.upgrade.report import Facts, report_data
from forms.upgrade.report_html import report_html
from forms.upgrade.report_text import report_text
from forms.upgrade.review import Review
from forms.upgrade.rows import Action, Detail, Filter, Row, Rows, Said
from forms.upgrade.saving import NotTaken, answers_text, read_answers_text
from forms.upgrade.standing import Archived
from forms.upgrade.status import Status

__all__ = [
    "Action",
    "Archived",
    "Bulk",
    "Detail",
    "Facts",
    "Filter",
    "Identity",
    "Key",
    "Ledger",
    "NotTaken",
    "Release",
    "Review",
    "Row",
    "Rows",
    "Said",
    "Status",
    "Verb",
    "answers_text",
    "read_answers_text",
    "report_data",
    "report_html",
    "report_text",
]
