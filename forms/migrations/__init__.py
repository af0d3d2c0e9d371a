"""Config migrations: what upstream changed between releases, declared by a package.

    migrations = read_migrations(yaml_data)           # MigrationsError, with places
    changes = migrations.changes("3.5.0", "3.9.0")    # over all releases between
    applied = apply(changes, {"auth": {"lc_username": True}})
    applied.document                                  # {"auth": {"lowercase": True}}
    applied.effects                                   # what was done, value by value

Nothing is lost by any change: a value that one cannot be made to stays where it is and is
asked about, and what is dropped is in the effects. `check` finds what is wrong with migrations
and the schemas of the releases that they lead between.
"""

from forms.migrations.apply import Defaults, Runner, apply
from forms.migrations.chain import Migrations, NoWayBack, composed
from forms.migrations.change import Change, Declared, Migration
from forms.migrations.check import check_migrations
from forms.migrations.effect import Applied, Effect, Outcome, traced
from forms.migrations.inverse import inverse, inverses
from forms.migrations.read import MigrationsError, Mistake, read_migrations, read_what_can_be

__all__ = [
    "Applied",
    "Change",
    "Declared",
    "Defaults",
    "Effect",
    "Migration",
    "Migrations",
    "MigrationsError",
    "Mistake",
    "NoWayBack",
    "Outcome",
    "Runner",
    "apply",
    "check_migrations",
    "composed",
    "inverse",
    "inverses",
    "read_migrations",
    "read_what_can_be",
    "traced",
]
