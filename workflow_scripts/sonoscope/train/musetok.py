"""Training of `sonoscope-musetok`, and how well it gives its bars back."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from sonoscope.musetok import vocabulary as v
from sonoscope.musetok.events import read_bars
from sonoscope.musetok.model import MuseTok, initialise
from sonoscope.settings.musetok import Events, TrainMuseTok
from sonoscope.train.schedule import train

log = logging.getLogger(__name__)

Tokens = NDArray[np.int16]
Piece = Sequence[Tokens]
"""The bars of one piece."""

_POOL = 4
"""Batches drawn together and sorted by length, so that little of each is padding."""

_MONITOR = 256
"""Held-out stretches that are measured at every checkpoint."""


def _moves() -> NDArray[np.int64]:
    """Id of every token after a transposition by -12 to 12 semitones; `vocabulary.PAD` where it leaves the piano."""
    table = np.tile(np.arange(v.SIZE), (25, 1))
    for semitones in range(-12, 13):
        for pitch in range(v.LOWEST_PITCH, v.HIGHEST_PITCH + 1):
            moved = pitch + semitones
            inside = v.LOWEST_PITCH <= moved <= v.HIGHEST_PITCH
            table[semitones + 12, v.PITCHES[pitch]] = v.PITCHES[moved] if inside else v.PAD
    return table


_MOVES: Final = _moves()


class Batch(NamedTuple):
    """Stretches of a few bars each."""

    bars: Tensor
    """Every bar alone, ``[batch · bars, length]``."""
    stretch: Tensor
    """The bars of a stretch in a row, ``[batch, length]``."""
    bar: Tensor
    """Which bar of its stretch each token belongs to, ``[batch, length]``."""


def read_side(scores: pd.DataFrame, side: str) -> list[Piece]:
    """Bars of the pieces of one side of a table of `sonoscope.contracts.musetok.SCORES`, in its order."""
    how = Events(end=True)  # as published, so that the end has an embedding
    rows = scores[scores["split"] == side]
    return [list(read_bars(midi, how, name)) for midi, name in zip(rows["midi"], rows["piece_id"], strict=True)]


def transpose(bars: Piece, semitones: int) -> list[Tokens] | None:
    """Bars moved by semitones; None if a note would leave the piano."""
    moved = [_MOVES[semitones + 12, bar].astype(np.int16) for bar in bars]
    return None if any((bar == v.PAD).any() for bar in moved) else moved


def collate(stretches: Sequence[Piece]) -> Batch:
    """Stretches of equally many bars as padded tensors."""
    bars = [torch.from_numpy(bar.astype(np.int64)) for piece in stretches for bar in piece]
    rows = [torch.from_numpy(np.concatenate(piece).astype(np.int64)) for piece in stretches]
    places = [torch.repeat_interleave(torch.tensor([len(bar) for bar in piece])) for piece in stretches]
    pad = torch.nn.utils.rnn.pad_sequence
    return Batch(
        pad(bars, batch_first=True, padding_value=v.PAD),
        pad(rows, batch_first=True, padding_value=v.PAD),
        pad(places, batch_first=True, padding_value=0),
    )


def draw(pieces: Sequence[Piece], bars: int, batch: int, transposition: int, generator: torch.Generator) -> list[Piece]:
    """Random stretches of ``bars`` bars at random transpositions, of like length.

    Pieces are drawn in proportion to the stretches that they hold; those that are too short are never drawn.
    """
    starts = torch.tensor([max(0, len(piece) - bars + 1) for piece in pieces], dtype=torch.float64)
    drawn: list[Piece] = []
    for k in torch.multinomial(starts, _POOL * batch, replacement=True, generator=generator).tolist():
        first = int(torch.randint(int(starts[k]), (1,), generator=generator))
        stretch = pieces[k][first : first + bars]
        semitones = int(torch.randint(-transposition, transposition + 1, (1,), generator=generator))
        drawn.append(transpose(stretch, semitones) or stretch)
    drawn.sort(key=lambda stretch: sum(map(len, stretch)))
    first = batch * int(torch.randint(_POOL, (1,), generator=generator))
    return drawn[first : first + batch]


def logits_of(model: MuseTok, batch: Batch, latents: Tensor, seen: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Logits and targets of every token but the first of each stretch; ``seen`` replaces the input."""
    count = len(batch.stretch)
    inputs = batch.stretch if seen is None else seen
    logits = model.decode(inputs[:, :-1], latents.view(count, -1, latents.shape[-1]), batch.bar[:, :-1])
    targets = batch.stretch[:, 1:]
    there = targets != v.PAD
    return logits[there], targets[there]


def train_musetok(
    training: Sequence[Piece],
    held_out: Sequence[Piece],
    s: TrainMuseTok,
    checkpoint: Path,
    seed: int,
) -> MuseTok:
    """Train a model on the bars of pieces, resuming from ``checkpoint``."""
    geometry = s.geometry
    model = initialise(MuseTok(geometry), seed)
    long_enough = [piece for piece in training if len(piece) >= geometry.decoder_bars]
    monitor = collate(draw(held_out, geometry.decoder_bars, _MONITOR, 0, torch.Generator().manual_seed(seed)))

    def loss_of(step: int, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        batch = collate(draw(long_enough, geometry.decoder_bars, s.optimiser.batch, s.transposition, generator))
        vectors = model.to_latent(model.encode(batch.bars))
        # codebooks fitted to an encoder that has learned nothing collapse: at first they only follow it
        continuous = step < s.continuous_steps
        quantised = model.quantiser(vectors.detach() if continuous else vectors)
        hidden = torch.rand(batch.stretch.shape, generator=generator) < s.token_dropout
        latents = vectors if continuous else quantised.output
        logits, targets = logits_of(model, batch, latents, batch.stretch.masked_fill(hidden, v.PAD))
        cross_entropy = functional.cross_entropy(logits, targets)
        parts = {"ce": cross_entropy.item(), "vq": quantised.losses.sum().item()}
        return cross_entropy + quantised.losses.sum(), parts

    @torch.no_grad()
    def measure() -> dict[str, float]:
        quantised = model.quantiser(model.to_latent(model.encode(monitor.bars)))
        logits, targets = logits_of(model, monitor, quantised.output)
        hits = logits.argmax(-1) == targets
        wrong = logits_of(model, monitor, quantised.output.roll(geometry.decoder_bars, 0))[0].argmax(-1) == targets
        pitch = torch.from_numpy(v.TYPE_OF)[targets] == v.TYPES.index("pitch")
        used = float(np.mean([len(c.unique()) for c in quantised.codes.T]))
        shares = {"val": hits, "val_wrong_latent": wrong, "val_pitch": hits[pitch]}
        return {name: share.double().mean().item() for name, share in shares.items()} | {"codes_used": used}

    train(model, s.optimiser, loss_of, measure, checkpoint, seed)
    return model
