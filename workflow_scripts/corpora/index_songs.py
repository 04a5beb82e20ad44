"""List the usable songs of a folder with their artists and descriptions; what cannot be used gets a line instead."""

from pathlib import Path

from sonoscope.contracts.corpora import SONGS
from sonoscope.contracts.skipped import SKIPPED
from sonoscope.corpora.skipped import skipped_frame
from sonoscope.corpora.songs import load_songs
from sonoscope.job import run
from sonoscope.settings.corpora import Songs


def main(manifest: list[Path], songs: Path, skipped: Path, settings: Songs) -> dict[str, int]:
    """Write the table of ``songs`` and what was ``skipped``; the composed ones lie beside ``manifest``."""
    folder = Path(settings.folder).expanduser() if settings.folder else manifest[0].parent
    table, left_out = load_songs(folder, shortest=settings.shortest, decode=settings.decode)
    SONGS.write(songs, table, {"folder": str(folder)})
    SKIPPED.write(skipped, skipped_frame(left_out))
    return {"songs": len(table), "artists": int(table.artist.nunique()), "skipped": len(left_out)}


if __name__ == "__main__":
    run(main)
