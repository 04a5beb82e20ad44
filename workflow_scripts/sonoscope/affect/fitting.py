"""All variants of one corpus: predictions of unseen songs, and for each variant a model to keep."""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sonoscope.affect.bundle import Bundle, save_bundle
from sonoscope.affect.conformal import half_width
from sonoscope.affect.dataset import Clip, continuous_inputs, mean_label
from sonoscope.affect.distance import Distance
from sonoscope.affect.folds import Fold, final_fold, folds_of
from sonoscope.affect.labels import DIMENSIONS
from sonoscope.affect.tracking import Tracker
from sonoscope.affect.training import Normaliser, examples_of, shape_of, shuffled_labels, train_head
from sonoscope.contracts.affect import HISTORY, MEMBERS, PREDICTIONS
from sonoscope.settings.affect import TrainAffect

log = logging.getLogger(__name__)

FINAL = -1
"""Number of the fold of the kept model."""


class Fitting(NamedTuple):
    """What all variants of a corpus have in common."""

    clips: Sequence[Clip]
    settings: TrainAffect
    codes: int
    """Codes of each codebook of the MuseTok."""
    musetok: Mapping[str, str]
    about: Mapping[str, Any]
    level: float
    seed: int


def fit_fold(job: Fitting, name: str, fold: Fold, number: int, history: list[dict[str, Any]]) -> Bundle:
    """A model of one variant from one fold's training songs; its intervals come from the validation songs."""
    variant, s = job.settings.variants[name], job.settings
    train, validation = ([job.clips[k] for k in side if job.clips[k].known.any()] for side in fold[:2])
    rng = np.random.default_rng((job.seed, 3))
    labels = [shuffled_labels(side, rng) if variant.shuffled else [c.labels for c in side]
              for side in (train, validation)]  # fmt: skip
    rows = np.concatenate([continuous_inputs(c.tensors, variant) for c in train])
    normaliser = Normaliser.of(rows)
    sides = [examples_of(side, variant, normaliser, own)
             for side, own in zip((train, validation), labels, strict=True)]  # fmt: skip
    shape = shape_of(train, variant, s.dropout, job.codes)
    members = []
    for seed in seeds_of(job, name):
        with Tracker(s.tracker, name, number, seed, history) as tracker:
            members.append(train_head(shape, sides[0], sides[1], variant, s, seed, tracker.note))
    held_out = np.concatenate([normaliser(continuous_inputs(c.tensors, variant)) for c in validation])
    distance = Distance.of(normaliser(rows), held_out)
    plain = Bundle(variant, members, normaliser, distance, {}, job.musetok)
    said = plain.predict([c.tensors for c in validation])
    widths: dict[str, float | None] = {}
    errors: dict[str, float] = {}
    songs = np.concatenate([[c.song_id] * int(c.known.sum()) for c in validation])
    for k, dimension in enumerate(DIMENSIONS):
        residual = np.concatenate([(c.labels[:, k] - p.affect[:, k])[c.known]
                                   for c, p in zip(validation, said, strict=True)])  # fmt: skip
        widths[dimension] = half_width(residual, songs, job.level)
        errors[f"{dimension}_mae"] = round(float(np.abs(residual).mean()), 6)
    about = {**job.about, "name": name, "fold": number, "level": job.level, "validation": errors,
             "training": s.model_dump(mode="json", exclude={"variants", "compare"}), "split": split_digest(job, fold),
             "songs": len({c.song_id for c in train})}  # fmt: skip
    return Bundle(variant, members, normaliser, distance, widths, job.musetok, about)


def seeds_of(job: Fitting, name: str) -> list[int]:
    """Seeds of a variant's members."""
    return job.settings.seeds if name in job.settings.ensembles else job.settings.seeds[:1]


def split_digest(job: Fitting, fold: Fold) -> str:
    """Digest of which song stands on which side."""
    sides = [sorted({job.clips[k].song_id for k in side}) for side in fold]
    return hashlib.sha256(json.dumps(sides).encode()).hexdigest()[:12]


def predictions(
    job: Fitting, name: str, fold: Fold, number: int, bundle: Bundle
) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Labelled bars of the fold's test songs, as `PREDICTIONS` declares, and as `MEMBERS` does where there are some."""
    test = [job.clips[k] for k in fold.test]
    mean = mean_label([job.clips[k] for k in fold.train])
    frames, members = [], []
    for clip, said in zip(test, bundle.predict([c.tensors for c in test]), strict=True):
        frames.append(prediction_rows(name, number, clip, said.affect, mean, bundle.half_width))
        who = frames[-1][["model", "fold", "clip_id", "song_id", "bar_number"]]
        if len(said.each) > 1:
            members += [who.assign(seed=seed, **{d: own[clip.known, k] for k, d in enumerate(DIMENSIONS)})
                        for seed, own in zip(seeds_of(job, name), said.each, strict=True)]  # fmt: skip
    return pd.concat(frames, ignore_index=True), members


def prediction_rows(
    name: str, fold: int, clip: Clip, affect: np.ndarray[Any, np.dtype[np.float64]],
    mean: np.ndarray[Any, np.dtype[np.float64]], widths: Mapping[str, float | None],
) -> pd.DataFrame:  # fmt: skip
    """Rows of one clip."""
    known = clip.known
    return pd.DataFrame(
        {
            "model": name,
            "fold": fold,
            "clip_id": clip.clip_id,
            "song_id": clip.song_id,
            "bar_number": clip.number[known],
            **{d: affect[known, k] for k, d in enumerate(DIMENSIONS)},
            **{f"true_{d}": clip.labels[known, k] for k, d in enumerate(DIMENSIONS)},
            **{f"train_{d}": float(mean[k]) for k, d in enumerate(DIMENSIONS)},
            **{f"{d}_half_width": np.nan if (w := widths.get(d)) is None else w for d in DIMENSIONS},
        }
    )


KEPT = {"predictions": PREDICTIONS, "members": MEMBERS, "history": HISTORY}
"""Tables of every variant."""


def fit_variants(job: Fitting, bundles: Path, kept: Path) -> dict[str, pd.DataFrame]:
    """Train what is not there yet; a killed job goes on with the next variant.

    Parameters
    ----------
    job : Fitting
    bundles : Path
        Gets one file per variant.
    kept : Path
        Gets the tables of every finished variant, until the job is done.

    Returns
    -------
    dict of DataFrame
        By the names in `KEPT`, which they fit.
    """
    folds = folds_of(job.clips, job.settings, job.seed)
    last = final_fold(job.clips, job.settings, job.seed)
    for name in job.settings.compare:
        files = {kind: kept / f"{name}.{kind}.parquet" for kind in KEPT}
        if all(p.is_file() for p in files.values()) and (bundles / f"{name}.safetensors").is_file():
            log.info("%s: done already", name)
            continue
        history: list[dict[str, Any]] = []
        frames, members, final = [], [], None
        for number, fold in enumerate(folds):
            bundle = fit_fold(job, name, fold, number, history)
            said, each = predictions(job, name, fold, number, bundle)
            frames.append(said)
            members += each
            final = bundle if fold == last else final
        save_bundle(bundles / f"{name}.safetensors", final or fit_fold(job, name, last, FINAL, history))
        HISTORY.write(files["history"], pd.DataFrame(history, columns=list(HISTORY.columns)))
        each_table = pd.concat(members, ignore_index=True) if members else pd.DataFrame(columns=list(MEMBERS.columns))
        MEMBERS.write(files["members"], each_table[list(MEMBERS.columns)])
        PREDICTIONS.write(files["predictions"], pd.concat(frames, ignore_index=True))
        log.info("%s: trained on %d folds, seeds %s", name, len(folds), seeds_of(job, name))
    return {kind: pd.concat([contract.read(kept / f"{name}.{kind}.parquet") for name in job.settings.compare],
                            ignore_index=True) for kind, contract in KEPT.items()}  # fmt: skip
