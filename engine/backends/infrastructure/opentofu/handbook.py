"""The README in a deployment's directory, for whoever finds it without Homeport."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.backends.infrastructure.opentofu.parts import Part

_TEXT = """\
# {name}: its infrastructure

This directory declares what the deployment `{name}` ({owner}) stands on at the provider
`{provider}`. Homeport writes it and runs {product} on it; it is yours, and needs no Homeport:

    {trust}{binary} init
    {binary} plan -var-file=token.tfvars

finds no difference. `token.tfvars` is a file of yours, readable by you alone:

{secrets}

{state}

- `versions.tf.json`, `provider.tf.json`: which plug-ins, in which version, and where they talk to.
{parts}
- `.homeport/`: where Homeport runs {product}; nothing in it is needed.

Homeport overwrites only files that are as it wrote them; where one was edited it stops and says
so. Files of your own beside them are heeded. What is declared is protected from being replaced,
since it holds the application's data. Not declared are whether the guest runs and whether the role
may log in (a move may have shut them for good), passwords and keys. To take it all over for good,
copy this directory, and do not let Homeport destroy the deployment.
"""
_FILE = """\
The state is `terraform.tfstate`, in this directory. Keep a copy of it with your backups."""
_SERVICE = """\
The state is kept at {url}. Get access to it from whoever looks after that service
(with Homeport: `homeport state grant {state} --user NAME`), and set TF_HTTP_USERNAME,
TF_HTTP_PASSWORD and, for an authority of your own, TF_HTTP_CLIENT_CA_CERTIFICATE_PEM."""


def handbook(
    *,
    name: str,
    owner: str,
    provider: str,
    binary: str,
    parts: Sequence[Part],
    secrets: Mapping[str, str],
    authorities: str,
    state: str = "",
    url: str = "",
) -> str:
    """secrets: variable -> what it looks like. authorities: the file that the plug-ins are to
    believe; "" for the system's. state, url: of the service that keeps the state; "" where it is
    a file."""
    return _TEXT.format(
        name=name,
        owner=owner,
        provider=provider,
        binary=binary,
        product="Terraform" if "terraform" in binary else "OpenTofu",
        parts="\n".join(f"- `{part.file}`: {part.what}." for part in parts),
        secrets="\n".join(f'    {name} = "{value}"' for name, value in secrets.items()),
        trust=f'export SSL_CERT_FILE="$PWD/{authorities}"\n    ' if authorities else "",
        state=_SERVICE.format(url=url, state=state) if url else _FILE,
    )
