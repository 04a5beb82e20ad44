"""The fine-tunes of one part of the study, from one base and one reading of the songs."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sonoscope.attribution.embed import Subject
from sonoscope.attribution.errors import AttributionError
from sonoscope.attribution.finetune import RECORD, copy_of_state, finetune_variant
from sonoscope.attribution.likelihood import language_model
from sonoscope.attribution.songs import Window
from sonoscope.attribution.variants import Variant
from sonoscope.contracts import read_json
from sonoscope.logs import Progress
from sonoscope.musicgen.interface import MusicGen

log = logging.getLogger(__name__)


def train_variants(
    model: MusicGen, base: Path, windows: Sequence[Window], chosen: Sequence[Variant], seed: int, folder: Path
) -> list[dict[str, Any]]:
    """Train what is not there yet into folders below ``folder``; returns a record of each variant.

    Raises
    ------
    AttributionError
        A set names a song of which there is no window.
    """
    state = copy_of_state(language_model(model))
    by_song: dict[str, list[Window]] = {}
    for window in windows:
        by_song.setdefault(window.song_id, []).append(window)
    records = []
    with Progress(len(chosen), "fine-tunes") as progress:
        for variant in chosen:
            absent = [song for song in variant.songs if song not in by_song]
            if absent:
                raise AttributionError(
                    f"{variant.name}: song {absent[0]!r} could not be read, so it cannot be trained on"
                )
            mine = [w for song in variant.songs for w in by_song[song]]
            # the same seed for all sets: what differs is the songs
            own = int(np.random.default_rng([seed, 11, variant.seed]).integers(2**31))
            finetune_variant(
                model, state, base, mine, variant.recipe, own, folder / variant.name, export=variant.export
            )  # fmt: skip
            found = read_json(folder / variant.name / RECORD)
            records.append({"name": variant.name, "set": variant.set, "seed": variant.seed, **found})
            progress.advance()
    language_model(model).load_state_dict(state)
    return records


@dataclass(frozen=True)
class Trained:
    """A fine-tune on disk."""

    folder: Path
    record: dict[str, Any]

    @property
    def checkpoints(self) -> list[Path]:
        """Its checkpoint files in order."""
        return [self.folder / c["file"] for c in self.record["checkpoints"]]

    def subject(self, language_model: Path, name: str, *, end: bool = False) -> Subject:
        """The base with the checkpoints of this fine-tune, for embedding.

        Without ``end`` the last is left out if there are others: scores add up what was learned at each step, and no
        step was taken from the end, where a song that is known by heart has next to no gradient.
        """
        kept = self.record["checkpoints"][: None if end or len(self.checkpoints) == 1 else -1]
        rates = tuple(float(c["learning_rate"]) for c in kept)
        return Subject(language_model, name, tuple(self.folder / c["file"] for c in kept), rates)


def find(records_file: Path, name: str) -> Trained:
    """A fine-tune by the name of its set and seed, from the records of a part."""
    for record in read_json(records_file)["variants"]:
        if record["name"] == name:
            return Trained(records_file.parent / name, record)
    raise AttributionError(f"{records_file}: expected a fine-tune {name}, found none")


def all_of(records_file: Path) -> list[Trained]:
    """Every fine-tune of a part."""
    return [Trained(records_file.parent / r["name"], r) for r in read_json(records_file)["variants"]]
