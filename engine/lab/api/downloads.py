"""Files that the lab's node fetches by itself: `POST .../download-url`, for disk images.

The file is fetched and its checksum compared for real; what is kept of an image is its name and
the size of the disk in it, because guests of the lab are not made from disks.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
import urllib.error
import urllib.request
from typing import Any

from aiohttp import web
from fakepve import PveError, TaskError
from fakepve.routing import param_error
from fakepve.server import USER, ok, params

from engine.lab.api.nets import Nets

_MAGIC = b"QFI\xfb"
_HEADER = 32
"""Bytes of a qcow2 file up to and with the size of its disk."""
_CHUNK, _SECONDS = 1 << 20, 30.0


class Downloads(Nets):
    """Mixin: the node has a way out."""

    async def _download_url(self, request: Any) -> web.Response:
        name, store = self._file_storage(request, "download")
        user, node = request[USER], request.match_info["node"]
        self.require(user, f"/storage/{name}", "Datastore.AllocateTemplate")
        if not self.allowed(user, f"/nodes/{node}", "Sys.AccessNetwork"):
            self.require(user, "/", "Sys.Audit")
            self.require(user, "/", "Sys.Modify")
        wanted = self._verify(request, await params(request))
        self._need_file_storage(store, "can't upload to storage type '{0}'")
        content, file = wanted["content"], str(wanted["filename"])
        if content not in str(store.get("content")).split(","):
            raise PveError(500, f"storage '{name}' is not configured for content-type '{content}'")
        if content != "import":
            raise PveError(501, "the lab fetches nothing but disk images this way")
        if not file.endswith(".qcow2"):
            raise param_error(filename="wrong file extension")
        algorithm, checksum = wanted.get("checksum-algorithm"), wanted.get("checksum")
        if bool(algorithm) != bool(checksum):
            raise param_error(checksum="property 'checksum-algorithm' and 'checksum' go together")

        async def body() -> str:
            there = store.setdefault("volumes", {}).get(f"import/{file}")
            if there is not None:
                if checksum and there.get("sums", {}).get(algorithm) == checksum:
                    return "OK, got correct file already, no need to download"
                raise TaskError(f"refusing to override existing file '{file}'")
            image = await asyncio.to_thread(_fetch, str(wanted["url"]), algorithm, checksum)
            store["volumes"][f"import/{file}"] = image | {
                "content": "import",
                "format": "qcow2",
                "ctime": int(time.time()),
            }
            return f"downloading {wanted['url']} to {file}"

        answer: web.Response = ok(await self.task(node, "download", file, user, body))
        return answer


def _fetch(url: str, algorithm: str | None, checksum: str | None) -> dict[str, Any]:
    """Size of the file and of its disk, and the sum that was asked for. TaskError."""
    if not url.startswith(("http://", "https://")):
        raise TaskError(f"download failed: unsupported address '{url}'")
    digest = hashlib.new(algorithm or "sha256")
    size, head = 0, b""
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer:
            while data := answer.read(_CHUNK):
                head += data[: _HEADER - len(head)]
                digest.update(data)
                size += len(data)
    except (urllib.error.URLError, OSError) as error:
        raise TaskError(f"download failed: {error}") from error
    if checksum and digest.hexdigest() != checksum:
        raise TaskError(f"checksum mismatch: got '{digest.hexdigest()}' != expect '{checksum}'")
    if not head.startswith(_MAGIC) or len(head) < _HEADER:
        raise TaskError("Image is not in qcow2 format")
    disk = int.from_bytes(head[24:_HEADER], "big")
    return {"size": size, "disk": disk, "sums": {algorithm or "sha256": digest.hexdigest()}}
