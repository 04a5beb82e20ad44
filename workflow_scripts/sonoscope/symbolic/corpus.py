"""SynTheory concepts as tables of rendered clips."""

from typing import Any

import numpy as np
import pandas as pd

from sonoscope.audio.features import level
from sonoscope.audio.files import to_flac
from sonoscope.audio.soundfont import render
from sonoscope.logs import track
from sonoscope.symbolic import describe, syntheory
from sonoscope.symbolic.notes import to_score


def syntheory_table(
    concept: str,
    sample_rate: int,
    seed: int,
    octave: syntheory.Octave,
    max_clips: int | None = None,
    size: syntheory.Size = "compact",
) -> pd.DataFrame:
    """Compose and render a concept; one row per clip, as `sonoscope.contracts.world.CLIPS` declares.

    Parameters
    ----------
    concept : str
        One of `syntheory.CONCEPTS`.
    sample_rate : int
        In hertz.
    seed : int
        Draws the crops of rhythm concepts, and which clips are kept.
    octave : {"corrected", "faithful"}
    max_clips : int, optional
        Keep this many clips, drawn at random; by default all.
    size : {"compact", "full"}
    """
    clips = syntheory.compose(concept, seed, octave, size)
    if max_clips is not None and max_clips < len(clips):
        kept = np.random.default_rng([seed, 1]).choice(len(clips), size=max_clips, replace=False)
        clips = [clips[k] for k in np.sort(kept)]
    rows: list[dict[str, Any]] = []
    for clip in track(clips, f"{concept} clips"):
        score = to_score(clip.parts, clip.bpm, clip.metre)
        whole = render(score, sample_rate, clip.offset + syntheory.SECONDS)
        audio = whole[-round(syntheory.SECONDS * sample_rate) :]
        rows.append(
            {
                "clip_id": clip.clip_id,
                "audio": {"bytes": to_flac(audio, sample_rate), "path": f"{clip.clip_id}.flac".replace("/", "_")},
                "midi": score.dumps_midi(),
                "prompt": describe.prompt(concept, clip.labels),
                "is_silent": level(audio).is_silent,
                "render_id": clip.render_id,
                "split_group": clip.split_group,
                **clip.labels,
            }
        )
    return pd.DataFrame(rows)
