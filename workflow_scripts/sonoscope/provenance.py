"""Where a result comes from: one JSON file beside each group of outputs, the same bytes whenever the job is the same.

It names the rule, its wildcards and settings, the hash of its code, the commit, the versions of the packages that were
loaded, the seed, the kind of device, and a digest of every input. Clocks and host names stand in the log and in the
manifest, so that a repeated job writes identical files.

The file is called ``provenance.json`` when the folder of the first output belongs to the job alone, that is when the
folder names below the results are those of the rule and of all its wildcards (``steering/fit_direction/<model>/…``).
Where several jobs share a folder it is called ``<first output>.provenance.json``. `find` knows both. It is no declared
output: a lost sidecar must not make a day of work be done again.
"""

import hashlib
import importlib.metadata
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from sonoscope import files, storage
from sonoscope.contracts.scalars import read_json, write_json

NAME = "provenance.json"
"""File name of the sidecar in a folder that belongs to one job."""

LARGE = 1 << 30
"""Files of more bytes than this are named by their size and their two ends, not by all of their content."""

_PACKAGES = {
    "audiocraft": "audiocraft",
    "datasets": "datasets",
    "huggingface_hub": "huggingface-hub",
    "librosa": "librosa",
    "numpy": "numpy",
    "pandas": "pandas",
    "pyarrow": "pyarrow",
    "safetensors": "safetensors",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "soundfile": "soundfile",
    "symusic": "symusic",
    "tinysoundfont": "tinysoundfont",
    "torch": "torch",
    "transformers": "transformers",
}


def sidecar(outputs: list[Path], rule: str, wildcards: Mapping[str, str]) -> Path:
    """Choose the path of the provenance of a job; the description of this module says how."""
    first = outputs[0]
    folders = first.parent.parts
    if rule in folders:
        below = folders[len(folders) - folders[::-1].index(rule) :]
        if sorted(below) == sorted(wildcards.values()):
            return first.parent / NAME
    return first.with_name(f"{first.name}.{NAME}")


def find(output: Path) -> dict[str, Any] | None:
    """Read the provenance of the job that made ``output``, or None if nothing tells."""
    for path in (output.with_name(f"{output.name}.{NAME}"), *sorted(output.parent.glob(f"*{NAME}"))):
        if path.is_file():
            record: dict[str, Any] = read_json(path)
            if portable(output) in record["outputs"]:
                return record
    return None


def portable(path: Path) -> str:
    """``path`` as it is written down: relative to the storage or working directory where it lies below."""
    for base in (storage.root().absolute(), Path.cwd(), storage.WORKFLOW):
        if path.absolute().is_relative_to(base):
            return path.absolute().relative_to(base).as_posix()
    return path.as_posix()


def located(name: str) -> Path:
    """Give the path that `portable` wrote down as ``name``."""
    below = (base / name for base in (storage.root(), Path(), storage.WORKFLOW))
    return next((p for p in below if p.exists()), Path(name))


def digest(path: Path) -> str:
    """Name the content of a file or folder.

    ``sha256:…`` of all bytes for a file; ``ends:…`` of its size, first and last MiB for one beyond `LARGE`;
    ``listing:…`` of the relative names and sizes for a folder. Modification times never count.
    """
    if path.is_dir():
        listing = sorted(f"{p.relative_to(path).as_posix()} {p.stat().st_size}" for p in path.rglob("*") if p.is_file())
        return "listing:" + hashlib.sha256("\n".join(listing).encode()).hexdigest()
    size = path.stat().st_size
    if size <= LARGE:
        return "sha256:" + files.sha256(path)
    with path.open("rb") as file:
        ends = file.read(1 << 20)
        file.seek(-(1 << 20), 2)
        ends += file.read()
    return "ends:" + hashlib.sha256(str(size).encode() + ends).hexdigest()


def versions() -> dict[str, str]:
    """Version of Python and of the packages that this process has loaded and that can change a number."""
    loaded = sorted(name for module, name in _PACKAGES.items() if module in sys.modules)
    return {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in loaded}}


@cache
def commit(folder: Path) -> dict[str, Any]:
    """Name the git commit of the workflow in ``folder`` and whether files differ from it; empty without git."""
    try:
        top = _git(folder, "rev-parse", "--show-toplevel")
        if Path(top).resolve() != folder.resolve():
            return {}  # the workflow was unpacked inside somebody else's repository
        return {
            "commit": _git(folder, "rev-parse", "HEAD"),
            "dirty": bool(_git(folder, "status", "--porcelain", "--untracked-files=no")),
        }
    except (OSError, subprocess.SubprocessError):
        return {}


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", folder, *words], capture_output=True, text=True, check=True, timeout=30)
    return done.stdout.strip()


def write(path: Path, record: Mapping[str, Any], inputs: Mapping[str, Iterable[Path]], outputs: list[Path]) -> None:
    """Write ``record`` with the digests of ``inputs`` (by their name in the rule) and the list of ``outputs``."""
    digests = {name: {portable(p): digest(p) for p in paths} for name, paths in inputs.items()}
    write_json(path, {**record, "inputs": digests, "outputs": [portable(p) for p in outputs]})
