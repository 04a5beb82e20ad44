"""The annotations of all shards as one table of bars and one of songs, each file exactly once."""

from pathlib import Path
from typing import Any

from sonoscope.affect.bundle import load_bundle
from sonoscope.affect.merging import merge
from sonoscope.affect.sources import Source
from sonoscope.contracts import write_json
from sonoscope.files import replacing
from sonoscope.job import run


def main(
    shards: list[Path], bundle: Path, bars: Path, csv: Path, songs: Path, skipped: Path, source: str,
    settings: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """Merge; the table in CSV has the columns md5, bar_number, valence and arousal, and is empty if not wanted."""
    widths = dict(load_bundle(bundle).half_width)
    wanted = csv if settings["affect.annotate.csv"] else None
    left_out = merge(shards, Source(source).count(), widths, settings["affect.reading.off_grid"], bars, wanted, songs)
    if wanted is None:
        with replacing(csv) as temporary:
            temporary.write_text("", encoding="utf-8")
    write_json(skipped, [item._asdict() for item in left_out])
    return {"skipped": len(left_out)}


if __name__ == "__main__":
    run(main, network=True)
