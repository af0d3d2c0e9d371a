"""The README in a deployment's directory, for whoever finds it without Homeport."""

from __future__ import annotations

from engine.backends.infrastructure.opentofu.declaration import TOKEN_VARIABLE

_TEXT = """\
# {name}: its infrastructure

This directory declares what the deployment `{name}` ({owner}) stands on at the provider
`{provider}`. Homeport writes it and runs {product} on it; it is yours, and needs no Homeport:

    {trust}{binary} init
    {binary} plan -var-file=token.tfvars

finds no difference. `token.tfvars` is a file of yours, readable by you alone:

    {variable} = "{token_id}=<the token's secret>"

{state}

- `versions.tf.json`, `provider.tf.json`: which plug-in, in which version, and where it talks to.
- `guest.tf.json`: the guest. Whether it runs is not declared: a move may have switched it off for
  good. It is protected from being replaced, since its disk holds the application's data.
- `.homeport/`: where Homeport runs {product}; nothing in it is needed.

Homeport overwrites only files that are as it wrote them; where one was edited it stops and says
so. Files of your own beside them are heeded. To take the guest over for good, copy this directory,
and do not let Homeport destroy the deployment.
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
    token_id: str,
    has_authority: bool,
    state: str = "",
    url: str = "",
) -> str:
    """state, url: of the service that keeps the state; "" where it is a file."""
    return _TEXT.format(
        name=name,
        owner=owner,
        provider=provider,
        binary=binary,
        product="Terraform" if "terraform" in binary else "OpenTofu",
        token_id=token_id,
        variable=TOKEN_VARIABLE,
        trust='export SSL_CERT_FILE="$PWD/proxmox-ca.pem"\n    ' if has_authority else "",
        state=_SERVICE.format(url=url, state=state) if url else _FILE,
    )
