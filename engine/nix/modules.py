"""Rename markers of a directory of modules: evaluated where that is possible, else as written.

Sources are read in either case. Only those modules are evaluated that name a marker, or that may
reach one through the file of a submodule. What evaluation could not reach keeps what its source
says.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from engine.errors import InvalidInput
from engine.nix.evaluation import Evaluated, evaluate_modules
from engine.nix.evaluator import Limits
from engine.nix.markers import Marker, Unresolved, read_markers
from engine.nix.submodule_files import places_of_files

_NAMES_A_MARKER = re.compile(
    r"\bmk(?:Renamed|Alias|Changed|Merged|Removed)OptionModule|\bdoRename\b"
)
_MAY_REACH_ONE = re.compile(r"\b(?:submodule|deferredModule)\w*\b")
_NAMES_A_FILE = re.compile(r"(?<![\w.])\.{1,2}/[\w./+-]+")
_PROGRAM = "nix-instantiate"


@dataclass
class ModulesRead:
    markers: list[Marker] = field(default_factory=list)
    unresolved: list[Unresolved] = field(default_factory=list)
    evaluated: int = 0
    """Modules, of those that say or may say what became of an option."""
    notes: list[str] = field(default_factory=list)
    """What was read in another way than asked for, and why."""


@dataclass
class _Source:
    path: Path
    markers: list[Marker]
    unresolved: list[Unresolved]
    evaluated: bool
    """Whether it should be."""


def read_modules(
    directory: Path,
    by: str = "auto",
    limits: Limits | None = None,
    find_program: Callable[[str], str | None] = shutil.which,
) -> ModulesRead:
    """The markers of all modules below a directory; of a nixpkgs, of those of its NixOS.

    by: "evaluation", "sources", or "auto" for evaluation where Nix is installed, and sources of
    modules for which it fails. Raises InvalidInput for a directory without modules, and where
    evaluation is asked for and fails.
    """
    limits = limits or Limits()
    sources = _sources(directory)
    program = find_program(_PROGRAM) if by != "sources" else None
    if by == "evaluation" and program is None:
        raise InvalidInput(
            "modules cannot be evaluated",
            why=f"{_PROGRAM} is not installed here",
            do="Install Nix (apt install nix-bin), or use --read-markers sources.",
        )
    wanted = {name: source.path for name, source in sources.items() if source.evaluated}
    if program is None or not wanted:
        read = _merged(sources, Evaluated())
        if by == "auto" and wanted:
            read.notes.append(
                f"{_PROGRAM} is not installed: markers were read from the sources, where "
                "computed ones do not show"
            )
        return read
    try:
        found = evaluate_modules(program, _root(directory), list(wanted.values()), limits)
    except InvalidInput as error:
        if by == "evaluation":
            raise
        read = _merged(sources, Evaluated())
        read.notes.append(f"{error}: markers were read from the sources")
        return read
    if by == "evaluation" and found.failed:
        name, why = next(iter(found.failed.items()))
        raise InvalidInput(
            "modules cannot be evaluated",
            on=name + (f" and {len(found.failed) - 1} more" if len(found.failed) > 1 else ""),
            why=why,
            left="nothing was written",
            do="Leave --read-markers out: what cannot be evaluated is then read from its source.",
        )
    read = _merged(sources, found)
    for name, why in found.failed.items():
        if sources[name].markers or sources[name].unresolved:
            what = "its submodules are" if name in found.markers else "it is"
            read.notes.append(f"{name}: {what} read from the source, for evaluation failed: {why}")
    return read


def _root(directory: Path) -> Path:
    system = directory / "nixos" / "modules"
    return (system if system.is_dir() else directory).resolve()


def _sources(directory: Path) -> dict[str, _Source]:
    if not directory.is_dir():
        raise InvalidInput(
            "there is no such directory", on=str(directory), do="Give a directory of modules."
        )
    root = _root(directory)
    sources: dict[str, _Source] = {}
    reaching: dict[str, str] = {}
    for file in sorted(root.rglob("*.nix")):
        if file.is_file() and file.resolve().is_relative_to(root):
            name = file.relative_to(root).as_posix()
            text = file.read_text(encoding="utf-8", errors="replace")
            names_one = _NAMES_A_MARKER.search(text) is not None
            reaches = bool(_MAY_REACH_ONE.search(text) and _NAMES_A_FILE.search(text))
            markers, unresolved = read_markers(text, name) if names_one else ([], [])
            sources[name] = _Source(file, markers, unresolved, names_one or reaches)
            reaching[name] = text if reaches else ""
    for name, places in places_of_files(reaching).items():
        source = sources[name]
        source.markers = [
            marker.placed_at(place)
            for place in places
            for marker in source.markers
            if marker.placed
        ] + [marker for marker in source.markers if not marker.placed]
        source.unresolved = [replace(item, in_submodule=True) for item in source.unresolved]
    if not sources:
        raise InvalidInput(
            "the directory holds no modules",
            on=str(directory),
            why="no file below it is named *.nix",
            do="Give the directory of a module, or of a nixpkgs.",
        )
    return sources


def _merged(sources: dict[str, _Source], found: Evaluated) -> ModulesRead:
    read = ModulesRead(evaluated=len(found.markers))
    reached: set[tuple[object, ...]] = {
        (marker.kind, *marker.relative())
        for markers in found.markers.values()
        for marker in markers
        if marker.within
    }
    places: dict[tuple[object, ...], list[Marker]] = {}
    for source in sources.values():
        for marker in source.markers:
            places.setdefault((marker.kind, *marker.relative()), []).append(marker)
    for name, source in sources.items():
        evaluated = found.markers.get(name)
        if evaluated is None:
            read.markers += [m for m in source.markers if not _is_among(m, reached)]
            read.unresolved += source.unresolved
            continue
        read.markers += [_at_its_place(marker, places) for marker in evaluated]
        lost_imports = name in found.lost_imports
        if lost_imports or name in found.lost_submodules:
            known = {(m.kind, m.old, m.new) for m in evaluated}
            read.markers += [
                m
                for m in source.markers
                if (m.kind, m.old, m.new) not in known and not _is_among(m, reached)
            ]
            read.unresolved += [
                item for item in source.unresolved if lost_imports or item.in_submodule
            ]
    return read


def _at_its_place(marker: Marker, places: dict[tuple[object, ...], list[Marker]]) -> Marker:
    """With the line at which it is written, where that is known; evaluation does not tell."""
    written = places.get((marker.kind, *marker.relative()), [])
    here = [other for other in written if other.file == marker.file]
    if not here and len({other.place for other in written}) == 1:
        here = written
    return replace(marker, file=here[0].file, line=here[0].line) if here else marker


def _is_among(marker: Marker, reached: set[tuple[object, ...]]) -> bool:
    """Whether evaluation found it with the path that this reading of it lacks."""
    return not marker.within and (marker.kind, *marker.relative()) in reached
