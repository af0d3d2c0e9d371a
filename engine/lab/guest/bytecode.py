"""`uv pip install --compile-bytecode` of the guest, without compiling what another guest compiled.

A guest of a lab has the interpreter of all others, and deployments of one application have the
same files: to compile them takes half of such an installation's time. Bytecode is kept in the
lab's cache by the content of its source and copied from there, with the source's time as Python
wants it (PEP 552). The path within, of the guest where it was made, is put right by whoever
imports it.

Run as a file by a bare interpreter (`python -I -S bytecode.py CACHE UV WORD...`), as `shim.py`.
"""

import os
import sys
from _blake2 import blake2b
from collections.abc import Iterator
from importlib._bootstrap_external import MAGIC_NUMBER

_FLAG = "--compile-bytecode"
_TAG = sys.implementation.cache_tag
_HEAD = 16
"""Bytes in front of the code: magic number, flags, time and size of the source."""


def main() -> int:
    cache, uv, *words = sys.argv[1:]
    packages = _packages(words)
    if packages is None:
        return _run(uv, *words)
    status = _run(uv, *(word for word in words if word != _FLAG))
    if status:
        return status
    missing = [source for source in _sources(packages) if not _take(cache, source)]
    if missing:
        # What does not compile has no bytecode, as after uv.
        _run(sys.executable, "-I", "-m", "compileall", "-qq", "-j0", packages)
        for source in missing:
            _keep(cache, source)
    return 0


def _run(*words: str) -> int:
    return os.spawnv(os.P_WAIT, words[0], words)  # noqa: S606 - no shell wanted


def _packages(words: list[str]) -> str | None:
    """Where the packages go: the environment's `site-packages`, if our own Python runs it."""
    if words[:2] != ["pip", "install"] or not {_FLAG, "--python"} <= set(words[:-1]):
        return None
    python = words[words.index("--python") + 1]
    if os.path.realpath(python) != os.path.realpath(sys.executable):
        return None
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    found = os.path.join(os.path.dirname(os.path.dirname(python)), "lib", version, "site-packages")
    return found if os.path.isdir(found) else None


def _sources(directory: str) -> Iterator[str]:
    for parent, directories, names in os.walk(directory):
        directories[:] = [name for name in directories if name != "__pycache__"]
        yield from (os.path.join(parent, name) for name in names if name.endswith(".py"))


def _take(cache: str, source: str) -> bool:
    """The source's bytecode is in its place; False where the cache has none."""
    data, head = _read(source)
    try:
        with open(_kept(cache, data), "rb") as file:
            code = file.read()
    except OSError:
        return False
    place = _place(source)
    os.makedirs(os.path.dirname(place), exist_ok=True)
    _write(place, head + code)
    return True


def _keep(cache: str, source: str) -> None:
    data, head = _read(source)
    try:
        with open(_place(source), "rb") as file:
            found = file.read()
    except OSError:
        return
    if found.startswith(head):
        kept = _kept(cache, data)
        os.makedirs(os.path.dirname(kept), exist_ok=True)
        _write(kept, found[_HEAD:])


def _read(source: str) -> tuple[bytes, bytes]:
    """The source, and the beginning of its bytecode."""
    with open(source, "rb") as file:
        changed = int(os.stat(file.fileno()).st_mtime)
        data = file.read()
    numbers = (0, changed & 0xFFFFFFFF, len(data) & 0xFFFFFFFF)
    return data, MAGIC_NUMBER + b"".join(number.to_bytes(4, "little") for number in numbers)


def _place(source: str) -> str:
    parent, name = os.path.split(source)
    return os.path.join(parent, "__pycache__", f"{name.removesuffix('.py')}.{_TAG}.pyc")


def _kept(cache: str, data: bytes) -> str:
    digest = blake2b(data, digest_size=20).hexdigest()
    return os.path.join(cache, f"{_TAG}-{MAGIC_NUMBER[:2].hex()}", digest[:2], digest[2:])


def _write(path: str, data: bytes) -> None:
    """In one step: other guests read and write the cache at the same time."""
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "wb") as file:
        file.write(data)
    os.replace(temporary, path)


if __name__ == "__main__":
    sys.exit(main())
