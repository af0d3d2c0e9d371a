"""What Homeport may do in NetBox: the least that it needs, as a script to paste."""

from __future__ import annotations

USER = "homeport"
VIEW = ("ipam.prefix", "ipam.iprange", "ipam.vrf", "virtualization.cluster")
"""Object types that are read."""
MADE = {
    "ipam.ipaddress": "ipam/ip-addresses",
    "extras.tag": "extras/tags",
    "virtualization.virtualmachine": "virtualization/virtual-machines",
    "virtualization.vminterface": "virtualization/interfaces",
}
"""Object types of which Homeport makes, changes and removes its own, and their endpoints."""


def set_up_script() -> str:
    """Python for NetBox's own shell: a user, a permission for each kind, and a token."""
    return f"""
from core.models import ObjectType
from users.models import ObjectPermission, Token, User

user, _ = User.objects.get_or_create(username="{USER}")

def grant(name, actions, kinds):
    permission, _ = ObjectPermission.objects.get_or_create(
        name=name, defaults={{"actions": actions}}
    )
    permission.actions = actions
    permission.save()
    permission.object_types.set(
        [ObjectType.objects.get_by_natural_key(*kind.split(".")) for kind in kinds]
    )
    permission.users.add(user)

grant("Homeport: look", ["view"], {list(VIEW)})
grant("Homeport: its own", ["view", "add", "change", "delete"], {list(MADE)})

token = Token(user=user, write_enabled=True)
token.save()
print(f"nbt_{{token.key}}.{{token.token}}")   # give this to Homeport; it is shown only once
"""
