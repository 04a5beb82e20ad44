"""The record that stands beside fetched files: where they came from, their sizes and digests."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from sonoscope.contracts import read_json, write_json
from sonoscope.contracts.errors import ContractError
from sonoscope.files import sha256
from sonoscope.logs import size as in_units
from sonoscope.settings.fetch import MODEL_NAMES


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class FetchedFile(_Closed):
    """One file of a fetched model."""

    name: str
    """Path inside the folder, with forward slashes."""
    size: int
    """Bytes."""
    sha256: str
    """SHA-256 of the content, hexadecimal, computed here."""
    published: str | None = None
    """The digest that the publisher states and that was compared, as ``algorithm:value``; null where there is none."""
    url: str | None = None
    """Address that it came from; null for a file that was there already."""


class Fetched(_Closed):
    """Contract of ``fetched.json``."""

    model: str
    """Name in the catalogue."""
    source: Literal["hub", "drive", "folder"]
    """Where it came from; ``folder`` is one that was there already and is linked to."""
    origin: str
    """Repository, Drive file or folder."""
    revision: str | None = None
    """Branch that was asked for."""
    commit: str | None = None
    """Commit that the branch stood at."""
    layout: str
    """The form of the files: audiocraft, transformers, or archive (what was unpacked from one)."""
    files: tuple[FetchedFile, ...]

    def write(self, path: Path) -> None:
        """Write the record."""
        write_json(path, self.model_dump(mode="json"))


def read(path: Path) -> Fetched:
    """Read a record.

    Raises
    ------
    ContractError
        The file is damaged or has another form.
    """
    try:
        return Fetched.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        problem = f"{where}: {first['msg']}; delete the file to have it made again"
        raise ContractError("fetched", problem, path) from None


def describe(folder: Path, name: str, published: str | None = None, url: str | None = None) -> FetchedFile:
    """Measure one file for the record."""
    path = folder / name
    return FetchedFile(name=name, size=path.stat().st_size, sha256=sha256(path), published=published, url=url)


def intact(record: Fetched, folder: Path) -> bool:
    """Whether every file of ``record`` lies in ``folder`` with its size and digest."""
    return all(
        (folder / file.name).is_file()
        and (folder / file.name).stat().st_size == file.size
        and sha256(folder / file.name) == file.sha256
        for file in record.files
    )


def overview(records: Mapping[Path, Fetched]) -> str:
    """Compose the lines that say what is here, by folder, or that nothing was asked for."""
    if not records:
        return (
            "fetch.models and fetch.folders are empty, so there is nothing to fetch.\n"
            "Name models in the configuration, or for one call: --config 'fetch={models: [musicgen-small]}'\n"
            f"Known: {', '.join(MODEL_NAMES)}\n"
        )
    return "".join(f"{_line(record, folder)}\n" for folder, record in records.items())


def _line(record: Fetched, folder: Path) -> str:
    total = in_units(sum(file.size for file in record.files))
    commit = f" at {record.commit}" if record.commit else ""
    return f"{record.model}: {len(record.files)} files, {total}, in {folder} (from {record.origin}{commit})"
