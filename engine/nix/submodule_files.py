"""Files that are the modules of submodules, found by the sources that name them.

`options.a = mkOption { type = attrsOf (submodule (import ./b.nix { ... })); }` makes b.nix the
module at `a.<name>`, whose markers name paths of that submodule and not of the system.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from engine.nix.places import Nowhere, Path, Places
from engine.nix.tokens import tokens_of

_DEEPEST = 6


def places_of_files(sources: Mapping[str, str]) -> dict[str, list[Path]]:
    """Where each file is the module of a submodule, by its name; the others are left out.

    sources: texts of modules by path relative to one directory.
    """
    used: dict[str, list[tuple[str, Path]]] = {}
    for name, text in sources.items():
        for file, path in _files_named(name, text):
            if file not in sources:
                file = posixpath.join(file, "default.nix")
            if file in sources and file != name:
                used.setdefault(file, []).append((name, path))

    def places(file: str, depth: int) -> list[Path]:
        if file not in used or depth > _DEEPEST:
            return [()]
        found = [(*above, *path) for user, path in used[file] for above in places(user, depth + 1)]
        return list(dict.fromkeys(found))

    return {file: places(file, 0) for file in used}


def _files_named(name: str, text: str) -> list[tuple[str, Path]]:
    """The files that a source names as modules of submodules, and the paths of these."""
    tokens = tokens_of(text)
    places = Places(tokens)
    found: list[tuple[str, Path]] = []
    for at, token in enumerate(tokens):
        if token.kind == "path":
            try:
                paths = places.of_marker(at)
            except Nowhere:
                continue
            file = posixpath.normpath(posixpath.join(posixpath.dirname(name), token.text))
            found += [(file, path) for path in paths if path]
    return found
