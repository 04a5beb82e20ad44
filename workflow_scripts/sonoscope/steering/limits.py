"""What limits steering whatever the direction: the measure, the codec, and whether the model can play the concept."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from sonoscope.logs import track
from sonoscope.musicgen.interface import MusicGen, Sampling
from sonoscope.scorecard import Row, measure
from sonoscope.settings.musicgen import MusicGen as MusicGenSettings
from sonoscope.statistics.proportions import wilson_interval
from sonoscope.steering.fit import usable_clips, values_of
from sonoscope.steering.listener import chance_of, hit
from sonoscope.steering.measures import measure_of
from sonoscope.steering.names import ASKED, CODEC
from sonoscope.symbolic.describe import prompt


def limits(
    model: MusicGen, clips: pd.DataFrame, tokens: NDArray[np.int16], concept: str, count: int,
    musicgen: MusicGenSettings, seed: int,
) -> pd.DataFrame:  # fmt: skip
    """Share heard right of true renders after the codec, and of clips that the model makes of these renders' captions.

    No steered clip can be expected to be heard better than the first; the second says whether the model plays the
    values of the concept at all when it is asked to, without any push.

    Parameters
    ----------
    tokens
        Of all clips of the corpus, ``(clips, codebooks, frames)``.
    count
        Renders and clips to hear, drawn evenly over the corpus.
    """
    usable = np.flatnonzero(usable_clips(clips))
    rows = np.sort(np.random.default_rng([seed, 23]).permutation(usable)[:count])
    values = [str(v) for v in values_of(clips, concept)[rows]]
    captions = [
        prompt(concept, {str(k): v for k, v in labels.items()}) for labels in clips.iloc[rows].to_dict("records")
    ]
    sampling = Sampling(musicgen.top_k, musicgen.temperature, musicgen.guidance)

    def through_codec(part: slice) -> torch.Tensor:
        return torch.from_numpy(tokens[rows[part]].astype(np.int64))

    def asked(part: slice) -> torch.Tensor:
        seeds = [(seed + int(row)) % 2**31 for row in rows[part]]
        return model.generate(captions[part], seeds, musicgen.seconds, sampling)

    found = []
    for name, source in ((CODEC, through_codec), (ASKED, asked)):
        hits = list(_hits(model, source, values, concept, musicgen))
        share = wilson_interval(int(sum(hits)), len(hits))
        found.append(
            {
                "concept": concept, "measure": name, "seconds": musicgen.seconds, "n": share.n,
                "score": share.estimate, "low": share.low, "high": share.high, "chance": chance_of(concept, values),
            }
        )  # fmt: skip
    return pd.DataFrame(found)


def _hits(
    model: MusicGen, source: Callable[[slice], torch.Tensor], values: Sequence[str], concept: str,
    musicgen: MusicGenSettings,
) -> Iterator[float]:  # fmt: skip
    ear = measure_of(concept)
    for first in track(range(0, len(values), musicgen.batch), "batches"):
        part = slice(first, first + musicgen.batch)
        audio = model.decode(source(part)).cpu().numpy()[:, 0, : round(musicgen.seconds * model.sample_rate)]
        for value, clip in zip(values[part], audio, strict=True):
            yield hit(concept, value, ear.hear(clip, model.sample_rate))


def limit_rows(table: pd.DataFrame, concept: str, sources: Sequence[str]) -> list[Row]:
    """``steering.limits.{concept}.{codec,asked}``: shares without a bar, to read the bars by."""
    short = {CODEC: "codec", ASKED: "asked"}
    return [
        measure(
            f"steering.limits.{concept}.{short[str(row['measure'])]}", float(row["score"]), low=float(row["low"]),
            high=float(row["high"]), n=int(row["n"]), null=float(row["chance"]), sources=sources,
        )
        for row in table.to_dict("records")
    ]  # fmt: skip
