"""What one edit does to a prediction: pieces that differ in mode, tempo, loudness or octave alone."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from sonoscope.affect.bundle import Bundle
from sonoscope.affect.encoding import encode_songs, untrained_like
from sonoscope.affect.labels import DIMENSIONS
from sonoscope.affect.reading import read_song
from sonoscope.contracts.affect import PROBES
from sonoscope.musetok.model import MuseTok
from sonoscope.scorecard import Row, measure
from sonoscope.settings.affect import BarReading
from sonoscope.settings.musetok import Encoding
from sonoscope.statistics import wilson_interval
from sonoscope.symbolic.causes import Causes
from sonoscope.symbolic.composer import compose
from sonoscope.symbolic.counterfactuals import counterfactual
from sonoscope.symbolic.cues import affect_of, random_causes

EDITS: Final = {"mode": ("valence", -1), "tempo": ("arousal", 1), "velocity": ("arousal", 1), "octave": ("arousal", 1)}
"""Which dimension an edit should move, and which way: major to minor, half as fast again, louder, an octave up."""
UNSEEN: Final = ("tempo", "velocity")
"""Edits that leave every token as it is, so that a model of latents alone cannot see them."""
TARGET: Final = 0.9
_BARS = 16


def base_causes(seed: int) -> Causes:
    """A slow to moderate, soft to middling piece in major, with room for every edit."""
    rng = np.random.default_rng((seed, 5))
    causes = random_causes(rng)
    while causes.mode != "major":
        causes = random_causes(rng)
    causes = counterfactual(causes, "tempo", float(rng.uniform(60, 120)))
    causes = counterfactual(causes, "dynamics", int(rng.integers(45, 75)))
    return counterfactual(causes, "register", 0)


def edited(causes: Causes) -> dict[str, Causes]:
    """The piece after each edit."""
    return {
        "mode": counterfactual(causes, "mode", "minor"),
        "tempo": counterfactual(causes, "tempo", causes.tempo * 1.5),
        "velocity": counterfactual(causes, "dynamics", causes.dynamics + 30),
        "octave": counterfactual(causes, "register", 12),
    }


def probe(
    bundles: Mapping[str, Bundle], model: MuseTok, encoding: Encoding, reading: BarReading, pieces: int, seed: int,
    control_seed: int,
) -> pd.DataFrame:  # fmt: skip
    """Changes of every model's prediction by every edit, as `PROBES` declares."""
    wishes: list[tuple[int, str, Causes]] = []
    for k in range(pieces):
        causes = base_causes(seed + k)
        wishes += [(k, "none", causes), *((k, edit, c) for edit, c in edited(causes).items())]
    songs = [read_song(compose(c, seed + k, bars=_BARS), encoding.events, reading, f"piece {k}") for k, _, c in wishes]
    control = untrained_like(model.geometry, control_seed)
    clips = encode_songs(songs, model, encoding.batch_tokens, control)
    rows: list[dict[str, Any]] = []
    for name, bundle in bundles.items():
        said = {(k, edit): p.affect.mean(0) for (k, edit, _), p in zip(wishes, bundle.predict(clips), strict=True)}
        for k, edit, causes in wishes:
            if edit == "none":
                plain = np.array(affect_of(causes))
                continue
            change, expressed = said[k, edit] - said[k, "none"], np.array(affect_of(causes)) - plain
            rows += [
                {
                    "model": name,
                    "edit": edit,
                    "piece": k,
                    "dimension": d,
                    "change": change[i],
                    "expressed": expressed[i],
                }
                for i, d in enumerate(DIMENSIONS)
            ]
    return pd.DataFrame(rows, columns=list(PROBES.columns))


def probe_rows(table: pd.DataFrame, sources: tuple[str, ...]) -> list[Row]:
    """Rows ``affect.counterfactual.{edit}``: share of pieces whose prediction moves the right way."""
    rows = []
    for edit, (dimension, sign) in EDITS.items():
        chosen = table[(table.edit == edit) & (table.dimension == dimension)]
        right = {str(m): (sign * r.change > 0).sum() for m, r in chosen.groupby("model")}
        if "both" not in right:
            continue
        n = int((chosen.model == "both").sum())
        found = wilson_interval(int(right["both"]), n)
        target = None if edit == "octave" else TARGET
        rows.append(
            measure(
                f"affect.counterfactual.{edit}", found.estimate, low=found.low, high=found.high, n=n, null=0.5,
                baseline=float(right["latents"] / n) if "latents" in right else None, target=target, sources=sources,
            )
        )  # fmt: skip
    blind = table[(table.model == "latents") & table.edit.isin(UNSEEN)]
    for edit in UNSEEN if len(blind) else ():
        changes = blind[blind.edit == edit]
        largest, n = float(changes.change.abs().max()), int(changes.piece.nunique())
        name = f"affect.counterfactual.latents_{edit}"
        rows.append(measure(name, largest, n=n, target=0.0, better="lower", sources=sources))
    return rows
