"""Bars back from their latents, token by token, and how many notes survive."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sonoscope.musetok import vocabulary as v
from sonoscope.musetok.model import MuseTok

Note = tuple[int, int, int]
"""Tokens of beat, pitch and duration."""


@torch.no_grad()
def reconstruct(model: MuseTok, latents: Tensor, longest: int = 128) -> list[NDArray[np.int16]]:
    """Write each bar from its latent alone, the likeliest token at each place, until its metre is written.

    Parameters
    ----------
    latents : Tensor
        ``[bars, dim_latent]``.
    longest : int
        Tokens at which a bar that has not ended is cut.
    """
    count = len(latents)
    tokens = torch.full((count, longest), v.PAD, device=latents.device)
    tokens[:, 0] = v.BAR
    ends = torch.from_numpy(np.isin(v.TYPE_OF, v.TYPES.index("time_signature"))).to(latents.device)
    going = torch.arange(count, device=latents.device)
    for place in range(1, longest):
        if not len(going):
            break
        seen = tokens[going, :place]
        logits = model.decode(seen, latents[going, None], torch.zeros_like(seen))[:, -1, : v.PAD]
        following = logits.argmax(-1)
        tokens[going, place] = following
        going = going[~ends[following]]
    return [row[row != v.PAD].astype(np.int16) for row in tokens.cpu().numpy()]


def notes_of(bar: NDArray[np.int16]) -> Counter[Note]:
    """Notes of a bar, each three tokens in a row of the right types; anything else is passed over."""
    kinds = np.array([v.TYPES.index(name) for name in ("position", "pitch", "duration")])
    if len(bar) < len(kinds):
        return Counter()
    rows = np.lib.stride_tricks.sliding_window_view(bar.astype(np.int64), len(kinds))
    whole = (v.TYPE_OF[rows] == kinds).all(1)
    return Counter((int(b), int(p), int(d)) for b, p, d in rows[whole])


def note_hits(bars: Sequence[NDArray[np.int16]], others: Sequence[NDArray[np.int16]]) -> NDArray[np.int64]:
    """Per bar: notes in both, notes of the first, notes of the second, ``(bars, 3)``."""
    pairs = [(notes_of(a), notes_of(b)) for a, b in zip(bars, others, strict=True)]
    return np.array([((a & b).total(), a.total(), b.total()) for a, b in pairs], np.int64).reshape(-1, 3)
