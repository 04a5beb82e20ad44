"""The published formula as it was written, so that its failure can be seen: its scores do not depend on the clip.

For a caption, the published tool takes the gradient of the mean of all guided logits at the start token (no audio has
been read by then), and from the second sampling step on adds the weights themselves where gradients were meant:
embedding = (g₁ + (n - 1) θ) / T for n steps and T frames. It is projected, and scored by
φ(q)ᵀ(ΦᵀΦ + λI)⁻¹Φᵀ with an absolute λ. Seed, duration and sound have no part in g₁, and θ is the same for all: clips of
one caption have one vector, and the scores are a match of captions at best. The part of the codec's decoder, which
knows nothing of the fine-tune, is left out.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from sonoscope.attribution.capture import capturing
from sonoscope.attribution.likelihood import language_model, logits_of
from sonoscope.attribution.projections import SJLT
from sonoscope.musicgen.interface import MusicGen, Prompt

Floats = NDArray[np.float64]


def legacy_embeddings(
    model: MusicGen, prompts: Sequence[Prompt], frames: Sequence[int], dim: int, seed: int, guidance: float
) -> Floats:
    """Embeddings ``(prompts, dim)`` by the published formula, with a sketch where it has a dense Gaussian matrix.

    As there, projected values are not divided by √dim, which matters for the absolute λ.
    """
    lm = language_model(model)
    lm.requires_grad_(False)
    parameters = dict(lm.named_parameters())
    sketch = SJLT(dim, seed)
    weights = torch.zeros(1, dim)
    for name in sorted(parameters):
        weights += sketch.sketch(name, parameters[name].detach().float().cpu().reshape(1, -1))
    start = torch.zeros(1, model.num_codebooks, 1, dtype=torch.long, device=model.device)
    first: dict[Prompt, torch.Tensor] = {}
    for prompt in dict.fromkeys(prompts):
        total = torch.zeros(1, dim)
        for text, weight in ((prompt, guidance), (None, 1 - guidance)):
            with capturing(parameters) as capture:
                logits = logits_of(model, start, [text])[:, :, 0]
            (weight * logits.mean()).backward()  # type: ignore[no-untyped-call]
            total += sketch.project(capture, lambda _: True).cpu()
        first[prompt] = total
    rows = []
    for prompt, count in zip(prompts, frames, strict=True):
        steps = count + model.num_codebooks
        rows.append(((first[prompt] + (steps - 1) * weights) / count * dim**0.5)[0].numpy())
    return np.stack(rows).astype(np.float64)


def legacy_scores(queries: Floats, rows: Floats, penalty: float) -> Floats:
    """Scores ``(queries, rows)`` by the published formula with its absolute ``penalty``, in the dual form."""
    gram = rows @ rows.T
    return np.asarray(np.linalg.solve(gram + penalty * np.eye(len(rows)), rows @ queries.T).T)
