"""File names that come from a server, and what may be done with them."""

import fnmatch
from collections.abc import Iterable
from pathlib import Path, PurePosixPath, PureWindowsPath

from sonoscope.fetch.catalogue import Wanted
from sonoscope.fetch.errors import FetchError

_OURS = (".part", ".part.tag")


def refuse_unsafe(name: str, source: str) -> None:
    """Refuse a listed file name that would not stay inside the folder it is listed for.

    Raises
    ------
    FetchError
        The name is empty, absolute, climbs, holds characters that no file name needs, or is one that we use ourselves.
    """
    path = PurePosixPath(name)
    foreign = PureWindowsPath(name)
    unsafe = (
        not path.parts
        or path.is_absolute()
        or ".." in path.parts
        or bool(foreign.drive or foreign.root)
        or "\\" in name
        or any(ord(character) < 32 for character in name)
        or name.endswith(_OURS)
    )
    if unsafe:
        raise FetchError(f"{source} lists a file {name!r}, which would not stay inside its folder; nothing is fetched")


def inside(folder: Path, name: str, source: str) -> Path:
    """``folder / name``, refused unless it is inside ``folder``, also when links are followed."""
    refuse_unsafe(name, source)
    parent = (folder / name).parent
    if not parent.resolve().is_relative_to(folder.resolve()):
        raise FetchError(f"{source} lists a file {name!r}, which a link leads out of {folder}; nothing is fetched")
    return folder / name


def choose(names: Iterable[str], wanted: Wanted, source: str) -> tuple[str, ...]:
    """Those of ``names`` that are ``wanted``, sorted.

    Raises
    ------
    FetchError
        A required file, or every group of weights, is missing.
    """
    there = sorted(names)
    missing = [pattern for pattern in wanted.required if not fnmatch.filter(there, pattern)]
    groups = [_matching(there, group) for group in wanted.weights]
    weights: list[str] = next((group for group in groups if group), [])
    if wanted.weights and not weights:
        missing.append(" or ".join(group[0] for group in wanted.weights))
    if missing:
        found = ", ".join(there[:12]) or "nothing"
        raise FetchError(f"{source}: expected {', '.join(missing)}, found {found}")
    return tuple(sorted({*_matching(there, wanted.required), *weights, *_matching(there, wanted.optional)}))


def _matching(names: list[str], patterns: Iterable[str]) -> list[str]:
    return [name for name in names if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)]
