"""A provider for OpenTofu in the place of bpg/proxmox, which no registry gives us here: what
Homeport declares, with the same names, made at a real Proxmox VE API.

Run by the Python that has the package `tf`, never imported. Like the provider that it stands for
it replaces a guest whose node or id changes, knows nothing of what it cannot read back (where a
disk was imported from), and starts what is declared to be started.

Where the directory of HOLD has a file `hold-<moment>`, it makes one called `held` there, and goes
on once the first is gone: tests kill it in between.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from tf import runner, schema, types
from tf.gen import tfplugin_pb2 as pb
from tf.iface import Provider, Resource

State = dict[str, Any]


class Block(schema.NestedBlock):
    """A list of blocks, as bpg/proxmox has them; `tf` knows sets alone."""

    def __init__(self, name: str, *blocks: Block, **attributes: types.TfType) -> None:
        fields = [schema.Attribute(key, kind, optional=True) for key, kind in attributes.items()]
        super().__init__(name, schema.NestMode.Set, schema.Block(fields, list(blocks)))

    def to_pb(self) -> Any:
        made = super().to_pb()
        made.nesting = pb.Schema.NestedBlock.NestingMode.LIST
        return made

    def encode(self, value: Any) -> Any:
        return [self._whole(item) for item in value or []]

    def decode(self, value: Any) -> Any:
        return [self._whole(item) for item in value or []]

    def semantically_equal(self, a_decoded: Any, b_decoded: Any) -> bool:
        return self.encode(a_decoded) == self.encode(b_decoded)

    def _whole(self, item: State) -> State:
        own = {name: item.get(name) for name in self._amap()}
        return own | {name: block.encode(item.get(name)) for name, block in self._bmap().items()}


TEXT, NUMBER, BOOL = types.String(), types.Number(), types.Bool()
TEXTS = types.List(TEXT)
ADDRESS = {"address": TEXT, "gateway": TEXT}
BLOCKS = [
    Block("agent", enabled=BOOL, timeout=TEXT),
    Block("cpu", cores=NUMBER, type=TEXT),
    Block("memory", dedicated=NUMBER),
    Block("operating_system", type=TEXT),
    Block("vga", type=TEXT),
    Block("serial_device", device=TEXT),
    Block("network_device", bridge=TEXT, model=TEXT),
    Block("disk", interface=TEXT, datastore_id=TEXT, import_from=TEXT, size=NUMBER, discard=TEXT),
    Block(
        "initialization",
        Block("dns", domain=TEXT, servers=TEXTS),
        Block("ip_config", Block("ipv4", **ADDRESS), Block("ipv6", **ADDRESS)),
        Block("user_account", username=TEXT, keys=TEXTS),
        datastore_id=TEXT,
        interface=TEXT,
    ),
]
FLAGS = ("on_boot", "started", "stop_on_destroy", "reboot_after_update")


class Api:
    endpoint = ""
    token = ""

    def ask(self, method: str, path: str, **parameters: Any) -> Any:
        given = {key: _worded(value) for key, value in parameters.items() if value is not None}
        body, query = urllib.parse.urlencode(given), ""
        if method in ("GET", "DELETE"):
            body, query = "", f"?{body}" if body else ""
        request = urllib.request.Request(
            f"{self.endpoint}api2/json/{path}{query}",
            method=method,
            data=body.encode() or None,
            headers={"Authorization": f"PVEAPIToken={self.token}"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())["data"]

    def do(self, node: str, method: str, path: str, **parameters: Any) -> None:
        upid = self.ask(method, path, **parameters)
        while upid:
            status = self.ask("GET", f"nodes/{node}/tasks/{urllib.parse.quote(upid)}/status")
            if status["status"] == "stopped":
                if status["exitstatus"] != "OK":
                    raise RuntimeError(status["exitstatus"])
                return
            time.sleep(0.05)

    def rows(self) -> list[State]:
        found: list[State] = self.ask("GET", "cluster/resources", type="vm")
        return found


api = Api()


class Vm(Resource):
    def __init__(self, provider: Provider) -> None:
        """All it needs is the API."""

    @classmethod
    def get_name(cls) -> str:
        return "vm"

    @classmethod
    def get_schema(cls) -> schema.Schema:
        text = [schema.Attribute(name, TEXT, optional=True) for name in ("name", "description")]
        more = [schema.Attribute(name, TEXT, optional=True) for name in ("scsi_hardware",)]
        lists = [schema.Attribute(name, TEXTS, optional=True) for name in ("tags", "boot_order")]
        flags = [schema.Attribute(name, BOOL, optional=True) for name in FLAGS]
        return schema.Schema(
            attributes=[
                schema.Attribute("id", TEXT, computed=True),
                schema.Attribute("node_name", TEXT, required=True, requires_replace=True),
                schema.Attribute("vm_id", NUMBER, optional=True, requires_replace=True),
                schema.Attribute("pool_id", TEXT, optional=True),
                *text,
                *more,
                *lists,
                *flags,
            ],
            block_types=list(BLOCKS),
        )

    def create(self, context: Any, planned: State) -> State | None:
        node, vmid, disk = planned["node_name"], int(planned["vm_id"]), planned["disk"][0]
        cloud = planned["initialization"][0]
        own = cloud["user_account"][0]
        hold("before-create")
        try:
            api.do(
                node,
                "POST",
                f"nodes/{node}/qemu",
                vmid=vmid,
                name=planned["name"],
                description=planned["description"],
                tags=";".join(planned["tags"]),
                onboot=planned["on_boot"],
                pool=planned["pool_id"],
                ostype=planned["operating_system"][0]["type"],
                scsihw=planned["scsi_hardware"],
                boot=f"order={';'.join(planned['boot_order'])}",
                serial0=planned["serial_device"][0]["device"],
                vga=planned["vga"][0]["type"],
                cores=int(planned["cpu"][0]["cores"]),
                memory=int(planned["memory"][0]["dedicated"]),
                agent=f"enabled={int(planned['agent'][0]['enabled'])}",
                net0=_network(planned["network_device"][0]),
                ide2=f"{cloud['datastore_id']}:cloudinit",
                ciuser=own["username"],
                sshkeys=urllib.parse.quote("\n".join(own["keys"]), safe=""),
                ipconfig0=_addresses(cloud["ip_config"][0]),
                nameserver=" ".join(cloud["dns"][0]["servers"] or []) or None,
                searchdomain=cloud["dns"][0]["domain"],
                **{
                    disk["interface"]: f"{disk['datastore_id']}:0,import-from="
                    f"{disk['import_from']},discard={disk['discard']}"
                },
            )
            place = f"nodes/{node}/qemu/{vmid}"
            size = f"{int(disk['size'])}G"
            api.do(node, "PUT", f"{place}/resize", disk=disk["interface"], size=size)
            if planned["started"]:
                api.do(node, "POST", f"{place}/status/start")
            hold("after-create")
        except (urllib.error.HTTPError, RuntimeError) as error:
            context.diagnostics.add_error("error creating VM", _said(error))
            return None
        return planned | {"id": str(vmid)}

    def read(self, context: Any, current: State) -> State | None:
        node, vmid = current["node_name"], int(current["vm_id"])
        if all(int(row["vmid"]) != vmid or row["node"] != node for row in api.rows()):
            return None
        place = f"nodes/{node}/qemu/{vmid}"
        config = api.ask("GET", f"{place}/config")
        status = api.ask("GET", f"{place}/status/current")["status"]
        disk = (current["disk"] or [{"interface": "scsi0"}])[0]
        volume, _, options = str(config[disk["interface"]]).partition(",")
        said = dict(part.split("=", 1) for part in options.split(","))
        found = {
            "name": config.get("name"),
            "description": str(config.get("description") or "").rstrip("\n"),
            "tags": [tag for tag in str(config.get("tags") or "").split(";") if tag],
            "on_boot": str(config.get("onboot", "0")) == "1",
            "started": status == "running",
            "scsi_hardware": config.get("scsihw"),
            "boot_order": str(config["boot"]).removeprefix("order=").split(";"),
            "cpu": _first(current, "cpu", cores=int(config.get("cores", 1))),
            "memory": _first(current, "memory", dedicated=int(config.get("memory", 512))),
            "agent": _first(current, "agent", enabled="1" in str(config.get("agent", "0"))),
            "operating_system": [{"type": config.get("ostype")}],
            "vga": [{"type": config.get("vga")}],
            "serial_device": [{"device": config.get("serial0")}],
            "network_device": [_network_of(config["net0"])],
            "disk": [
                {
                    **disk,
                    "datastore_id": volume.partition(":")[0],
                    "size": _gib(said["size"]),
                    "discard": said.get("discard", "ignore"),
                }
            ],
        }
        return current | found

    def update(self, context: Any, current: State, planned: State) -> State | None:
        node, vmid = planned["node_name"], int(planned["vm_id"])
        place = f"nodes/{node}/qemu/{vmid}"
        disk, before = planned["disk"][0], current["disk"][0]
        wanted = {
            "name": planned["name"],
            "description": planned["description"],
            "tags": ";".join(planned["tags"]),
            "onboot": planned["on_boot"],
            "cores": int(planned["cpu"][0]["cores"]),
            "memory": int(planned["memory"][0]["dedicated"]),
        }
        try:
            if int(disk["size"]) < int(before["size"]):
                raise RuntimeError("disks cannot be made smaller")
            api.ask("PUT", f"{place}/config", **wanted)
            if int(disk["size"]) > int(before["size"]):
                size = f"{int(disk['size'])}G"
                api.do(node, "PUT", f"{place}/resize", disk=disk["interface"], size=size)
        except (urllib.error.HTTPError, RuntimeError) as error:
            context.diagnostics.add_error("error updating VM", _said(error))
            return current
        return planned

    def delete(self, context: Any, current: State) -> None:
        node, vmid = current["node_name"], int(current["vm_id"])
        place = f"nodes/{node}/qemu/{vmid}"
        try:
            if api.ask("GET", f"{place}/status/current")["status"] == "running":
                api.do(node, "POST", f"{place}/status/stop")
            unused = {"purge": True, "destroy-unreferenced-disks": True}
            api.do(node, "DELETE", place, **unused)
        except (urllib.error.HTTPError, RuntimeError) as error:
            context.diagnostics.add_error("error deleting VM", _said(error))

    def upgrade(self, context: Any, version: int, old: State) -> State:
        return old

    def import_(self, context: Any, id: str) -> State:  # noqa: A002
        node, _, vmid = id.partition("/")
        empty: State = {a.name: None for a in self.get_schema().attributes}
        lists: State = {block.type_name: [] for block in BLOCKS}
        return empty | lists | {"id": vmid, "node_name": node, "vm_id": int(vmid)}


class Proxmox(Provider):
    def get_model_prefix(self) -> str:
        return "proxmox_virtual_environment_"

    def full_name(self) -> str:
        return "registry.terraform.io/bpg/proxmox"

    def get_provider_schema(self, diagnostics: Any) -> schema.Schema:
        return schema.Schema(
            attributes=[
                schema.Attribute("endpoint", TEXT, required=True),
                schema.Attribute("api_token", TEXT, required=True, sensitive=True),
            ]
        )

    def validate_config(self, diagnostics: Any, config: State) -> None:
        """The schema says it all."""

    def configure_provider(self, diagnostics: Any, config: State) -> None:
        api.endpoint, api.token = config["endpoint"], config["api_token"]

    def get_data_sources(self) -> list[Any]:
        return []

    def get_resources(self) -> list[Any]:
        return [Vm]


def hold(moment: str) -> None:
    directory = Path(os.environ["HOLD"])
    while (directory / f"hold-{moment}").exists():
        (directory / "held").touch()
        time.sleep(0.02)


def _worded(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else value


def _said(error: Exception) -> str:
    return error.read().decode() if isinstance(error, urllib.error.HTTPError) else str(error)


def _first(current: State, block: str, **found: Any) -> list[State]:
    return [{**(current[block] or [{}])[0], **found}]


def _network(device: State) -> str:
    return f"{device['model']},bridge={device['bridge']}"


def _network_of(text: str) -> State:
    parts = text.split(",")
    bridge = next(part for part in parts if part.startswith("bridge="))
    return {"model": parts[0].partition("=")[0], "bridge": bridge.removeprefix("bridge=")}


def _addresses(config: State) -> str:
    parts = []
    for block, ip, gateway in (("ipv4", "ip", "gw"), ("ipv6", "ip6", "gw6")):
        for found in config[block]:
            parts.append(f"{ip}={found['address']}")
            parts += [f"{gateway}={found['gateway']}"] if found["gateway"] else []
    return ",".join(parts)


def _gib(size: str) -> float:
    number, unit = float(size[:-1]), size[-1]
    return number * {"M": 1 / 1024, "G": 1, "T": 1024}[unit]


if __name__ == "__main__":
    sys.argv.pop(1)  # its name
    runner.run_provider(Proxmox())
