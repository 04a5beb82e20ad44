"""A folder of fetched files, seen as the cache of the hub's own client.

Libraries load some models by name from inside (a MusicGen asks for its text encoder and codec so). With
``HF_HUB_CACHE`` pointing here and ``HF_HUB_OFFLINE=1`` they find them. Everything is a link, so nothing is stored
twice; the links are relative, so that the storage place can be moved.
"""

import os
from pathlib import Path

from sonoscope.files import replacing


def offer(cache: Path, repo: str, revision: str, commit: str, folder: Path, names: list[str]) -> Path:
    """Link ``names`` of ``folder`` into ``cache`` as ``repo`` at ``commit``; return the snapshot's folder."""
    home = cache / f"models--{repo.replace('/', '--')}"
    snapshot = home / "snapshots" / commit
    for name in names:
        link(snapshot / name, folder / name, relative=True)
    with replacing(home / "refs" / revision) as temporary:
        temporary.write_text(commit, encoding="utf-8")
    return snapshot


def link(place: Path, target: Path, relative: bool) -> None:
    """Make ``place`` a symbolic link to ``target``; a link that is right already stays."""
    place.parent.mkdir(parents=True, exist_ok=True)
    text = os.path.relpath(target.absolute(), place.parent.resolve()) if relative else str(target.absolute())
    if place.is_symlink() and str(place.readlink()) == text:
        return
    place.unlink(missing_ok=True)
    place.symlink_to(text)
