"""Audio features of PMEmo or DEAM beside its static ratings."""

from pathlib import Path

import pyarrow.parquet as pq

from sonoscope.contracts.corpora import RATED
from sonoscope.interpretability.audio_table import RATED_FEATURES, feature_table
from sonoscope.job import run


def main(clips: Path, table: Path, workers: int) -> dict[str, int]:
    """Write one row per clip: features, valence, arousal, and the group that splits must not divide."""
    rated = RATED.read(clips)
    folder = Path((pq.read_schema(clips).metadata or {})[b"folder"].decode())
    features = feature_table(rated["clip_id"].tolist(), [folder / file for file in rated["file"]], workers)
    RATED_FEATURES.write(table, features.merge(rated[["clip_id", "valence", "arousal", "split_group"]], on="clip_id"))
    return {"clips": len(features)}


if __name__ == "__main__":
    run(main)
