"""Training of one head on clips, with early stopping on songs that it does not learn from."""

import copy
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sonoscope.affect.dataset import Clip, code_inputs, continuous_inputs, side_names
from sonoscope.affect.heads import AffectHead, Shape
from sonoscope.affect.losses import equal_clips, loss_of
from sonoscope.settings.affect import TrainAffect, Variant

log = logging.getLogger(__name__)

Log = Callable[[int, float, float], None]
"""Called after every epoch: number, training loss, validation loss."""


@dataclass(frozen=True)
class Normaliser:
    """Inputs minus ``mean`` over ``scale``, both ``(width,)``, from the bars that were learned from."""

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]

    @classmethod
    def of(cls, rows: NDArray[np.float32]) -> "Normaliser":
        """Mean and standard deviation; what never varies is left as it is."""
        spread = rows.std(0)
        return cls(rows.mean(0).astype(np.float32), np.where(spread > 1e-6, spread, 1.0).astype(np.float32))

    def __call__(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Normalised inputs."""
        result: NDArray[np.float32] = ((rows - self.mean) / self.scale).astype(np.float32)
        return result


@dataclass(frozen=True)
class Example:
    """A clip as tensors."""

    x: Tensor
    codes: Tensor | None
    labels: Tensor
    known: Tensor

    def cut(self, first: int, most: int) -> "Example":
        """At most ``most`` bars from ``first`` on."""
        rows = slice(first, first + most)
        codes = None if self.codes is None else self.codes[rows]
        return Example(self.x[rows], codes, self.labels[rows], self.known[rows])


def examples_of(
    clips: Sequence[Clip], variant: Variant, normaliser: Normaliser, labels: Sequence[NDArray[np.float64]]
) -> list[Example]:
    """Clips as tensors with the given labels."""
    found = []
    for clip, own in zip(clips, labels, strict=True):
        codes = code_inputs(clip.tensors, variant)
        known = np.isfinite(own).all(1)
        found.append(
            Example(
                torch.from_numpy(normaliser(continuous_inputs(clip.tensors, variant))),
                None if codes is None else torch.from_numpy(codes),
                torch.from_numpy(np.nan_to_num(own).astype(np.float32)),
                torch.from_numpy(known),
            )
        )
    return found


def collate(examples: Sequence[Example]) -> tuple[Tensor, Tensor | None, Tensor, Tensor, Tensor]:
    """Inputs, codes, mask of bars, labels, mask of labelled bars; all padded to one length."""
    pad = nn.utils.rnn.pad_sequence
    mask = pad([torch.ones(len(e.x), dtype=torch.bool) for e in examples], batch_first=True)
    codes = [e.codes for e in examples if e.codes is not None]
    return (
        pad([e.x for e in examples], batch_first=True),
        pad(codes, batch_first=True) if codes else None,
        mask,
        pad([e.labels for e in examples], batch_first=True),
        pad([e.known for e in examples], batch_first=True),
    )


def clip_loss(head: AffectHead, examples: Sequence[Example], variant: Variant) -> Tensor:
    """The loss of a batch: of every bar, or of the weighted mean of each clip."""
    x, codes, mask, labels, known = collate(examples)
    y, weight = head(x, codes, mask)
    if variant.bag == "copy":
        return loss_of(variant.loss, y[known], labels[known], equal_clips(known))
    share = known / known.sum(1, keepdim=True).clamp(min=1)
    said, wanted = (y * weight[..., None]).sum(1), (labels * share[..., None]).sum(1)
    some = known.any(1)
    return loss_of(variant.loss, said[some], wanted[some], torch.full((int(some.sum()),), 1 / int(some.sum())))


def shape_of(clips: Sequence[Clip], variant: Variant, dropout: float, codes: int) -> Shape:
    """The head that fits the inputs of a variant; ``codes`` is the size of each codebook."""
    found = code_inputs(clips[0].tensors, variant)
    return Shape(
        latent=continuous_inputs(clips[0].tensors, variant).shape[1] - len(side_names(variant)),
        side=len(side_names(variant)),
        codebooks=0 if found is None else found.shape[1],
        codes=0 if found is None else codes,
        body=variant.body,
        tanh=variant.tanh,
        attention=variant.bag == "attention",
        dropout=dropout,
    )


def train_head(
    shape: Shape, training: Sequence[Example], validation: Sequence[Example], variant: Variant, s: TrainAffect,
    seed: int, note: Log,
) -> AffectHead:  # fmt: skip
    """Train from random weights; gives back the weights of the epoch with the least validation loss."""
    rng = np.random.default_rng((seed, 2))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = AffectHead(shape)
        optimiser = torch.optim.AdamW(head.parameters(), s.learning_rate, weight_decay=s.weight_decay, fused=True)
        best, best_loss, waited = copy.deepcopy(head.state_dict()), float("inf"), 0
        for epoch in range(1, s.epochs + 1):
            loss = _epoch(head, optimiser, training, variant, s, rng)
            held_out = _held_out(head, validation, variant)
            note(epoch, loss, held_out)
            if held_out < best_loss - 1e-5:
                best, best_loss, waited = copy.deepcopy(head.state_dict()), held_out, 0
            else:
                waited += 1
                if waited >= s.patience:
                    break
    head.load_state_dict(best)
    return head.eval()


def _epoch(
    head: AffectHead, optimiser: torch.optim.Optimizer, training: Sequence[Example], variant: Variant, s: TrainAffect,
    rng: np.random.Generator,
) -> float:  # fmt: skip
    head.train()
    order = rng.permutation(len(training))
    losses = []
    for rows in np.array_split(order, max(1, round(len(order) / s.batch))):
        cut = [training[k].cut(int(rng.integers(0, max(1, len(training[k].x) - s.most_bars + 1))), s.most_bars)
               for k in rows]  # fmt: skip
        batch = [e for e in cut if bool(e.known.any())]
        if not batch:
            continue
        loss = clip_loss(head, batch, variant)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(head.parameters(), 1.0)
        optimiser.step()
        losses.append(float(loss.detach()))
    return float(np.mean(losses)) if losses else 0.0


@torch.no_grad()
def _held_out(head: AffectHead, validation: Sequence[Example], variant: Variant) -> float:
    head.eval()
    return float(clip_loss(head, validation, variant))


def shuffled_labels(clips: Sequence[Clip], generator: np.random.Generator) -> list[NDArray[np.float64]]:
    """Mean labels of clips, exchanged between clips at random and copied to all bars."""
    means = np.stack([c.labels[c.known].mean(0) for c in clips])
    return [np.broadcast_to(m, c.labels.shape).copy() for m, c in zip(generator.permutation(means), clips, strict=True)]
