"""How well a MuseTok gives back bars that it has never seen."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from sonoscope.musetok import vocabulary as v
from sonoscope.musetok.latents import encode_bars
from sonoscope.musetok.model import MuseTok
from sonoscope.musetok.reconstruction import note_hits, reconstruct
from sonoscope.scorecard import Row, measure
from sonoscope.statistics.bootstrap import bootstrap_interval
from sonoscope.train.musetok import Piece, collate, logits_of

_TYPES = len(v.TYPES)
_BATCH = 64


@torch.no_grad()
def token_hits(model: MuseTok, pieces: Sequence[Piece], commonest: NDArray[np.int64]) -> NDArray[np.int64]:
    """Counts per piece and type of token, ``(4, pieces, types)``.

    Right with the bar's own latent; right with the latent of another bar (the null: what the decoder guesses from the
    tokens before); right by always naming the commonest token of the type; and all. Stretches are `decoder_bars` long;
    a piece's last bars that fill none are left out.
    """
    size = model.geometry.decoder_bars
    stretches = [(k, p[i : i + size]) for k, p in enumerate(pieces) for i in range(0, len(p) - size + 1, size)]
    latents = torch.from_numpy(encode_bars(model, [bar for _, s in stretches for bar in s]).dequantised)
    latents = latents.view(len(stretches), size, -1)
    others = latents.roll(len(stretches) // 2, 0)  # far away, hence of another piece
    counts = np.zeros((4, len(pieces), _TYPES), np.int64)
    for first in range(0, len(stretches), _BATCH):
        part = slice(first, first + _BATCH)
        batch = collate([s for _, s in stretches[part]])
        own, targets = logits_of(model, batch, latents[part])
        wrong, _ = logits_of(model, batch, others[part])
        truth = targets.numpy()
        there = (batch.stretch[:, 1:] != v.PAD).numpy()
        piece = np.repeat([k for k, _ in stretches[part]], there.sum(1))
        kind = v.TYPE_OF[truth]
        right = (own.argmax(-1).numpy() == truth, wrong.argmax(-1).numpy() == truth, commonest[kind] == truth)
        for row, hit in enumerate((*right, np.ones(len(truth), np.bool_))):
            np.add.at(counts[row], (piece, kind), hit)
    return counts


def commonest_tokens(pieces: Sequence[Piece]) -> NDArray[np.int64]:
    """The most frequent token of each type, ``(types,)``."""
    counts = np.bincount(np.concatenate([bar for piece in pieces for bar in piece]), minlength=v.PAD)
    return np.array([np.where(k == v.TYPE_OF, counts, -1).argmax() for k in range(_TYPES)])


def accuracy_rows(counts: NDArray[np.int64], groups: Sequence[str], seed: int, source: str) -> list[Row]:
    """Rows of token accuracy for every type and for all, with intervals over works."""
    rows = []
    for name, kinds in [*((n, [k]) for k, n in enumerate(v.TYPES)), ("all", list(range(_TYPES)))]:
        own, wrong, common, total = counts[:, :, kinds].sum(-1)
        if (total > 0).sum() < 2:
            continue
        row = f"world.musetok.token_accuracy.{name}"
        shares = (float(wrong.sum() / total.sum()), float(common.sum() / total.sum()))
        rows.append(_share(row, own, total, groups, seed, source, *shares))
    return rows


def note_row(
    model: MuseTok, pieces: Sequence[Piece], groups: Sequence[str], seed: int, source: str, most: int = 512
) -> Row:
    """F1 of the notes of bars that are written from their latents alone, on at most ``most`` bars drawn at random."""
    of = np.repeat(np.arange(len(pieces)), [len(p) for p in pieces])
    bars = [bar[bar != v.EOS] for p in pieces for bar in p]
    chosen = np.sort(np.random.default_rng([seed, 5]).permutation(len(bars))[:most])
    drawn = [bars[k] for k in chosen]
    written = reconstruct(model, torch.from_numpy(encode_bars(model, drawn).dequantised))
    hits = note_hits(drawn, written)
    strangers = note_hits(drawn, written[len(written) // 2 :] + written[: len(written) // 2]).sum(0)
    both = np.bincount(of[chosen], 2 * hits[:, 0], minlength=len(pieces))
    either = np.bincount(of[chosen], hits[:, 1] + hits[:, 2], minlength=len(pieces))
    null = float(2 * strangers[0] / (strangers[1] + strangers[2]))
    return _share("world.musetok.note_f1", both, either, groups, seed, source, null, None)


def _share(
    name: str,
    part: NDArray[np.generic],
    whole: NDArray[np.generic],
    groups: Sequence[str],
    seed: int,
    source: str,
    null: float,
    baseline: float | None,
) -> Row:
    above, below = part.astype(np.float64), whole.astype(np.float64)
    codes = pd.factorize(np.asarray(groups, dtype=object))[0]

    def ratio(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(invalid="ignore"):
            return np.asarray((weights @ above) / (weights @ below))

    found = bootstrap_interval(ratio, len(above), np.random.default_rng([seed, 6]), codes)
    return measure(
        name, found.estimate, low=found.low, high=found.high, n=found.groups, null=null, baseline=baseline,
        sources=[source],
    )  # fmt: skip
