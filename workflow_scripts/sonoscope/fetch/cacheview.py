"""A folder of fetched files, seen as the cache of the hub's own client.

Libraries load some models by name from inside (a MusicGen asks for its text encoder and codec so). With
``HF_HUB_CACHE`` pointing here and ``HF_HUB_OFFLINE=1`` they find them. Everything is a link, so nothing is stored
twice; links within the storage place are relative, so that it can be moved.
"""

import os
from pathlib import Path

from sonoscope.files import replacing


def offer(cache: Path, repo: str, revision: str, commit: str, folder: Path, names: list[str]) -> Path:
    """Link ``names`` of ``folder`` into ``cache`` as ``repo`` at ``commit``; return the snapshot's folder."""
    home = cache / f"models--{repo.replace('/', '--')}"
    snapshot = home / "snapshots" / commit
    ours = folder.resolve().is_relative_to(cache.parent.resolve())
    for name in names:
        _link(snapshot / name, folder / name, relative=ours)
    with replacing(home / "refs" / revision) as temporary:
        temporary.write_text(commit, encoding="utf-8")
    return snapshot


def _link(link: Path, target: Path, relative: bool) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    text = os.path.relpath(target.absolute(), link.parent.resolve()) if relative else str(target.absolute())
    if link.is_symlink() and str(link.readlink()) == text:
        return
    link.unlink(missing_ok=True)
    link.symlink_to(text)
