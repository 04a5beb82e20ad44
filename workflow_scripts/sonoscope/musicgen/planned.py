"""Injections at decode steps, with all that does not depend on the hidden state worked out beforehand."""

import torch
from torch import Tensor

from sonoscope.musicgen.interface import Branch, Injection


class PlannedWriter:
    """Write one injection to the output of one block, as the hooks of `sonoscope.musicgen.steering` do.

    A hook that works this out anew at every step and layer costs more than a small model's own arithmetic.

    Parameters
    ----------
    injection : Injection
    index : int
        Which of its layers.
    steps : int
        Decode steps that there will be.
    like : Tensor
        Its device and precision are those of the hidden states.
    guided : bool
        Whether null rows follow the conditional ones.
    """

    def __init__(self, injection: Injection, index: int, steps: int, like: Tensor, guided: bool = True) -> None:
        delta = injection.delta[:, index].to(like)  # [B, D]
        factor = _factor(injection, 0, steps, like).expand(len(delta), steps, 1)
        factor = (_on_both(factor, injection.branch) if guided else factor).transpose(0, 1)  # [S, R, 1]
        steady = injection.schedule is None and injection.gate is None
        self.added = torch.cat([delta, delta]) if guided else delta  # [R, D]
        if steady:
            self.added = factor[0] * self.added
        self.factor = None if steady else factor.contiguous()
        self.read = (
            None if injection.read is None else injection.read[:, index].to(like).repeat(1 + guided, 1)
        )  # [R, D]
        self.mean = None if injection.mean is None else injection.mean[index].to(like)  # [D]
        self.keep_norm = injection.keep_norm

    def __call__(self, hidden: Tensor, step: Tensor) -> Tensor:
        """The hidden states ``[R, D]`` of step ``step``, of shape ``[1]``, with the injection written to them."""
        plain = self.read is None and not self.keep_norm
        if self.factor is None:
            if plain:
                return hidden + self.added
            added = self.added
        else:
            factor = self.factor.index_select(0, step)[0]
            if plain:
                return torch.addcmul(hidden, factor, self.added)
            added = factor * self.added
        if self.read is not None:
            centred = hidden if self.mean is None else hidden - self.mean
            added = -(centred * self.read).sum(-1, keepdim=True) * added
        return _rescaled(hidden, added) if self.keep_norm else hidden + added


def _rescaled(hidden: Tensor, added: Tensor) -> Tensor:
    """The sum with the norm that ``hidden`` had; bit-identical to it where nothing is added."""
    written = hidden + added
    scale = hidden.norm(dim=-1, keepdim=True) / written.norm(dim=-1, keepdim=True).clamp_min(1e-12)
    return torch.where((added != 0).any(-1, keepdim=True), written * scale, hidden)


def _factor(injection: Injection, first: int, positions: int, like: Tensor) -> Tensor:
    """Schedule times gate at some positions, ``[B or 1, positions, 1]``."""
    steps = torch.arange(first, first + positions)
    factor = torch.ones(1, positions)
    if injection.schedule is not None:
        factor = factor * injection.schedule[..., steps.clamp(max=injection.schedule.shape[-1] - 1)]
    if injection.gate is not None:
        factor = factor * injection.gate[:, steps.clamp(max=injection.gate.shape[1] - 1)]
    return factor.to(like)[:, :, None]


def _on_both(factor: Tensor, branch: Branch) -> Tensor:
    """The factor of the guidance batch, whose conditional rows come first and then as many null rows."""
    nothing = torch.zeros_like(factor)
    return torch.cat([factor if branch != "null" else nothing, factor if branch != "cond" else nothing])
