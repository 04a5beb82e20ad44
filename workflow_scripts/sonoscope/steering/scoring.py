"""What is heard in generated clips, by measures that know nothing of the model, and by two more that are set beside."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sonoscope.audio.features import level
from sonoscope.audio.files import read_audio
from sonoscope.audio.harmony import pitch_class_course
from sonoscope.audio.metre import onset_rate
from sonoscope.directions.readout import RidgeClassifier
from sonoscope.logs import track
from sonoscope.settings.concepts import TEMPO
from sonoscope.settings.injection import Experiment
from sonoscope.settings.steering import Listening
from sonoscope.statistics.bootstrap import bootstrap_interval
from sonoscope.statistics.errors import StatisticsError
from sonoscope.steering.fit import usable_clips, values_of
from sonoscope.steering.listener import Listener
from sonoscope.steering.measures import is_hit, measure_of
from sonoscope.steering.plan import UNSTEERED
from sonoscope.symbolic.notes import PITCH_CLASSES


def targets_of(experiment: Experiment) -> list[tuple[str, str]]:
    """What is listened for: the targets of all pushes, each once."""
    return list(dict.fromkeys((push.concept, push.target) for push in experiment.pushes))


def circular_probes(
    experiment: Experiment, corpora: Mapping[str, tuple[pd.DataFrame, NDArray[np.float32]]]
) -> dict[str, RidgeClassifier]:
    """A ridge probe of each concept with classes, on the states of its corpus at the layer that clips were read at.

    It shares model and data with the directions, so that what it hears is partly what was put in: a trend, no evidence.
    """
    found = {}
    for concept in dict.fromkeys(push.concept for push in experiment.pushes):
        clips, states = corpora[concept]
        if concept == "tempos":
            continue
        usable = usable_clips(clips)
        found[concept] = RidgeClassifier().fit(states[usable], values_of(clips, concept)[usable])
    return found


def score_clips(
    clips: pd.DataFrame,
    folder: Path,
    experiment: Experiment,
    listeners: Mapping[str, Listener],
    probes: Mapping[str, RidgeClassifier],
    states: NDArray[np.float32],
) -> pd.DataFrame:
    """One row per clip and target. Silent clips are misses; a tempo that is not heard is left at 0."""
    targets = targets_of(experiment)
    said = {concept: probe.predict(states) for concept, probe in probes.items()}
    rows: list[dict[str, Any]] = []
    for number, clip in enumerate(track(clips.to_dict("records"), "clips")):
        audio, rate = read_audio(folder / str(clip["audio"]))
        loud = level(audio)
        common: dict[str, object] = {
            **{str(k): v for k, v in clip.items()},
            "adherence": None,
            "onset_rate": onset_rate(audio, rate),
            **loud._asdict(),
        }
        heard_of: dict[str, str | float | None] = {}
        for concept, target in targets:
            if concept not in heard_of:
                heard_of[concept] = measure_of(concept).hear(audio, rate)
            heard = heard_of[concept]
            row: dict[str, object] = {"concept": concept, "target": target, **_score(concept, target, heard)}
            listener = listeners.get(concept)
            row["listener"] = None if listener is None or loud.is_silent else listener.hears(audio, rate, target)
            row["probe"] = is_hit(concept, target, str(said[concept][number])) if concept in said else None
            rows.append({**common, **row})
    return pd.DataFrame(rows).astype({"listener": float, "probe": float, "adherence": float})


def _score(concept: str, target: str, heard: str | float | None) -> dict[str, object]:
    if target == TEMPO:
        return {"score": float(heard or 0.0), "heard": None if heard is None else f"{float(heard):.0f}"}
    return {"score": is_hit(concept, target, heard), "heard": heard}


def time_traces(clips: pd.DataFrame, folder: Path, experiment: Experiment, s: Listening, seed: int) -> pd.DataFrame:
    """How strongly each target note sounds in windows along the clips of each arm; empty without notes."""
    notes = [(c, t) for c, t in targets_of(experiment) if c == "notes"]
    columns = [
        "experiment",
        "variant",
        "estimator",
        "coefficient",
        "concept",
        "target",
        "time",
        "n",
        "share",
        "low",
        "high",
    ]
    if not experiment.varies_in_time:
        notes = []  # at constant strength there is no course to follow
    shares = {
        str(c["clip_id"]): pitch_class_course(*read_audio(folder / str(c["audio"])), s.window)
        for c in clips.to_dict("records")
        if notes
    }
    rows = []
    keys = ["experiment", "variant", "estimator", "coefficient"]
    for (name, variant, estimator, coefficient), part in clips.groupby(keys, sort=False):
        if not notes:
            break
        stack = np.stack([shares[c] for c in part["clip_id"]])  # [clips, windows, 12]
        groups = pd.factorize(part["prompt"])[0]
        for concept, target in notes:
            course = stack[:, :, PITCH_CLASSES.index(target)]
            for window in range(course.shape[1]):
                found = _mean(course[:, window], groups, s, seed)
                if found is not None:
                    rows.append(
                        (name, variant, estimator, coefficient, concept, target, (window + 0.5) * s.window, *found)
                    )
    return pd.DataFrame(rows, columns=columns)


def _mean(
    values: NDArray[np.float64], groups: NDArray[np.int64], s: Listening, seed: int
) -> tuple[int, float, float, float] | None:
    there = ~np.isnan(values)
    if not there.any():
        return None
    kept, inside = values[there], groups[there]
    try:
        found = bootstrap_interval(
            lambda w: (w @ kept) / w.sum(axis=1), len(kept), np.random.default_rng([seed, 29]), inside,
            resamples=s.resamples,
        )  # fmt: skip
    except StatisticsError:  # one prompt
        return len(kept), float(kept.mean()), float(kept.min()), float(kept.max())
    return found.n, found.estimate, found.low, found.high


def unsteered(scores: pd.DataFrame) -> pd.DataFrame:
    """Clips that nothing was added to."""
    return scores[scores["estimator"] == UNSTEERED]
