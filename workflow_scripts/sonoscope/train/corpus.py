"""The corpus that the shipped MusicGen learns from: lessons and composed pieces, with prompts and splits."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import symusic
from numpy.typing import NDArray

from sonoscope.audio.soundfont import render
from sonoscope.logs import Progress
from sonoscope.settings.training import Corpus
from sonoscope.symbolic import lessons, pieces
from sonoscope.symbolic.notes import to_score

DRUMS = 0.1
"""Share of pieces with drums."""
LEVELS = {"cue": 0.5, "emotion": 0.15, "both": 0.25, "neutral": 0.1}
"""Share of each level of prompts among pieces."""


def training_corpus(s: Corpus, sample_rate: int, seed: int) -> tuple[pd.DataFrame, NDArray[np.int16]]:
    """Clips to learn from, as `sonoscope.contracts.world.LESSONS` declares, and their audio ``(clips, samples)``.

    Validation clips are whole prompts: no prompt stands in two splits. Held-out clips are combinations
    (`lessons.is_held_out`) and prompts (`lessons.is_new_prompt`) that training never names.
    """
    rows: list[dict[str, Any]] = []
    audio = np.zeros((s.lessons + s.pieces, round(s.seconds * sample_rate)), np.int16)
    wording = np.random.default_rng([seed, 2])

    def keep(score: symusic.Score) -> None:
        sound = render(score, sample_rate, s.seconds)
        audio[len(rows)] = np.clip(np.round(sound * 32768), -32768, 32767).astype(np.int16)

    with Progress(len(audio), "clips") as progress:
        for k, lesson in enumerate(lessons.draw(s.lessons, seed)):
            keep(to_score(lesson.parts, lesson.bpm))
            prompt = lesson.open_prompt if wording.random() < s.open_prompts else lesson.prompt
            unseen = lesson.held_out or (lesson.new_prompt and prompt == lesson.prompt)
            split = "held_out" if unseen else "train"
            rows.append(_row(f"lesson-{seed}-{k:06d}", lesson.concept, prompt, lesson.causes, split))
            progress.advance()
        table = pieces.piece_table(s.pieces, seed, seconds=s.seconds, levels=LEVELS, drums=DRUMS)
        for piece in table.to_dict("records"):
            keep(symusic.Score.from_midi(piece.pop("midi")))
            causes = {str(k): v for k, v in piece.items() if k not in ("prompt", "piece_id", "split_group")}
            rows.append(_row(str(piece["piece_id"]), "pieces", str(piece["prompt"]), causes, "train"))
            progress.advance()
    frame = pd.DataFrame(rows)
    frame.loc[_validation(frame, s.validation, seed), "split"] = "validation"
    return frame, audio


def _row(clip_id: str, concept: str, prompt: str, causes: Mapping[str, object], split: str) -> dict[str, Any]:
    text = json.dumps(dict(causes), default=lambda x: x.tolist() if hasattr(x, "tolist") else str(x))
    return {"clip_id": clip_id, "concept": concept, "prompt": prompt, "causes": text, "split": split}


def _validation(frame: pd.DataFrame, share: float, seed: int) -> NDArray[np.bool_]:
    """Training rows whose prompt was drawn for validation."""
    prompts = np.unique(frame["prompt"].to_numpy(dtype=np.str_))
    drawn = prompts[np.random.default_rng([seed, 3]).random(len(prompts)) < share]
    return np.asarray(frame["prompt"].isin(drawn) & (frame["split"] == "train"), dtype=np.bool_)
