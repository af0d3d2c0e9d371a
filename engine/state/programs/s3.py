"""The objects of a bucket, by the S3 protocol: listed, read, copied to another bucket, kept.

An object is its content, its type and other headers, its metadata and its tags; a key is the
history of its versions where the bucket keeps them, else the one object. Objects go from bucket
to bucket through this guest, without touching its disk, or within the server where both are
the same one's. Requests are signed here (AWS Signature Version 4): a guest has no library for
it, and rclone carries neither tags nor versions. Not carried are access lists, classes of
storage, encryption settings and locks: these are what the target's provider makes of a bucket.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import http.client
import json
import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NoReturn
from urllib.parse import quote, unquote_plus, urlencode, urlsplit
from xml.etree import ElementTree

_THREADS = 8
_TRIES = 5
_CHUNK = 1 << 20
_PART, _PARTS = 16 << 20, 9_000
"""Larger objects are written in parts of this size, or in so many; S3 takes 10,000."""
_BUCKETS = 256
_KEPT = (
    *("content-type", "cache-control", "content-disposition", "content-encoding"),
    *("content-language", "expires", "x-amz-website-redirect-location"),
)
_METADATA = "x-amz-meta-"
_Known = dict[str, list[Any]]
"""Object -> its signature, then its digest."""


def fail(why: str) -> NoReturn:
    print(why, file=sys.stderr, flush=True)
    os._exit(1)  # from any thread


class Refused(Exception):
    """The server's answer is an error; code: its own word for it."""

    def __init__(self, status: int, code: str, on: str) -> None:
        super().__init__(f"{on}: {code or 'error'} (HTTP status {status})")
        self.status = status
        self.code = code


class Bucket:
    """One bucket as one key sees it. Connections are the thread's own and are kept."""

    service = "s3"
    """What requests are signed for."""

    def __init__(self, told: dict[str, str]) -> None:
        self._url = urlsplit(told["endpoint"])
        self.endpoint, self.name, self.prefix = told["endpoint"], told["bucket"], told["prefix"]
        self.access_key, self._secret, self._region = told["key"], told["secret"], told["region"]
        self._own = threading.local()

    # --- requests ---------------------------------------------------------------------------

    def ask(
        self,
        verb: str,
        key: str = "",
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> http.client.HTTPResponse:
        """The answer, not yet read. Refused; OSError where there is none."""
        path = quote(f"/{self.name}" + (f"/{key}" if key else ""), safe="/-_.~")
        pairs = sorted((query or {}).items())
        text = "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in pairs)
        payload = hashlib.sha256(body).hexdigest()
        signed = self._signed(verb, path, text, headers or {}, payload)
        connection = self._connection()
        try:
            connection.request(verb, f"{path}?{text}" if text else path, body, signed)
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise ConnectionError(f"{self.endpoint} does not answer: {error!r}") from error
        if answer.status >= 300:
            said = answer.read()
            code = _code_of(said) if said.lstrip()[:1] == b"<" else ""
            raise Refused(answer.status, code, f"{verb} {self.name}/{key}")
        return answer

    def read(self, verb: str, key: str = "", **more: Any) -> bytes:
        """A small answer; tried again where that may help. Nothing is read of the body twice."""
        answer: bytes = patiently(lambda: self.ask(verb, key, **more).read())
        return answer

    def hang_up(self) -> None:
        """What was not read of an answer is in nobody's way."""
        self._connection().close()

    def _connection(self) -> http.client.HTTPConnection:
        kept: http.client.HTTPConnection | None = getattr(self._own, "connection", None)
        if kept is None:
            kind = http.client.HTTPSConnection
            if self._url.scheme == "http":
                kind = http.client.HTTPConnection  # type: ignore[assignment]
            kept = kind(self._url.hostname or "", self._url.port, timeout=120)
            self._own.connection = kept
        return kept

    def _signed(
        self, verb: str, path: str, query: str, headers: dict[str, str], payload: str
    ) -> dict[str, str]:
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")  # noqa: UP017
        sent = {name.lower(): value.strip() for name, value in headers.items()}
        sent |= {"host": self._url.netloc, "x-amz-date": now, "x-amz-content-sha256": payload}
        names = sorted(name for name in sent if name != "content-length")
        lines = "".join(f"{name}:{sent[name]}\n" for name in names)
        request = "\n".join((verb, path, query, lines, ";".join(names), payload))
        scope = f"{now[:8]}/{self._region}/{self.service}/aws4_request"
        hashed = hashlib.sha256(request.encode()).hexdigest()
        to_sign = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashed}"
        key = b"AWS4" + self._secret.encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
        sent["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.access_key}/{scope},"
            f"SignedHeaders={';'.join(names)},Signature={signature}"
        )
        return sent

    # --- what there is ----------------------------------------------------------------------

    def exists(self) -> bool:
        try:
            self.read("HEAD")
        except Refused as refused:
            if refused.status == 404:
                return False
            raise
        return True

    def versioning(self) -> str:
        """'Enabled', 'Suspended', or '' where it never was."""
        return found(parsed(self.read("GET", query={"versioning": ""})), "Status") or ""

    def histories(self, versioned: bool, only: str = "") -> dict[str, list[dict[str, Any]]]:
        """Key below the prefix -> its versions, the oldest first. only: how the keys begin."""
        listed: dict[str, list[dict[str, Any]]] = {}
        for one in self._versions(only) if versioned else self._objects(only):
            listed.setdefault(one.pop("key"), []).insert(0, one)
        return listed

    def _objects(self, only: str) -> Iterator[dict[str, Any]]:
        query = {"list-type": "2", "prefix": self.prefix + only, "encoding-type": "url"}
        while True:
            page = parsed(self.read("GET", query=query))
            yield from (self._entry(page, one) for one in page if tag(one) == "Contents")
            if found(page, "IsTruncated") != "true":
                return
            query["continuation-token"] = found(page, "NextContinuationToken") or ""

    def _versions(self, only: str) -> Iterator[dict[str, Any]]:
        query = {"versions": "", "prefix": self.prefix + only, "encoding-type": "url"}
        while True:
            page = parsed(self.read("GET", query=query))
            kinds = ("Version", "DeleteMarker")
            yield from (self._entry(page, one) for one in page if tag(one) in kinds)
            if found(page, "IsTruncated") != "true":
                return
            query["key-marker"] = unquoted(page, found(page, "NextKeyMarker"))
            query["version-id-marker"] = found(page, "NextVersionIdMarker") or ""

    def _entry(self, page: ElementTree.Element, one: ElementTree.Element) -> dict[str, Any]:
        return {
            "key": unquoted(page, found(one, "Key"))[len(self.prefix) :],
            "version": found(one, "VersionId"),
            "etag": (found(one, "ETag") or "").strip('"'),
            "size": int(found(one, "Size") or 0),
            "modified": found(one, "LastModified") or "",
            "deleted": tag(one) == "DeleteMarker",
        }

    def about(self, key: str, version: str | None, answer: Any) -> dict[str, Any]:
        """Headers, metadata and tags. answer: to a request for the object."""
        headers = {name.lower(): value for name, value in answer.getheaders()}
        kept = {name: headers[name] for name in _KEPT if headers.get(name)}
        kept |= {name: value for name, value in headers.items() if name.startswith(_METADATA)}
        tags: dict[str, str] = {}
        if headers.get("x-amz-tagging-count", "?") != "0":
            query = {"tagging": "", **of_version(version)}
            try:
                for one in parsed(self.read("GET", self.prefix + key, query=query)).iter():
                    if tag(one) == "Tag":
                        tags[found(one, "Key") or ""] = found(one, "Value") or ""
            except Refused as refused:
                if refused.code != "NoSuchTagSet":
                    raise
        return {"headers": dict(sorted(kept.items())), "tags": dict(sorted(tags.items()))}

    # --- what is done -----------------------------------------------------------------------

    def put(self, key: str, about: dict[str, Any], chunks: Iterator[bytes], size: int) -> None:
        """The object, in parts where it is large; what was written is what was given."""
        headers = dict(about["headers"])
        if about["tags"]:
            headers["x-amz-tagging"] = urlencode(about["tags"], quote_via=quote)
        if size <= _PART:
            self._write(self.prefix + key, {}, headers, b"".join(chunks))
            return
        made = parsed(self.ask("POST", self.prefix + key, {"uploads": ""}, headers).read())
        upload, tags = found(made, "UploadId") or "", []
        try:
            for number, part in enumerate(regrouped(chunks, max(_PART, size // _PARTS)), 1):
                query = {"partNumber": str(number), "uploadId": upload}
                tags.append(self._write(self.prefix + key, query, {}, part))
            parts = "".join(
                f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
                for number, etag in enumerate(tags, 1)
            )
            body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
            said = parsed(
                self.ask("POST", self.prefix + key, {"uploadId": upload}, {}, body).read()
            )
            if tag(said) == "Error":
                raise Refused(200, found(said, "Code") or "", f"POST {self.name}/{key}")
        except BaseException:
            self.read("DELETE", self.prefix + key, query={"uploadId": upload})
            raise

    def _write(self, key: str, query: dict[str, str], headers: dict[str, str], body: bytes) -> str:
        checksum = base64.b64encode(hashlib.md5(body).digest()).decode()
        sent = {**headers, "content-md5": checksum}
        answer = self.ask("PUT", key, query, sent, body)
        answer.read()
        return answer.getheader("ETag") or ""

    def copy_within(self, source: Bucket, key: str, version: str | None) -> None:
        """By the server itself, with all that the object has."""
        origin = quote(f"/{source.name}/{source.prefix}{key}", safe="/-_.~")
        origin += f"?versionId={version}" if version else ""
        said = self.ask("PUT", self.prefix + key, {}, {"x-amz-copy-source": origin}).read()
        if said and tag(parsed(said)) == "Error":
            raise Refused(200, found(parsed(said), "Code") or "", f"copy to {self.name}/{key}")

    def remove(self, key: str, version: str | None = None) -> None:
        self.read("DELETE", self.prefix + key, query=of_version(version))


def patiently(act: Any) -> Any:
    for left in range(_TRIES - 1, -1, -1):
        try:
            return act()
        except (OSError, Refused) as error:
            lasting = isinstance(error, Refused) and error.status < 500 and error.status != 429
            if lasting or not left:
                raise
            time.sleep(0.2 * 2 ** (_TRIES - 1 - left))
    raise AssertionError


def unless_gone(act: Any) -> Any:
    """None where the object was removed since it was listed."""
    try:
        return patiently(act)
    except Refused as error:
        if error.status != 404:
            raise
        return None


def of_version(version: str | None) -> dict[str, str]:
    return {"versionId": version} if version else {}


def regrouped(chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    held = bytearray()
    for chunk in chunks:
        held += chunk
        if len(held) >= size:
            yield bytes(held[:size])
            del held[:size]
    if held:
        yield bytes(held)


def parsed(data: bytes) -> ElementTree.Element:
    return ElementTree.fromstring(data) if data else ElementTree.Element("nothing")


def tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _code_of(said: bytes) -> str:
    """Of an error, which an IAM wraps once more."""
    return next((one.text or "" for one in parsed(said).iter() if tag(one) == "Code"), "")


def found(element: ElementTree.Element, name: str) -> str | None:
    """Text of the first child of that name, whatever its namespace."""
    return next((child.text or "" for child in element if tag(child) == name), None)


def unquoted(page: ElementTree.Element, text: str | None) -> str:
    """A key as the listing has it: not every server encodes what it was asked to."""
    return unquote_plus(text or "") if found(page, "EncodingType") == "url" else text or ""


def in_threads(act: Any, given: Iterable[Any], threads: int = _THREADS) -> Iterator[Any]:
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(act, given)


# --- reading --------------------------------------------------------------------------------


def contents(answer: http.client.HTTPResponse, into: Any = None) -> Iterator[bytes]:
    while chunk := piece(answer):
        if into is not None:
            into.update(chunk)
        yield chunk


def paced(chunks: Iterator[bytes], limit: int) -> Iterator[bytes]:
    for chunk in chunks:
        yield chunk
        if limit:
            time.sleep(len(chunk) / (limit * 1024))


def piece(answer: http.client.HTTPResponse) -> bytes:
    try:
        return answer.read(_CHUNK)
    except http.client.HTTPException as error:
        raise ConnectionError(
            f"the server stopped in the middle of an object: {error!r}"
        ) from error


def entries(bucket: Bucket, known: _Known | None = None) -> Iterator[dict[str, Any]]:
    """Every version of every key, with the digest of its content; in the order of the keys.

    known: digests that were read before, by object. Of those that are as they were then, the
    server is asked for headers and tags only: tags change without a sign in the listing."""
    versioned = bucket.versioning() != ""
    digests = known or {}

    def described(one: tuple[str, int, dict[str, Any]]) -> dict[str, Any]:
        key, number, entry = one
        if entry["deleted"]:
            return {"name": key, "number": number, "deleted": True}
        version = entry["version"] if versioned else None
        *read_then, held_digest = digests.get(object_name(key, version), [""])

        def look() -> dict[str, Any]:
            answer = bucket.ask("HEAD", bucket.prefix + key, of_version(version))
            answer.read()
            told = {"name": key, "number": number, "size": entry["size"], "sha256": held_digest}
            return {**told, **bucket.about(key, version, answer)}

        def read() -> dict[str, Any]:
            digest, size = hashlib.sha256(), 0
            answer = bucket.ask("GET", bucket.prefix + key, of_version(version))
            for chunk in contents(answer, digest):
                size += len(chunk)
            told = {"name": key, "number": number, "size": size, "sha256": digest.hexdigest()}
            return {**told, **bucket.about(key, version, answer)}

        is_known = held_digest and read_then == signature(entry)
        held: dict[str, Any] = patiently(look if is_known else read)
        return held

    histories = bucket.histories(versioned)
    listed = [(k, n, one) for k in sorted(histories) for n, one in enumerate(histories[k])]
    yield from in_threads(described, listed)


def object_name(key: str, version: str | None) -> str:
    return f"{version or ''} {key}"


def signature(entry: dict[str, Any]) -> list[Any]:
    """What of a listed object is another when it was written again: an ETag stands for content."""
    return [entry["etag"], entry["size"], entry["modified"]]


def remembered(memo: str) -> _Known:
    """What `ahead` found; nothing where that is not to be had."""
    try:
        with open(memo) as file:
            found: _Known = json.load(file)
            return found
    except (FileNotFoundError, ValueError):
        return {}


def ahead(task: dict[str, Any]) -> dict[str, Any]:
    """Reads what `describe` need not read again unless it changes, while somebody else writes.
    bytes: what was read now."""
    bucket, before = Bucket(task["bucket"]), remembered(task["memo"])
    versioned = bucket.versioning() != ""

    def digested(one: tuple[str, dict[str, Any]]) -> tuple[str, list[Any], int]:
        key, entry = one
        version = entry["version"] if versioned else None
        called, found = object_name(key, version), signature(entry)
        if before.get(called, [])[:-1] == found:
            return called, before[called], 0

        def read() -> tuple[str, list[Any], int]:
            digest = hashlib.sha256()
            answer = bucket.ask("GET", bucket.prefix + key, of_version(version))
            same = (answer.getheader("ETag") or "").strip('"') == entry["etag"]
            size = sum(map(len, contents(answer, digest)))
            return called, [*found, digest.hexdigest()] if same else [], size

        result: tuple[str, list[Any], int] = unless_gone(read) or (called, [], 0)
        return result

    listed = [(k, one) for k, history in bucket.histories(versioned).items() for one in history]
    there = (one for one in listed if not one[1]["deleted"])
    now, size = _Known(), 0
    for called, found, read in in_threads(digested, there):
        size += read
        if found:
            now[called] = found
    part = task["memo"] + ".part"
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(now, file)
    os.replace(part, task["memo"])
    return {"items": len(now), "bytes": size}


def in_bucket(name: str) -> int:
    return hashlib.sha256(name.encode(errors="surrogateescape")).digest()[0] % _BUCKETS


def describe(task: dict[str, Any]) -> dict[str, Any]:
    """Counts, and the digests of the entries by buckets of their names. memo: of `ahead`."""
    bucket = Bucket(task["bucket"])
    if not bucket.exists():
        return {"items": 0, "bytes": 0, "buckets": []}
    digests = [hashlib.sha256() for _ in range(_BUCKETS)]
    digests[0].update(bucket.versioning().encode())
    items = size = 0
    for entry in entries(bucket, remembered(task["memo"])):
        line = json.dumps(entry, sort_keys=True) + "\n"
        digests[in_bucket(entry["name"])].update(line.encode())
        items += 1
        size += entry.get("size", 0)
    return {"items": items, "bytes": size, "buckets": [digest.hexdigest() for digest in digests]}


def told(task: dict[str, Any]) -> dict[str, Any]:
    """The entries of one bucket of names."""
    bucket = Bucket(task["bucket"])
    chosen = {
        f"{e['name']} version {e['number']}": e
        for e in entries(bucket)
        if in_bucket(e["name"]) == task["number"]
    }
    about = {"versioning": bucket.versioning()} if task["number"] == 0 else {}
    return {**about, **chosen}


def measure(task: dict[str, Any]) -> dict[str, Any]:
    bucket = Bucket(task["bucket"])
    if not bucket.exists():
        return {"items": 0, "bytes": 0}
    listed = [one for h in bucket.histories(bucket.versioning() != "").values() for one in h]
    return {"items": len(listed), "bytes": sum(one["size"] for one in listed)}


# --- from bucket to bucket ------------------------------------------------------------------


def same(one: dict[str, Any], other: dict[str, Any], thorough: bool) -> bool:
    """By what a listing tells. An ETag of parts says nothing about those of another server."""
    if thorough or one["deleted"] or other["deleted"]:
        return bool(not thorough and one["deleted"] and other["deleted"])
    if one["size"] != other["size"] or other["modified"] < one["modified"][:19]:
        return False
    return one["etag"] == other["etag"] or "-" in one["etag"] + other["etag"]


def sync(task: dict[str, Any]) -> dict[str, Any]:
    """The target's bucket becomes what the source's is; its history, where that is kept."""
    source, target = Bucket(task["source"]), Bucket(task["bucket"])
    if not source.exists():
        fail(f"there is no bucket {source.name} at {source.endpoint}")
    versioning = source.versioning()
    prepared(target, versioning)
    versioned = versioning != ""
    here, there = source.histories(versioned), target.histories(versioned)
    for key in sorted(there.keys() - here.keys()):
        for one in there[key]:
            target.remove(key, one["version"] if versioned else None)
    total = sum(one["size"] for history in here.values() for one in history)
    within = source.endpoint == target.endpoint and source.access_key == target.access_key
    limit = task["limit"]

    def carried(key: str) -> tuple[int, int, int]:
        items = size = 0
        had, has = here[key], there.get(key, [])
        kept = 0
        while kept < min(len(had), len(has)) and same(had[kept], has[kept], task["thorough"]):
            kept += 1
        for one in has[kept:] if versioned else ():
            target.remove(key, one["version"])
        for one in had[kept:]:
            version = one["version"] if versioned else None
            if within and not one["deleted"] and one["size"] < 5 << 30:
                unless_gone(partial(target.copy_within, source, key, version))
            else:
                unless_gone(partial(carry, source, target, key, version, one, limit))
            items, size = items + 1, size + one["size"]
        return items, size, sum(one["size"] for one in had)

    items = size = done = 0
    for some, moved, whole in in_threads(carried, sorted(here), 1 if limit else _THREADS):
        items, size, done = items + some, size + moved, done + whole
        if moved:
            print("homeport-progress:", done, max(total, 1), flush=True)
    if versioning == "Suspended":
        set_versioning(target, versioning)
    return {"items": items, "bytes": size}


def prepared(target: Bucket, versioning: str) -> None:
    """The bucket is there and keeps versions where the other one does or did."""
    if not target.exists():
        target.read("PUT")
    if versioning and target.versioning() != "Enabled":
        set_versioning(target, "Enabled")


def set_versioning(bucket: Bucket, status: str) -> None:
    body = f"<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>"
    checksum = base64.b64encode(hashlib.md5(body.encode()).digest()).decode()
    headers = {"content-md5": checksum}
    bucket.read("PUT", query={"versioning": ""}, headers=headers, body=body.encode())


def carry(
    source: Bucket,
    target: Bucket,
    key: str,
    version: str | None,
    one: dict[str, Any],
    limit: int,
) -> None:
    """limit: KiB per second; 0 for as fast as it goes."""
    if one["deleted"]:
        target.remove(key)
        return
    head = source.ask("HEAD", source.prefix + key, of_version(version))
    head.read()
    about = source.about(key, version, head)
    answer = source.ask("GET", source.prefix + key, of_version(version))
    written = ("ETag", "Last-Modified")
    if any(answer.getheader(name) != head.getheader(name) for name in written):
        source.hang_up()
        raise ConnectionError(f"{key} was written while it was read")
    target.put(key, about, paced(contents(answer), limit), one["size"])


# --- in a directory ---------------------------------------------------------------------------


def capture(task: dict[str, Any]) -> dict[str, Any]:
    """Each version's content in a file of its own, and an index with all that is said of it."""
    bucket, into = Bucket(task["bucket"]), task["into"]
    if not bucket.exists():
        return {"items": 0, "bytes": 0, "absent": True}
    os.makedirs(f"{into}/objects", 0o700)
    versioned = bucket.versioning() != ""
    histories = bucket.histories(versioned)
    listed = [(k, one) for k in sorted(histories) for one in histories[k]]

    def kept(numbered: tuple[int, tuple[str, dict[str, Any]]]) -> dict[str, Any]:
        number, (key, one) = numbered
        if one["deleted"]:
            return {"name": key, "deleted": True}
        version, path = one["version"] if versioned else None, f"{into}/objects/{number}"

        def read() -> dict[str, Any]:
            digest = hashlib.sha256()
            answer = bucket.ask("GET", bucket.prefix + key, of_version(version))
            with open(path, "wb") as file:
                for chunk in contents(answer, digest):
                    file.write(chunk)
            size = os.stat(path).st_size
            told = {"name": key, "size": size, "sha256": digest.hexdigest(), "file": number}
            return {**told, **bucket.about(key, version, answer)}

        held: dict[str, Any] = patiently(read)
        return held

    digest, items, size = hashlib.sha256(), 0, 0
    with open(f"{into}/index", "xb") as index:
        for entry in in_threads(kept, enumerate(listed)):
            line = (json.dumps(entry, sort_keys=True) + "\n").encode()
            digest.update(line)
            index.write(line)
            items += 1
            size += entry.get("size", 0)
    os.sync()
    facts = {"index": digest.hexdigest(), "versioning": bucket.versioning()}
    return {"items": items, "bytes": size, **facts}


def verify(task: dict[str, Any]) -> dict[str, Any]:
    wanted, into = task["captured"], task["into"]
    if wanted.get("absent"):
        return {}
    if not os.path.exists(f"{into}/index") or of_file(f"{into}/index") != wanted["index"]:
        fail("the index of the copy is not the file that was captured; the disk may be damaged")
    for entry in index_of(into):
        path = f"{into}/objects/{entry.get('file')}"
        if "file" in entry and not os.path.exists(path):
            fail(f"the content of {entry['name']} is gone from the copy")
        if "file" in entry and of_file(path) != entry["sha256"]:
            fail(f"the content of {entry['name']} is damaged in the copy")
    return {}


def index_of(into: str) -> Iterator[dict[str, Any]]:
    with open(f"{into}/index", "rb") as index:
        yield from map(json.loads, index)


def of_file(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def restore(task: dict[str, Any]) -> dict[str, Any]:
    """Key by key: one whose history is another gets it anew, one that was not there goes."""
    wanted, into, bucket = task["captured"], task["into"], Bucket(task["bucket"])
    if wanted.get("absent"):
        fail("there was no bucket when the state was captured")
    verify(task)
    prepared(bucket, wanted["versioning"])
    versioned = bucket.versioning() != ""
    had: dict[str, list[dict[str, Any]]] = {}
    for entry in index_of(into):
        had.setdefault(entry["name"], []).append(entry)
    has: dict[str, list[dict[str, Any]]] = {}
    for entry in entries(bucket):
        has.setdefault(entry["name"], []).append(entry)
    changed = [key for key in had.keys() | has.keys() if facts(had, key) != facts(has, key)]
    histories = bucket.histories(versioned)

    def again(key: str) -> None:
        for one in histories.get(key, []):
            bucket.remove(key, one["version"] if versioned else None)
        for entry in had.get(key, []):
            patiently(partial(written, bucket, into, entry))

    for _ in in_threads(again, sorted(changed)):
        pass
    if wanted["versioning"] == "Suspended":
        set_versioning(bucket, "Suspended")
    return {"changed": bool(changed)}


def facts(of: dict[str, list[dict[str, Any]]], key: str) -> list[dict[str, Any]]:
    return [{k: v for k, v in e.items() if k not in ("file", "number")} for e in of.get(key, [])]


def written(bucket: Bucket, into: str, entry: dict[str, Any]) -> None:
    if entry.get("deleted"):
        bucket.remove(entry["name"])
        return
    with open(f"{into}/objects/{entry['file']}", "rb") as file:
        chunks = iter(lambda: file.read(_CHUNK), b"")
        bucket.put(entry["name"], entry, chunks, entry["size"])


def main() -> None:
    task = json.load(sys.stdin)
    verbs = {"measure": measure, "capture": capture, "verify": verify, "restore": restore}
    verbs |= {"describe": describe, "entries": told, "sync": sync, "ahead": ahead}
    try:
        result = verbs[task["verb"]](task)
    except (OSError, Refused, ElementTree.ParseError) as error:
        fail(str(error))
    text = base64.b64encode(json.dumps(result).encode()).decode()
    for start in range(0, len(text), 1000):
        print("homeport-result:", text[start : start + 1000])


if __name__ == "__main__":
    main()
