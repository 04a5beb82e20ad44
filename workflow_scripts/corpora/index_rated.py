"""List the usable clips of PMEmo or DEAM on one scale; what cannot be used gets a line instead."""

from pathlib import Path

from sonoscope.contracts.corpora import RATED, RATED_FRAMES
from sonoscope.contracts.skipped import SKIPPED
from sonoscope.corpora.deam import load_deam
from sonoscope.corpora.pmemo import load_pmemo
from sonoscope.corpora.skipped import skipped_frame
from sonoscope.job import run
from sonoscope.settings.corpora import RatedAudio


def main(labels: Path, clips: Path, frames: Path, skipped: Path, corpus: str, settings: RatedAudio) -> dict[str, int]:
    """Write the table of ``clips``, their ratings over time, and what was ``skipped``."""
    load = {"pmemo": load_pmemo, "deam": load_deam}[corpus]
    found = load(Path(settings.folder).expanduser() if settings.folder else labels.parent, decode=settings.decode)
    RATED.write(clips, found.clips, {"folder": str(found.root)})
    RATED_FRAMES.write(frames, found.frames)
    SKIPPED.write(skipped, skipped_frame(found.skipped))
    return {"clips": len(found.clips), "skipped": len(found.skipped)}


if __name__ == "__main__":
    run(main)
