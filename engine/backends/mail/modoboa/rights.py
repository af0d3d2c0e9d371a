"""What Homeport may do in Modoboa: the least that there is, as commands to paste.

Modoboa knows no right that is smaller than that of a domain administrator: over the mailboxes and
aliases of the domains that it was given, those of others included, and over nothing else. By its
own interface it gives tokens to super administrators alone; its shell gives one to any account.
"""

from __future__ import annotations

USER = "homeport"


def set_up_commands(domain: str) -> str:
    """For Modoboa's owner, in the directory of its manage.py. Prints the token; run again, it
    prints the same one, and gives back rights that were lost."""
    return f"""\
python manage.py shell <<'END'
import secrets
from modoboa.admin.models import Domain
from modoboa.core.models import User
from rest_framework.authtoken.models import Token

user = User.objects.filter(username="{USER}").first() or User(username="{USER}")
user.set_password(secrets.token_urlsafe(48))  # nobody knows it: there is a token
user.is_active = True
user.save()
user.role = "DomainAdmins"
user.post_create(User.objects.filter(is_superuser=True).first())
Domain.objects.get(name="{domain}").add_admin(user)
made = ["mailboxes", "mailbox_aliases"]
user.userobjectlimit_set.filter(name__in=made).update(max_value=-1)
print(Token.objects.get_or_create(user=user)[0].key)
END"""
