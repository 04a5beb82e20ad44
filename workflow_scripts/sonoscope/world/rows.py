"""The scorecard of what a MusicGen learned: each measure on its clips, on true renders, and by chance."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sonoscope.scorecard import Row, measure
from sonoscope.settings.measure_musicgen import MeasureMusicGen
from sonoscope.statistics.bootstrap import Interval, bootstrap_interval
from sonoscope.statistics.correlation import correlation_interval, spearman
from sonoscope.statistics.errors import StatisticsError
from sonoscope.steering.analysis import share_interval
from sonoscope.symbolic.notes import PITCH_CLASSES
from sonoscope.world.listening import TEMPO_TOLERANCE

TARGETS: dict[str, float] = {
    "note": 0.90, "mode": 0.85, "tempo_within_8pct": 0.75, "tempo_rank_corr": 0.90, "loudness": 0.90, "register": 0.90,
    "instrument": 0.70, "note_entropy": 0.90, "codec_pitch_20c": 0.95,
}  # fmt: skip
"""The bar of each measure."""
NEW = ("new_note", "new_tempo")
"""Measures of combinations that training never had, which no bar asks for."""
_NAMES = {"tempo": "tempo_within_8pct", "codec_pitch": "codec_pitch_20c"}
_UPPER = {"loudness": "loud", "register": "high"}


def learned_rows(heard: pd.DataFrame, s: MeasureMusicGen, seed: int, sources: Sequence[str]) -> list[Row]:
    """Rows ``world.model.*``: null is chance, baseline the same measure on true renders of the same prompts."""
    rows = [_share(heard, name, s, seed, sources) for name in ("note", "mode", "tempo", "instrument", *NEW)]
    rows.append(_rank_correlation(_of(heard, "model", "tempo"), _of(heard, "render", "tempo"), s, seed, sources))
    rows += [_pairs(heard, name, s, seed, sources) for name in ("loudness", "register")]
    rows.append(_entropy(heard, s, seed, sources))
    rows += [_share(heard, name, s, seed, sources) for name in ("codec_pitch", "codec_note", "codec_instrument")]
    distances = _of(heard, "codec", "codec_log_mel")["value"].to_numpy(dtype=np.float64)
    found = _mean(distances, s, seed)
    rows.append(_row("codec_log_mel", found, None, None, sources))
    return rows


def _of(heard: pd.DataFrame, origin: str, name: str) -> pd.DataFrame:
    return heard[(heard["origin"] == origin) & (heard["measure"] == name)]


def _row(name: str, found: Interval, null: float | None, baseline: float | None, sources: Sequence[str]) -> Row:
    name = _NAMES.get(name, name)
    return measure(
        f"world.model.{name}", found.estimate, low=found.low, high=found.high, n=found.n, null=null,
        baseline=baseline, target=TARGETS.get(name), sources=sources,
    )  # fmt: skip


def _share(heard: pd.DataFrame, name: str, s: MeasureMusicGen, seed: int, sources: Sequence[str]) -> Row:
    codec = name.startswith("codec")
    clips = _of(heard, "codec" if codec else "model", name)
    groups = clips["clip_id"] if codec else clips["prompt"]
    found = share_interval(clips["score"], groups, seed, s.resamples)
    truth = _of(heard, "render", name)
    if name == "instrument":  # the classifier was trained on renders like those of the others
        truth = truth[truth["clip_id"].str.match("(new_)?note-")]
    baseline = float(truth["score"].mean()) if len(truth) else None
    return _row(name, found, _chance(name, clips), baseline, sources)


def _chance(name: str, clips: pd.DataFrame) -> float | None:
    """Share of hits of answers that do not know their prompt: those of the same clips, dealt out anew."""
    wanted = clips["wanted"].to_numpy(dtype=np.str_)
    if name in ("note", "new_note", "codec_note"):
        return 1 / 12
    if name in ("tempo", "new_tempo"):
        asked = wanted.astype(np.float64)
        return float((np.abs(asked[:, None] / asked - 1) <= TEMPO_TOLERANCE).mean())
    if name in ("mode", "instrument", "codec_instrument"):
        return float((wanted[:, None] == wanted).mean())
    return None


def _rank_correlation(
    clips: pd.DataFrame, truth: pd.DataFrame, s: MeasureMusicGen, seed: int, sources: Sequence[str]
) -> Row:
    """Rank correlation of asked and heard tempo; a clip without a tempo counts as the slowest."""
    asked, found = (clips[c].astype(np.float64).fillna(0.0).to_numpy() for c in ("wanted", "value"))
    generator = np.random.default_rng([seed, 21])
    try:
        interval = correlation_interval(
            asked, found, generator, pd.factorize(clips["prompt"])[0], kind="spearman", resamples=s.resamples
        )
    except StatisticsError:  # nothing but one tempo is heard
        interval = Interval(0.0, -1.0, 1.0, len(clips), len(clips))
    baseline = spearman(*(truth[c].astype(np.float64).fillna(0.0).to_numpy() for c in ("wanted", "value")))
    return _row("tempo_rank_corr", interval, 0.0, baseline, sources)


def _pairs(heard: pd.DataFrame, name: str, s: MeasureMusicGen, seed: int, sources: Sequence[str]) -> Row:
    """Share of pairs of which the louder, or higher, is the one that was to be; a silent clip loses its pair."""

    def hits(origin: str) -> pd.Series:
        table = _of(heard, origin, name).astype({"value": np.float64}).set_index("pair")
        is_upper = table["wanted"] == _UPPER[name]
        upper, lower = table["value"][is_upper], table["value"][~is_upper]
        return (upper > lower.reindex(upper.index)).astype(np.float64)

    found = hits("model")
    interval = share_interval(found, pd.Series(found.index), seed, s.resamples)
    return _row(name, interval, 0.5, float(hits("render").mean()), sources)


def _entropy(heard: pd.DataFrame, s: MeasureMusicGen, seed: int, sources: Sequence[str]) -> Row:
    """Entropy of the notes of open prompts over that of twelve equally frequent ones; silent clips are left out."""
    notes = {o: _of(heard, o, "open_note")["heard"].dropna().to_numpy(dtype=np.str_) for o in ("model", "render")}
    generator = np.random.default_rng([seed, 22])
    played = notes["model"]
    if not len(played):
        return _row("note_entropy", Interval(0.0, 0.0, 0.0, 0, 0), None, relative_entropy(notes["render"]), sources)
    indicator = (played[:, None] == np.array(PITCH_CLASSES)).astype(np.float64)  # [clips, 12]
    interval = bootstrap_interval(lambda w: _relative(w @ indicator), len(played), generator, resamples=s.resamples)
    return _row("note_entropy", interval, None, relative_entropy(notes["render"]), sources)


def relative_entropy(notes: NDArray[np.str_]) -> float:
    """Entropy of note names over that of the uniform distribution, with Miller and Madow's correction for few clips."""
    counts = (notes[:, None] == np.array(PITCH_CLASSES)).sum(axis=0, dtype=np.float64)
    return float(_relative(counts[None])[0])


def _relative(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / totals
    plain = -(shares * np.log(np.where(shares > 0, shares, 1.0))).sum(axis=1)
    # of twelve classes the estimate from n clips falls short by (classes seen - 1) / 2n on average (Miller 1955)
    corrected = plain + ((counts > 0).sum(axis=1) - 1) / (2 * totals[:, 0])
    return np.asarray(np.minimum(corrected / np.log(12), 1.0), dtype=np.float64)


def _mean(values: NDArray[np.float64], s: MeasureMusicGen, seed: int) -> Interval:
    generator = np.random.default_rng([seed, 23])
    return bootstrap_interval(lambda w: (w @ values) / w.sum(axis=1), len(values), generator, resamples=s.resamples)
