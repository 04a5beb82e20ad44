"""What each parameter saw in a pass: its inputs and the gradients at its outputs, for every sample of the batch.

`nn.Linear` hooks would miss audiocraft's attention, which keeps its projections as bare parameters and calls
``F.linear`` with slices of them (6 of the 16 d² weights of a layer). So the functions themselves are watched: every
call of ``linear``, ``layer_norm`` and ``embedding`` with a parameter of the model, whoever makes it. Weights may be
frozen: then autograd computes no weight gradients, and a capture costs about two thirds of a training step.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from sonoscope.attribution.errors import AttributionError


@dataclass
class Use:
    """One call with a parameter: ``gradient`` gives the per-sample gradient of the part that was used."""

    parameter: str
    offset: int
    """Where the part begins in the flattened parameter."""
    size: int
    """Entries of the part."""
    kind: str
    """linear, bias, scale, shift or embedding."""
    inputs: Tensor | None
    """``[B, …, in]`` for linear, normalised inputs for scale, token ids for embedding."""
    shape: tuple[int, ...]
    """Shape of the part."""
    delta: Tensor | None = None
    """Gradient at the output, ``[B, …, out]``; None until the backward pass."""

    def rows(self) -> tuple[Tensor, Tensor]:
        """Inputs ``[B, t, in]`` and output gradients ``[B, t, out]`` of a linear part."""
        if self.inputs is None or self.delta is None:
            raise AttributionError(f"{self.parameter}: expected a backward pass within the capture, found none")
        b = self.delta.shape[0]
        return self.inputs.reshape(b, -1, self.inputs.shape[-1]), self.delta.reshape(b, -1, self.delta.shape[-1])

    def gradient(self, room: Tensor | None = None) -> Tensor:
        """Gradient of each sample with respect to the part, ``[B, *shape]``; that of a linear part lies in ``room``."""
        if self.delta is None:
            raise AttributionError(f"{self.parameter}: expected a backward pass within the capture, found none")
        b = self.delta.shape[0]
        delta = self.delta.reshape(b, -1, self.delta.shape[-1])
        if self.kind == "linear":
            inputs, delta = self.rows()
            place = None if room is None else room[: b * self.size].view(b, *self.shape)
            return torch.bmm(delta.transpose(1, 2), inputs, out=place)
        if self.kind == "scale" and self.inputs is not None:
            return (self.inputs.reshape(delta.shape) * delta).sum(1)
        if self.kind == "embedding" and self.inputs is not None:
            ids = self.inputs.reshape(b, -1)
            out = delta.new_zeros(b, *self.shape)
            return out.scatter_add_(1, ids[..., None].expand(-1, -1, delta.shape[-1]), delta)
        return delta.sum(1)


@dataclass
class Capture:
    """Uses of watched parameters in one forward and backward pass."""

    uses: list[Use] = field(default_factory=list)

    def covered(self) -> dict[str, int]:
        """Entries of each parameter that some use covers."""
        parts = {(u.parameter, u.offset, u.size) for u in self.uses}
        out: dict[str, int] = {}
        for name, _, size in parts:
            out[name] = out.get(name, 0) + size
        return out

    def blocks(self, keep: Callable[[str], bool] | None = None) -> Iterator[tuple[str, int, Tensor]]:
        """Per-sample gradients part by part: parameter, offset in it, and ``[B, size]``; parts do not overlap.

        One part is in memory at a time: each lies where the one before it lay, so copy what is to be kept. Several uses
        of one part, such as a layer that is called twice, are summed.
        """
        merged: dict[tuple[str, int], list[Use]] = {}
        for use in self.uses:
            if (keep is None or keep(use.parameter)) and use.delta is not None:
                merged.setdefault((use.parameter, use.offset), []).append(use)
        room: Tensor | None = None
        for name, offset in sorted(merged):
            first = merged[name, offset][0]
            if first.kind == "linear" and first.delta is not None:
                needed = first.size * first.delta.shape[0]
                if room is None or len(room) < needed or room.dtype != first.delta.dtype:
                    room = first.delta.new_empty(needed)
            total = first.gradient(room)
            for use in merged[name, offset][1:]:
                total = total + use.gradient()
            yield name, offset, total.flatten(1)


_WATCHED = frozenset({functional.linear, functional.layer_norm, functional.embedding})


class _Watch(TorchFunctionMode):
    """Notes calls with watched parameters, recognised by the storage that their weights lie in."""

    def __init__(self, parameters: Mapping[str, nn.Parameter], capture: Capture) -> None:
        super().__init__()
        self.owners = {p.untyped_storage().data_ptr(): (name, p) for name, p in parameters.items()}
        self.capture = capture

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        if func not in _WATCHED or not torch.is_grad_enabled():
            return out
        uses: list[Use] = []
        if func is functional.linear:
            x, weight, bias = _arguments(args, kwargs, ("input", "weight", "bias"))
            uses = [u for u in (self._use(weight, "linear", x), self._use(bias, "bias", None)) if u]
        elif func is functional.layer_norm:
            x, shape, weight, bias, eps = _arguments(
                args, kwargs, ("input", "normalized_shape", "weight", "bias", "eps")
            )
            if (scale := self._use(weight, "scale", None)) is not None:
                scale.inputs = functional.layer_norm(x.detach(), shape, None, None, 1e-5 if eps is None else eps)
                uses.append(scale)
            if (shift := self._use(bias, "shift", None)) is not None:
                uses.append(shift)
        elif func is functional.embedding:
            ids, weight = _arguments(args, kwargs, ("input", "weight"))
            uses = [u for u in [self._use(weight, "embedding", ids)] if u]
        if uses:
            self._listen(out, uses)
        return out

    def _use(self, weight: Tensor | None, kind: str, inputs: Tensor | None) -> Use | None:
        if weight is None or (owner := self.owners.get(weight.untyped_storage().data_ptr())) is None:
            return None
        name, whole = owner
        if weight.stride() != whole.stride()[-weight.dim() :]:
            raise AttributionError(f"{name}: used by a slice that is not whole rows, which is not supported")
        offset = int(weight.storage_offset()) - int(whole.storage_offset())
        kept = inputs.detach() if inputs is not None else None
        return Use(name, offset, weight.numel(), kind, kept, tuple(weight.shape))

    def _listen(self, out: Tensor, uses: list[Use]) -> None:
        if not out.requires_grad:
            out.requires_grad_(True)  # weights are frozen and nothing before is watched: the graph begins here

        def note(delta: Tensor) -> None:
            for use in uses:
                use.delta = delta

        out.register_hook(note)  # type: ignore[no-untyped-call]
        self.capture.uses += uses


def _arguments(args: tuple[Any, ...], kwargs: Mapping[str, Any], names: tuple[str, ...]) -> list[Any]:
    given = dict(zip(names, args, strict=False)) | dict(kwargs)
    return [given.get(name) for name in names]


@contextmanager
def capturing(parameters: Mapping[str, nn.Parameter]) -> Iterator[Capture]:
    """Watch ``parameters`` in the forward passes within; call backward before or after the block ends.

    The scalar that is differentiated must be a sum over samples, none of which sees another.
    """
    capture = Capture()
    with _Watch(parameters, capture):
        yield capture


def coverage(parameters: Mapping[str, nn.Parameter], capture: Capture) -> float:
    """Share of all entries of ``parameters`` that the capture saw."""
    seen = capture.covered()
    return sum(seen.get(name, 0) for name in parameters) / max(1, sum(p.numel() for p in parameters.values()))
