"""What emotion steering did, by a listener of audio features and by physical cues.

The listener is a ridge regression from `audio_features` to valence and arousal, learned from rendered pieces as the
model's codec returns them. It sees no hidden state, and its pieces are not those that directions were fitted to.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import NDArray

from sonoscope.audio.features import level
from sonoscope.audio.files import read_audio
from sonoscope.files import replacing
from sonoscope.interpretability.audio_table import FEATURES, audio_features
from sonoscope.interpretability.emotion_steering import UNSTEERED, WORDS, axis_of
from sonoscope.interpretability.probes import nested_probe, readout, score_interval
from sonoscope.statistics import Interval, bootstrap_interval

Floats = NDArray[np.float64]

CUES: tuple[str, ...] = ("tempo", "majorness", "rms", "centroid", "onset_rate")
"""Physical cues; effects on tempo are in octaves, folded, so that a tracker's octave errors cancel. A true
difference of more than half an octave between a push and its opposite would be folded too."""
_HEARD: tuple[str, ...] = tuple(name for name in FEATURES if name != "key")  # a pitch class is no quantity


def listen(clips: pd.DataFrame, workers: int) -> pd.DataFrame:
    """Audio features of a table of clips, in its order, and whether each is silent."""
    rows = Parallel(n_jobs=workers)(delayed(_features)(one["bytes"]) for one in clips["audio"])
    return pd.DataFrame(rows, index=clips.index)


def _features(content: bytes) -> dict[str, float]:
    audio, sample_rate = read_audio(content)
    return {**audio_features(audio, sample_rate), "silent": float(level(audio).is_silent)}


def hearing(features: pd.DataFrame) -> Floats:
    """Features as the listener takes them, ``(clips, features)``; tempo in octaves, 60 where there is no beat."""
    x = features[list(_HEARD)].to_numpy(np.float64).copy()
    tempo = _HEARD.index("tempo")
    x[:, tempo] = np.log2(np.where(x[:, tempo] > 0, x[:, tempo], 60.0))
    return x


class Listener:
    """Reads valence and arousal ``(n, 2)`` from audio features."""

    def __init__(self, features: pd.DataFrame, truth: pd.DataFrame, rng: np.random.Generator, folds: int = 5) -> None:
        self.x, self.rng = hearing(features), rng
        self.y = truth[["valence", "arousal"]].to_numpy(np.float64)
        self._folds = folds

    def quality(self, resamples: int) -> pd.DataFrame:
        """Share of variance explained out of fold; see `sonoscope.contracts.emotion_steering.LISTENER`."""
        found = nested_probe(self.x[:, None], self.y, None, self.rng, self._folds, self._folds - 1)
        rows: list[dict[str, Any]] = []
        for k, target in enumerate(("valence", "arousal")):
            own = score_interval(
                found.predicted[:, k], self.y[:, k], found.baseline[:, k], np.arange(len(self.y)), self.rng, resamples
            )
            rows.append({"target": target, "n": own.n, "r2": own.estimate, "low": own.low, "high": own.high})
        return pd.DataFrame(rows)

    def read(self, features: pd.DataFrame) -> Floats:
        """Calibrated readings of other clips."""
        return np.stack([readout(self.x, self.y[:, k], hearing(features), self.rng) for k in range(2)], 1)


def put_aside(clips: pd.DataFrame, folder: Path, prompts: int = 3) -> None:
    """Write sound for the report: of some prompts and one seed the unsteered clip, pushes both ways, asked, and random.

    Files are ``{number}_{prompt}/{number}_{what}.flac``; numbers give the order.
    """
    largest = float(clips["coefficient"].max())
    signs = clips["coefficient"].round(9)
    columns = {"unsteered": clips["arm"] == UNSTEERED}
    for target in ("happy", "arousal", "sad"):
        own = (clips["arm"] == "steered") & (clips["target"] == target)
        if not own.any():
            continue
        columns[f"towards {target}"] = own & (signs == round(largest, 9))
        columns[f"away from {target}"] = own & (signs == round(-largest, 9))
    columns["asked for happy"] = (clips["arm"] == "prompt") & (clips["target"] == "happy")
    columns["random direction"] = (clips["arm"] == "random") & (clips["target"] == "0") & (signs == round(largest, 9))
    neutral = clips[clips["arm"] == UNSTEERED].sort_values(["prompt_id", "seed"]).drop_duplicates("prompt_id")
    for number, one in enumerate(neutral.head(prompts).itertuples()):
        home = folder / f"{number:02d}_{str(one.prompt).replace(' ', '_')}"
        same = (clips["prompt_id"] == one.prompt_id) & (clips["seed"] == one.seed)
        for place, (name, chosen) in enumerate(columns.items()):
            for content in clips.loc[same & chosen, "audio"].head(1):
                with replacing(home / f"{place:02d}_{name.replace(' ', '_')}.flac") as temporary:
                    temporary.write_bytes(content["bytes"])


def heard_clips(clips: pd.DataFrame, features: pd.DataFrame, readings: Floats) -> pd.DataFrame:
    """Clips with everything that is judged of them."""
    out = clips.drop(columns="audio").reset_index(drop=True)
    for name in (*CUES, "silent"):
        out[name] = features[name].to_numpy(np.float64)
    out["valence"], out["arousal"] = readings.T
    return out


def response_table(heard: pd.DataFrame, resamples: int, rng: np.random.Generator) -> pd.DataFrame:
    """Mean readings and cues of every arm; see `sonoscope.contracts.emotion_steering.RESPONSES`.

    The unsteered clips stand once for every target, since each has its own axis. Random directions are one arm.
    """
    rows: list[dict[str, Any]] = []
    steered = heard[heard["arm"].isin(("steered", "feature", "prompt"))]
    wanted = [(UNSTEERED, t, 0.0) for t in dict.fromkeys(steered["target"])] + list(
        dict.fromkeys(zip(heard["arm"], heard["target"], heard["coefficient"], strict=True))
    )
    for arm, target, coefficient in dict.fromkeys(wanted):
        if arm == UNSTEERED and target == UNSTEERED:
            continue
        own = heard[(heard["arm"] == arm) & (heard["coefficient"] == coefficient)]
        own = own if arm == UNSTEERED else own[own["target"] == target]
        axis = axis_of(target) if target in (*WORDS, "valence", "arousal") else axis_of("arousal")
        along = _mean(own[["valence", "arousal"]].to_numpy() @ axis, own["prompt_id"].to_numpy(), resamples, rng)
        tempo = own["tempo"][own["tempo"] > 0]
        rows.append(
            {
                "arm": arm, "target": target, "coefficient": coefficient, "n": len(own), "along": along.estimate,
                "low": along.low, "high": along.high, **{c: own[c].mean() for c in ("valence", "arousal")},
                "tempo": tempo.mean() if len(tempo) else np.nan,
                **{c: own[c].mean() for c in (*CUES[1:], "nll", "silent")},
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def effect_table(heard: pd.DataFrame, resamples: int, rng: np.random.Generator) -> pd.DataFrame:
    """Effects at the largest coefficient, paired by prompt and seed; see `EMOTION_EFFECTS`."""
    outcomes: dict[str, Callable[[pd.DataFrame], Floats]] = {
        **{f"along_{t}": _along(t) for t in ("valence", "arousal", *WORDS)},
        **{cue: _of_column(cue) for cue in (*CUES[1:], "nll")},
        "tempo": lambda frame: np.log2(np.where(frame["tempo"] > 0, frame["tempo"], np.nan)),
    }
    pairs = _pairs(heard)
    rows: list[dict[str, Any]] = []
    for outcome, value in outcomes.items():
        null: list[float] = []
        found: list[dict[str, Any]] = []
        for (arm, target), (up, down) in pairs.items():
            change = value(up) - value(down)
            if outcome == "tempo":
                change = np.where(np.isnan(change), 0.0, change - np.round(change))
            if outcome != "nll" and (arm != "prompt" or target not in WORDS):
                change = change / 2
            own = _mean(change, up["prompt_id"].to_numpy(), resamples, rng)
            if arm == "random":
                null.append(abs(own.estimate))
            found.append(
                {
                    "arm": arm, "target": target, "outcome": outcome, "n": own.groups, "effect": own.estimate,
                    "low": own.low, "high": own.high,
                }
            )  # fmt: skip
        rows += [{**row, "null": max(null) if null else np.nan} for row in found]
    return pd.DataFrame(rows)


def _pairs(heard: pd.DataFrame) -> dict[tuple[str, str], tuple[pd.DataFrame, pd.DataFrame]]:
    """What is compared: a push with its opposite, a prompt with the neutral one; rows of both in one order.

    The cost of a push (nll) is compared alike: what both directions cost together shows in the dose-response table.
    """
    largest = float(heard["coefficient"].abs().max())
    order = ["prompt_id", "seed"]
    neutral = heard[heard["arm"] == UNSTEERED].sort_values(order).reset_index(drop=True)
    found: dict[tuple[str, str], tuple[pd.DataFrame, pd.DataFrame]] = {}
    for (arm, target), own in heard.groupby(["arm", "target"], sort=False):
        if arm == "prompt":
            found[str(arm), str(target)] = own.sort_values(order).reset_index(drop=True), neutral
        elif arm != UNSTEERED:
            up, down = (
                own[np.isclose(own["coefficient"], sign * largest)].sort_values(order).reset_index(drop=True)
                for sign in (1, -1)
            )
            found[str(arm), str(target)] = up, down
    for axis, (up_word, down_word) in {"valence": ("happy", "sad"), "arousal": ("energetic", "calm")}.items():
        both = found.get(("prompt", up_word)), found.get(("prompt", down_word))
        if both[0] and both[1]:
            found["prompt", axis] = both[0][0], both[1][0]
    return found


def cost_of(responses: pd.DataFrame, arm: str, target: str) -> float:
    """Rise of the negative log-likelihood at the largest push towards a target, relative to the unsteered clips.

    NaN where nothing was pushed towards it.
    """
    own = responses[(responses["arm"] == arm) & (responses["target"] == target)]
    if own.empty:
        return float("nan")
    base = float(responses.loc[responses["arm"] == UNSTEERED, "nll"].iloc[0])
    return float(own.sort_values("coefficient")["nll"].iloc[-1]) / base - 1


def _along(target: str) -> Callable[[pd.DataFrame], Floats]:
    axis = axis_of(target)
    return lambda frame: np.asarray(frame[["valence", "arousal"]].to_numpy(np.float64) @ axis)


def _of_column(name: str) -> Callable[[pd.DataFrame], Floats]:
    return lambda frame: frame[name].to_numpy(np.float64)


def _mean(values: Floats, groups: NDArray[Any], resamples: int, rng: np.random.Generator) -> Interval:
    return bootstrap_interval(
        lambda w: np.asarray(w @ values / w.sum(1)), len(values), rng, groups=groups, resamples=resamples
    )
