"""The guest's reverse proxy, as data: Caddy's native JSON, made from typed values.

No template is filled, so nothing in a value can become configuration. Caddy expands
`{placeholders}` in some strings; the values that reach it (a checked DNS name, an address,
our own paths) have no braces, and bodies escape theirs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import InvalidInput
from engine.methods import passed_on

HOLD = "60s"
"""So long a request waits for an application that does not run yet. Nothing was sent of it
then, so that it is served once, whatever it asks."""
_DOMAIN = re.compile(r"(?=.{1,253}\Z)(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))+")


@dataclass(frozen=True)
class Site:
    """One public name and the application behind it."""

    domain: str
    url: str
    """Its public address, with the port where that is not 443."""
    listen: str
    """Address to listen on; "" for all."""
    http_port: int
    https_port: int
    upstream: str
    """"address:port" of the application."""
    certificate: str
    key: str
    storage: str
    """Directory for what Caddy keeps."""
    documents: Mapping[str, Mapping[str, Any]]
    """Path -> JSON document that the proxy answers itself ("/.well-known/...")."""
    forward_to: str = ""
    """"address:port" of the proxy that serves the name now; everything is passed on to it."""
    log: str = ""
    """File for a line per request that is passed on; "" for none."""
    behind: str = ""
    """Address of a proxy that passes requests on to this one, and is believed about clients.
    While there is one, the application may not run yet: requests wait for it."""


def caddy_config(site: Site) -> bytes:
    """Caddy's configuration for this site alone, with HTTP sent on to HTTPS."""
    if not _DOMAIN.fullmatch(site.domain):
        raise InvalidInput("this is not a DNS name", on=site.domain)
    config: dict[str, Any] = {
        # By a unix socket in the unit's private directory: no local user, and not the
        # application, may speak to it, as they could on the usual TCP port.
        "admin": {"listen": "unix/admin.sock", "config": {"persist": False}},
        "storage": {"module": "file_system", "root": site.storage},
        "apps": {
            "tls": {
                "certificates": {
                    "load_files": [{"certificate": site.certificate, "key": site.key}]
                },
                "disable_ocsp_stapling": True,
            },
            "http": {
                "http_port": site.http_port,
                "https_port": site.https_port,
                "servers": {"redirect": _redirect(site), "site": _server(site)},
            },
        },
    }
    if site.forward_to and site.log:
        config["logging"] = passed_on.logging(site.log)
    return json.dumps(config, indent=2, sort_keys=True).encode() + b"\n"


def _redirect(site: Site) -> dict[str, Any]:
    return {
        "listen": [authority(site.listen, site.http_port)],
        "automatic_https": {"disable": True},
        "routes": [
            {
                "match": [{"host": [site.domain]}],
                "handle": [
                    {
                        "handler": "static_response",
                        "status_code": 308,
                        "headers": {"Location": [site.url + "{http.request.uri}"]},
                    }
                ],
            }
        ],
    }


def _server(site: Site) -> dict[str, Any]:
    routes = [_document(path, document) for path, document in sorted(site.documents.items())]
    upstream: dict[str, Any]
    if site.forward_to:
        routes = [{"handle": [_forward(site)]}]
    else:
        upstream = {"handler": "reverse_proxy", "upstreams": [{"dial": site.upstream}]}
        if site.behind:
            upstream["trusted_proxies"] = [site.behind]
            upstream["load_balancing"] = {"try_duration": HOLD, "try_interval": "50ms"}
        routes.append({"handle": [upstream]})
    server: dict[str, Any] = {
        "listen": [authority(site.listen, site.https_port)],
        "protocols": ["h1", "h2"],
        "automatic_https": {"disable": True},
        "tls_connection_policies": [{}],
        "routes": [
            {
                "match": [{"host": [site.domain]}],
                "handle": [{"handler": "subroute", "routes": routes}],
                "terminal": True,
            }
        ],
    }
    if site.forward_to and site.log:
        server["logs"] = {"default_logger_name": "passed-on"}
    return server


def _forward(site: Site) -> dict[str, Any]:
    """To the same name elsewhere, which must show a certificate of the same issuer: what is
    trusted is the site's own chain, whoever signed it. The client's address goes along in
    X-Forwarded-For, in which Caddy believes nobody in front of it."""
    return {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": site.forward_to}],
        # Said outright: newer Caddys would put the upstream's address in.
        "headers": {"request": {"set": {"Host": ["{http.request.hostport}"]}}},
        "transport": {
            "protocol": "http",
            "tls": {"server_name": site.domain, "root_ca_pem_files": [site.certificate]},
        },
    }


def authority(address: str, port: int) -> str:
    """ "address:port", with brackets around an IPv6 address."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _document(path: str, document: Mapping[str, Any]) -> dict[str, Any]:
    body = json.dumps(document, sort_keys=True)
    return {
        "match": [{"path": [path]}],
        "handle": [
            {
                "handler": "static_response",
                "status_code": 200,
                "headers": {
                    "Content-Type": ["application/json"],
                    "Access-Control-Allow-Origin": ["*"],
                },
                "body": body.replace("{", "\\{"),
            }
        ],
        "terminal": True,
    }
