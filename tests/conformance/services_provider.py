"""Providers for OpenTofu in the place of those for NetBox, PostgreSQL and AWS, which no registry
gives us here: what Homeport declares, with the same names, made at the real services.

Run by the Python that has the package `tf`, with the name of one of them, never imported;
SITE is where the clients of the services are installed. They do as their models do where Homeport
relies on it: attributes that are not given are not touched, a role is dropped with what it owns, a
database is dropped without force, a grant cannot be imported.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from tf import runner, schema, types
from tf.iface import Provider, Resource

from tests.conformance.proxmox_provider import BOOL, NUMBER, TEXT, TEXTS, Block, State, hold

sys.path.append(os.environ["SITE"])
CONFIGURATION: State = {}


class Plain(Resource):
    """Attributes by name; those of `anew` cannot be changed."""

    name = ""
    attributes: ClassVar[dict[str, Any]] = {}
    anew: tuple[str, ...] = ()

    def __init__(self, provider: Provider) -> None:
        """All it needs is the configuration."""

    @classmethod
    def get_name(cls) -> str:
        return cls.name

    @classmethod
    def get_schema(cls) -> schema.Schema:
        given = [
            schema.Attribute(name, kind, optional=True, requires_replace=name in cls.anew)
            for name, kind in cls.attributes.items()
        ]
        return schema.Schema(attributes=[schema.Attribute("id", TEXT, computed=True), *given])

    def create(self, context: Any, planned: State) -> State | None:
        hold("before-create")
        with self._told(context, "creating"):
            made = planned | {"id": self.make(planned)}
            hold("after-create")
            return made
        return None

    def read(self, context: Any, current: State) -> State | None:
        found = self.found(current["id"], current)
        return None if found is None else current | found

    def update(self, context: Any, current: State, planned: State) -> State | None:
        with self._told(context, "updating"):
            self.change(current, planned)
            return planned
        return current

    def delete(self, context: Any, current: State) -> None:
        with self._told(context, "deleting"):
            self.remove(current)

    def import_(self, context: Any, id: str) -> State:  # noqa: A002
        return dict.fromkeys(self.attributes) | {"id": id}

    def upgrade(self, context: Any, version: int, old: State) -> State:
        return old

    @contextmanager
    def _told(self, context: Any, doing: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever a client raises, OpenTofu is to hear
            context.diagnostics.add_error(f"error {doing} {self.name}", str(error))

    # what a kind of resource is

    def make(self, planned: State) -> str:
        raise NotImplementedError

    def found(self, key: str, current: State) -> State | None:
        raise NotImplementedError

    def change(self, current: State, planned: State) -> None:
        raise NotImplementedError

    def remove(self, current: State) -> None:
        raise NotImplementedError


# --- PostgreSQL ---------------------------------------------------------------------------


@contextmanager
def connected() -> Iterator[Any]:
    import psycopg

    told = CONFIGURATION
    with psycopg.connect(
        host=told["host"],
        port=int(told["port"]),
        user=told["username"],
        password=told["password"],
        dbname=told["database"],
        sslmode=told["sslmode"],
        sslrootcert=told["sslrootcert"],
        autocommit=True,
    ) as connection:
        yield connection


class Role(Plain):
    name = "role"
    attributes: ClassVar[dict[str, Any]] = {"name": TEXT, "login": BOOL}
    anew = ("name",)

    def make(self, planned: State) -> str:
        with connected() as server:
            server.execute(f'CREATE ROLE "{planned["name"]}" {_login(planned)}')
        return str(planned["name"])

    def found(self, key: str, current: State) -> State | None:
        with connected() as server:
            text = "SELECT rolname, rolcanlogin FROM pg_roles WHERE rolname = %s"
            row = server.execute(text, (key,)).fetchone()
        return {"name": row[0], "login": row[1]} if row else None

    def change(self, current: State, planned: State) -> None:
        with connected() as server:
            server.execute(f'ALTER ROLE "{planned["name"]}" {_login(planned)}')

    def remove(self, current: State) -> None:
        name = current["name"]
        with connected() as server, server.transaction():
            server.execute(f'REASSIGN OWNED BY "{name}" TO CURRENT_USER')
            server.execute(f'DROP OWNED BY "{name}"')
            server.execute(f'DROP ROLE "{name}"')


class Database(Plain):
    name = "database"
    attributes: ClassVar[dict[str, Any]] = dict.fromkeys(
        ("name", "owner", "template", "encoding", "lc_collate", "lc_ctype"), TEXT
    )
    anew = ("template", "encoding", "lc_collate", "lc_ctype")

    def make(self, planned: State) -> str:
        with connected() as server:
            server.execute(
                f'CREATE DATABASE "{planned["name"]}" OWNER "{planned["owner"]}" '
                f"TEMPLATE \"{planned['template']}\" ENCODING '{planned['encoding']}' "
                f"LC_COLLATE '{planned['lc_collate']}' LC_CTYPE '{planned['lc_ctype']}'"
            )
        return str(planned["name"])

    def found(self, key: str, current: State) -> State | None:
        with connected() as server:
            text = """SELECT datname, pg_get_userbyid(datdba), pg_encoding_to_char(encoding),
                datcollate, datctype FROM pg_database WHERE datname = %s"""
            row = server.execute(text, (key,)).fetchone()
        names = ("name", "owner", "encoding", "lc_collate", "lc_ctype")
        template = {"template": current["template"] or "template0"}
        return dict(zip(names, row, strict=True)) | template if row else None

    def change(self, current: State, planned: State) -> None:
        with connected() as server:
            server.execute(f'ALTER DATABASE "{planned["name"]}" OWNER TO "{planned["owner"]}"')

    def remove(self, current: State) -> None:
        with connected() as server:
            server.execute(f'DROP DATABASE "{current["name"]}"')


class Grant(Plain):
    """On a database, and to everybody: what Homeport declares is that they may nothing."""

    name = "grant"
    attributes: ClassVar[dict[str, Any]] = {
        "database": TEXT,
        "role": TEXT,
        "object_type": TEXT,
        "privileges": TEXTS,
    }
    anew = ("database", "role", "object_type")

    def make(self, planned: State) -> str:
        assert (planned["role"], planned["privileges"]) == ("public", [])
        self._revoke(planned)
        return f"public_{planned['database']}_database"

    def found(self, key: str, current: State) -> State | None:
        with connected() as server:
            text = "SELECT datacl IS NULL FROM pg_database WHERE datname = %s"
            row = server.execute(text, (current["database"],)).fetchone()
            text = """SELECT privilege_type FROM
                (SELECT (aclexplode(datacl)).* FROM pg_database WHERE datname = %s) AS every
                WHERE grantee = 0"""
            held = [str(one[0]) for one in server.execute(text, (current["database"],))]
        return {"privileges": ["CONNECT", "TEMPORARY"] if row[0] else held} if row else None

    def change(self, current: State, planned: State) -> None:
        self._revoke(planned)

    def remove(self, current: State) -> None:
        self._revoke(current)

    def _revoke(self, told: State) -> None:
        with connected() as server:
            server.execute(f'REVOKE ALL ON DATABASE "{told["database"]}" FROM PUBLIC')


def _login(planned: State) -> str:
    return "LOGIN" if planned["login"] else "NOLOGIN"


# --- NetBox -------------------------------------------------------------------------------


def netbox() -> Any:
    import pynetbox

    api = pynetbox.api(CONFIGURATION["server_url"], token=CONFIGURATION["api_token"])
    api.http_session.verify = os.environ["SSL_CERT_FILE"]
    return api


class Tag(Plain):
    name = "tag"
    attributes: ClassVar[dict[str, Any]] = {"name": TEXT, "slug": TEXT, "description": TEXT}

    def make(self, planned: State) -> str:
        return str(netbox().extras.tags.create(_given(planned)).id)

    def found(self, key: str, current: State) -> State | None:
        one = netbox().extras.tags.get(int(key))
        return one and {name: str(getattr(one, name)) for name in self.attributes}

    def change(self, current: State, planned: State) -> None:
        netbox().extras.tags.get(int(current["id"])).update(_given(planned))

    def remove(self, current: State) -> None:
        netbox().extras.tags.get(int(current["id"])).delete()


class IpAddress(Plain):
    name = "ip_address"
    attributes: ClassVar[dict[str, Any]] = {
        **dict.fromkeys(("ip_address", "status", "dns_name", "description"), TEXT),
        **dict.fromkeys(("vrf_id", "interface_id", "virtual_machine_interface_id"), NUMBER),
        "object_type": TEXT,
        "tags": TEXTS,
    }

    def make(self, planned: State) -> str:
        return str(netbox().ipam.ip_addresses.create(self._body(planned)).id)

    def found(self, key: str, current: State) -> State | None:
        one = netbox().ipam.ip_addresses.get(int(key))
        return one and {
            "ip_address": str(one.address),
            "status": one.status.value,
            "dns_name": one.dns_name or None,
            "description": one.description,
            "vrf_id": one.vrf.id if one.vrf else None,
            "tags": [tag.name for tag in one.tags],
        }

    def change(self, current: State, planned: State) -> None:
        netbox().ipam.ip_addresses.get(int(current["id"])).update(self._body(planned))

    def remove(self, current: State) -> None:
        netbox().ipam.ip_addresses.get(int(current["id"])).delete()

    def _body(self, planned: State) -> State:
        told = _given({k: planned[k] for k in ("status", "dns_name", "description")})
        tags = [{"name": name} for name in planned["tags"]]
        return told | {"address": planned["ip_address"], "vrf": planned["vrf_id"], "tags": tags}


def _given(planned: State) -> State:
    return {key: value for key, value in planned.items() if value is not None and key != "id"}


# --- S3 -----------------------------------------------------------------------------------


def s3(name: str = "") -> Any:
    from engine.state.programs.s3 import Bucket

    return Bucket(_s3_told("s3", name))


def iam(action: str, **parameters: str) -> Any:
    """The answer to one action; None where there is no such thing."""
    from engine.state.programs.s3 import Bucket, Refused, parsed

    server = Bucket(_s3_told("iam", ""))
    server.service = "iam"
    body = urllib.parse.urlencode({"Action": action, "Version": "2010-05-08", **parameters})
    headers = {"content-type": "application/x-www-form-urlencoded"}
    try:
        return parsed(server.ask("POST", headers=headers, body=body.encode()).read())
    except Refused as error:
        if error.code == "NoSuchEntity":
            return None
        raise


def _s3_told(service: str, name: str) -> dict[str, str]:
    told = CONFIGURATION
    keys = {"key": told["access_key"], "secret": told["secret_key"]}
    where = {"endpoint": told["endpoints"][0][service], "region": told["region"]}
    return {**keys, **where, "bucket": name, "prefix": ""}


class S3Bucket(Plain):
    name = "s3_bucket"
    attributes: ClassVar[dict[str, Any]] = {"bucket": TEXT, "tags": types.Map(TEXT)}
    anew = ("bucket",)

    def make(self, planned: State) -> str:
        s3(planned["bucket"]).ask("PUT").read()
        self.change({}, planned)
        return str(planned["bucket"])

    def found(self, key: str, current: State) -> State | None:
        from engine.state.programs.s3 import Refused, parsed

        try:
            answer = parsed(s3(key).ask("GET", query={"tagging": ""}).read())
        except Refused as error:
            return None if error.code == "NoSuchBucket" else {"bucket": key, "tags": None}
        return {"bucket": key, "tags": dict(zip(*_texts(answer, "Key", "Value"), strict=True))}

    def change(self, current: State, planned: State) -> None:
        pairs = (planned["tags"] or {}).items()
        inner = "".join(f"<Tag><Key>{k}</Key><Value>{v}</Value></Tag>" for k, v in pairs)
        body = f"<Tagging><TagSet>{inner}</TagSet></Tagging>".encode()
        s3(planned["bucket"]).ask("PUT", query={"tagging": ""}, body=body).read()

    def remove(self, current: State) -> None:
        s3(current["bucket"]).ask("DELETE").read()


class User(Plain):
    name = "iam_user"
    attributes: ClassVar[dict[str, Any]] = {"name": TEXT}
    anew = ("name",)

    def make(self, planned: State) -> str:
        iam("CreateUser", UserName=planned["name"])
        return str(planned["name"])

    def found(self, key: str, current: State) -> State | None:
        return None if iam("GetUser", UserName=key) is None else {"name": key}

    def remove(self, current: State) -> None:
        """As of AWS, where a user that has keys stays."""
        [keys] = _texts(iam("ListAccessKeys", UserName=current["name"]), "AccessKeyId")
        assert not keys, "DeleteConflict"
        iam("DeleteUser", UserName=current["name"])


class UserPolicy(Plain):
    name = "iam_user_policy"
    attributes: ClassVar[dict[str, Any]] = dict.fromkeys(("name", "user", "policy"), TEXT)
    anew = ("name", "user")

    def make(self, planned: State) -> str:
        self.change({}, planned)
        return f"{planned['user']}:{planned['name']}"

    def found(self, key: str, current: State) -> State | None:
        user, _, name = key.partition(":")
        answer = iam("GetUserPolicy", UserName=user, PolicyName=name)
        if answer is None:
            return None
        [texts] = _texts(answer, "PolicyDocument")
        policy, known = json.loads(urllib.parse.unquote(texts[0])), current["policy"]
        is_same = known and _sorted(policy) == _sorted(json.loads(known))
        return {"user": user, "name": name, "policy": known if is_same else json.dumps(policy)}

    def change(self, current: State, planned: State) -> None:
        iam(
            "PutUserPolicy",
            UserName=planned["user"],
            PolicyName=planned["name"],
            PolicyDocument=planned["policy"],
        )

    def remove(self, current: State) -> None:
        iam("DeleteUserPolicy", UserName=current["user"], PolicyName=current["name"])


def _texts(answer: Any, *names: str) -> list[list[str]]:
    """Of all elements of each name, wherever in the answer."""
    tags = [(one.tag.rpartition("}")[2], one.text or "") for one in answer.iter()]
    return [[text for tag, text in tags if tag == name] for name in names]


def _sorted(policy: Any) -> Any:
    """Lists of a policy have no order."""
    if isinstance(policy, dict):
        return {key: _sorted(value) for key, value in policy.items()}
    return sorted(map(json.dumps, map(_sorted, policy))) if isinstance(policy, list) else policy


PROVIDERS: dict[str, tuple[list[str], list[type[Plain]]]] = {
    "netbox": (["server_url", "api_token"], [Tag, IpAddress]),
    "postgresql": (
        ["host", "database", "username", "password", "sslmode", "sslrootcert"],
        [Role, Database, Grant],
    ),
    "aws": (["region", "access_key", "secret_key"], [S3Bucket, User, UserPolicy]),
}


_FLAGS = (
    *("superuser", "skip_version_check", "s3_use_path_style", "skip_requesting_account_id"),
    *("skip_credentials_validation", "skip_metadata_api_check", "skip_region_validation"),
)


class Services(Provider):
    """kind: a key of PROVIDERS."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._texts, self._resources = PROVIDERS[kind]

    def get_model_prefix(self) -> str:
        return f"{self._kind}_"

    def full_name(self) -> str:
        return os.environ["SOURCE"]

    def get_provider_schema(self, diagnostics: Any) -> schema.Schema:
        told = {**dict.fromkeys(self._texts, TEXT), "port": NUMBER, **dict.fromkeys(_FLAGS, BOOL)}
        return schema.Schema(
            attributes=[schema.Attribute(name, kind, optional=True) for name, kind in told.items()],
            block_types=[Block("endpoints", s3=TEXT, iam=TEXT)],
        )

    def validate_config(self, diagnostics: Any, config: State) -> None:
        """The schema says it all."""

    def configure_provider(self, diagnostics: Any, config: State) -> None:
        CONFIGURATION.update(config)

    def get_data_sources(self) -> list[Any]:
        return []

    def get_resources(self) -> list[Any]:
        return list(self._resources)


if __name__ == "__main__":
    runner.run_provider(Services(sys.argv.pop(1)))
