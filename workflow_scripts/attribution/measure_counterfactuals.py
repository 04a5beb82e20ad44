"""What models that were retrained without songs think of the clips: the truth of the study."""

from pathlib import Path

import pandas as pd

from sonoscope.attribution import kinds, queries, truth
from sonoscope.attribution.training import all_of
from sonoscope.contracts.attribution import TRUTH
from sonoscope.job import run
from sonoscope.musicgen.loading import load_musicgen


def main(
    language_model: Path, of_pairs: Path, of_subsets: Path, clips: Path, tokens: Path, values: Path, model: str
) -> dict[str, int]:
    """Write the table of ``values``."""
    loaded = load_musicgen(language_model, model)
    frame, codes = queries.read(clips, tokens)
    parts = []
    for records, some in ((of_pairs, frame.kind.str.startswith("pair")), (of_subsets, frame.kind.isin(kinds.MANY))):
        chosen = [c for c, wanted in zip(codes, some, strict=True) if wanted]
        parts.append(truth.measure(loaded, all_of(records), frame[some], chosen))
    found = pd.concat(parts, ignore_index=True)
    TRUTH.write(values, found)
    return {"values": len(found)}


if __name__ == "__main__":
    run(main)
