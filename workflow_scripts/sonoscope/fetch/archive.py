"""Some members of a zip archive, unpacked without trusting their names."""

import shutil
import zipfile
from pathlib import Path

from sonoscope.fetch.errors import FetchError
from sonoscope.fetch.names import inside
from sonoscope.files import replacing


def unpack(archive: Path, members: tuple[str, ...], folder: Path) -> list[str]:
    """Unpack the members whose paths end in ``members``, each to that path in ``folder``; check their CRC-32.

    Raises
    ------
    FetchError
        The archive is damaged or lacks a member.
    """
    try:
        with zipfile.ZipFile(archive) as file:
            for wanted in members:
                found = [n for n in file.namelist() if f"/{n}".endswith(f"/{wanted}")]
                if len(found) != 1:
                    there = ", ".join(file.namelist()[:12]) or "nothing"
                    raise FetchError(f"{archive}: expected one member {wanted}, found {len(found)} among {there}")
                with replacing(inside(folder, wanted, str(archive))) as temporary:
                    _copy(file, found[0], temporary)
    except zipfile.BadZipFile as error:
        archive.unlink()
        raise FetchError(f"{archive} is damaged ({error}); it was deleted, run the same command again") from None
    return list(members)


def _copy(file: zipfile.ZipFile, member: str, path: Path) -> None:
    with file.open(member) as source, path.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
