"""Whether two backends compute the same."""

from collections.abc import Sequence

import torch

from sonoscope.musicgen.audiocraft_backend import AudiocraftMusicGen
from sonoscope.musicgen.interface import Sampling
from sonoscope.musicgen.transformers_backend import TransformersMusicGen
from sonoscope.scorecard import Better, Row, measure

_PROMPTS = ("a repeated C on flute", "a taiko at 120 bpm", None)
_SECONDS = 4.0
_TOLERANCE = 1e-4


def agreement_rows(one: AudiocraftMusicGen, other: TransformersMusicGen, sources: Sequence[str]) -> list[Row]:
    """Rows ``world.backends.*`` of one model in two backends, on the same device and in the same precision.

    Greedy clips of three prompts, the null one among them: their tokens, and logits, audio and codes of the first's.
    """
    seeds = range(len(_PROMPTS))
    clips, same = (m.generate(_PROMPTS, seeds, _SECONDS, Sampling(top_k=1)) for m in (one, other))
    logits = (one.logits(clips, _PROMPTS) - other.logits(clips, _PROMPTS)).abs().max()
    audio = (one.decode(clips) - other.decode(clips)).abs().max()
    equal = (clips == same).float().mean()
    codes = (one.encode(one.decode(clips)) == other.encode(one.decode(clips))).float().mean()
    n = clips.numel()
    return [
        _row("max_logit_difference", logits, n, _TOLERANCE, "lower", sources),
        _row("max_audio_difference", audio, n, _TOLERANCE, "lower", sources),
        _row("greedy_tokens_equal", equal, n, 1.0, "higher", sources),
        _row("codes_equal", codes, n, 1.0, "higher", sources),
    ]


def _row(name: str, value: torch.Tensor, n: int, target: float, better: Better, sources: Sequence[str]) -> Row:
    return measure(f"world.backends.{name}", float(value), n=n, target=target, better=better, sources=sources)
