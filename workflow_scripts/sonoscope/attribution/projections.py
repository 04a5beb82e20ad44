"""Random projections of per-sample gradients to rows of fixed length that keep inner products on average.

All are linear and unbiased, E⟨Px, Py⟩ = ⟨x, y⟩, with a variance of about (1 + ρ²)/D for unit vectors of cosine ρ. Each
entry of P is a hash of seed, parameter name and coordinate, so that rows of any batch, worker or device fit together.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from sonoscope.attribution.capture import Capture, Use
from sonoscope.attribution.errors import AttributionError
from sonoscope.attribution.hashing import buckets_and_signs, keys, mixed, signs

Keep = Callable[[str], bool]
_CACHED = 50_000_000  # coordinates whose hashes are kept between samples
_BLOCK = 8192  # coordinates of a dense matrix that exist at once


class Projection(ABC):
    """Maps the per-sample gradients of a capture to rows ``[B, dim]``, float32."""

    dim: int

    @abstractmethod
    def project(self, capture: Capture, keep: Keep) -> Tensor:
        """Rows of the parameters that ``keep`` names."""


class Blockwise(Projection):
    """A projection that takes the gradient part by part."""

    width = 1
    """Numbers that are summed per number of a row."""
    squared: Tensor | None = None
    """Squared norm of what was projected last, ``[B]``: the parts are formed once for both."""

    def project(self, capture: Capture, keep: Keep) -> Tensor:
        """Rows of the parameters that ``keep`` names."""
        out: Tensor | None = None
        squared: Tensor | None = None
        for name, offset, block in self.parts(capture, keep):
            if out is None:
                out = block.new_zeros(block.shape[0], self.width * self.dim, dtype=torch.float32)
            mine = torch.linalg.vecdot(block, block)
            squared = mine if squared is None else squared + mine
            self.add(out, name, offset, block.float())
        self.squared = squared
        if out is None:
            raise AttributionError("projection: no parameter of the chosen group took part in the pass")
        return self.finished(out)

    def sketch(self, name: str, rows: Tensor) -> Tensor:
        """Projection of plain vectors ``[B, size]`` that stand for one whole parameter."""
        out = rows.new_zeros(len(rows), self.width * self.dim, dtype=torch.float32)
        self.add(out, name, 0, rows.float())
        return self.finished(out)

    def finished(self, out: Tensor) -> Tensor:
        """Rows ``[B, dim]`` from the sums."""
        return out

    def parts(self, capture: Capture, keep: Keep) -> Any:
        """Parts of the gradient: parameter, offset, ``[B, size]``."""
        return capture.blocks(keep)

    @abstractmethod
    def add(self, out: Tensor, name: str, offset: int, block: Tensor) -> None:
        """Add the projection of one part ``[B, size]`` to the sums ``[B, width · dim]``."""


class SJLT(Blockwise):
    """Sparse Johnson–Lindenstrauss transform with one non-zero per coordinate (CountSketch): bucket and sign.

    As accurate as a dense matrix for gradients, at the price of one addition per coordinate.
    """

    def __init__(self, dim: int, seed: int, use: str = "sjlt") -> None:
        self.dim, self.seed, self.use = dim, seed, use
        self._kept: dict[tuple[str, int, int, torch.device], Tensor] = {}
        self._room = _CACHED

    width = 2

    def add(self, out: Tensor, name: str, offset: int, block: Tensor) -> None:
        """Add the sums of one part: of what counts positively, then negatively, so that no signed copy is made."""
        bucket = self._buckets(name, offset, block.shape[1], block.device)
        for row in range(len(block)):  # one by one: faster than a scatter over both axes
            out[row].index_add_(0, bucket, block[row])

    def finished(self, out: Tensor) -> Tensor:
        """Positive sums minus negative ones."""
        return out[:, : self.dim] - out[:, self.dim :]

    def _buckets(self, name: str, offset: int, size: int, device: torch.device) -> Tensor:
        """Bucket of each coordinate, int32; those of negative sign come after the first ``dim``."""
        place = (name, offset, size, device)
        if place not in self._kept:
            bucket, sign = buckets_and_signs(offset, size, self.dim, keys(self.seed, self.use, name), device)
            found = torch.where(sign < 0, bucket + self.dim, bucket).int()
            if self._room < size:
                return found
            self._room -= size
            self._kept[place] = found
        return self._kept[place]


class Rademacher(Blockwise):
    """Dense matrix of ±1/√D: the reference that sparse ones are measured against, and slow."""

    def __init__(self, dim: int, seed: int) -> None:
        self.dim, self.seed = dim, seed

    def add(self, out: Tensor, name: str, offset: int, block: Tensor) -> None:
        """Add the projection of one part, some coordinates at a time."""
        key = keys(self.seed, "rademacher", name)
        for first in range(0, block.shape[1], _BLOCK):
            piece = block[:, first : first + _BLOCK]
            matrix = signs(offset + first, piece.shape[1], self.dim, key, block.device)
            out += piece @ matrix / self.dim**0.5


class Masked(Blockwise):
    """D coordinates, drawn with replacement and rescaled by √(p/D): cheapest, and the noisiest."""

    def __init__(self, dim: int, seed: int, sizes: Mapping[str, int]) -> None:
        self.dim, self.seed = dim, seed
        self.names, starts, total = sorted(sizes), {}, 0
        for name in self.names:
            starts[name] = total
            total += sizes[name]
        index = torch.arange(dim)
        high, low = (mixed(index, keys(seed, f"mask-{part}", "")) for part in ("high", "low"))
        self.coordinates = ((high & 0x7FFFFFF) << 32 | low) % total
        self.starts, self.scale = starts, (total / dim) ** 0.5

    def add(self, out: Tensor, name: str, offset: int, block: Tensor) -> None:
        """Copy the drawn coordinates of one part."""
        start = self.starts[name] + offset
        here = torch.nonzero((self.coordinates >= start) & (self.coordinates < start + block.shape[1]))[:, 0]
        places = (self.coordinates[here] - start).to(block.device)
        here = here.to(block.device)
        out[:, here] = block[:, places] * self.scale


class LoGra(Projection):
    """Two-sided projection of each linear part: Σ_t (P_o δ_t)(P_i x_t)ᵀ, the gradient itself never being formed.

    Choe et al. 2024 (arXiv 2405.13954). Parameters that are not matrices of linear maps are left out. The rows hold
    ``rank²`` numbers per linear part, in the order of `parts`; scores use one Gram matrix per part.
    """

    def __init__(self, rank: int, seed: int, capture: Capture, keep: Keep) -> None:
        self.rank, self.seed = rank, seed
        self.parts = sorted({(u.parameter, u.offset) for u in _linear(capture, keep)})
        self.dim = rank * rank * len(self.parts)
        self._sides: dict[tuple[str, int, int], Tensor] = {}

    def project(self, capture: Capture, keep: Keep) -> Tensor:
        """Rows of the linear parts that ``keep`` names."""
        found: dict[tuple[str, int], Tensor] = {}
        for use in _linear(capture, keep):
            inputs, delta = use.rows()
            left = delta.float() @ self._side(use, "out", use.shape[0], use.offset // use.shape[1])
            right = inputs.float() @ self._side(use, "in", use.shape[1], 0)
            block = torch.bmm(left.transpose(1, 2), right).flatten(1)
            place = (use.parameter, use.offset)
            found[place] = found[place] + block if place in found else block
        return torch.cat([found[place] for place in self.parts], dim=1)

    def _side(self, use: Use, side: str, size: int, first: int) -> Tensor:
        place = (f"{side}/{use.parameter}", first, size)
        if place not in self._sides:
            device = use.delta.device if use.delta is not None else torch.device("cpu")
            key = keys(self.seed, f"logra-{side}", use.parameter)
            self._sides[place] = signs(first, size, self.rank, key, device) / self.rank**0.5
        return self._sides[place]


class Scaled(SJLT):
    """Sketch of gradients as the optimiser sees them: each coordinate divided by the fourth root of its mean square.

    A step of Adam is the gradient over √v, not the gradient (LESS, arXiv 2402.04333, §3); with half of that on either
    side, the step that one clip would make against the gradient of another is an inner product of rows.

    Parameters
    ----------
    roots : mapping
        v^(1/4) by parameter.
    damping : float
        Added to √v as a share of its mean over all parameters, so that coordinates which training hardly touched, such
        as tokens that it never met, do not outweigh all others.
    """

    def __init__(self, dim: int, seed: int, roots: Mapping[str, Tensor], damping: float) -> None:
        super().__init__(dim, seed, "adam")
        total = sum(float(r.float().square().sum()) for r in roots.values())
        floor = damping * total / max(1, sum(r.numel() for r in roots.values())) + 1e-20
        self.scales = {name: (r.float().square() + floor).rsqrt().flatten() for name, r in roots.items()}

    def parts(self, capture: Capture, keep: Keep) -> Any:
        """Scaled parts of the gradient."""
        for name, offset, block in capture.blocks(lambda name: keep(name) and name in self.scales):
            yield name, offset, block * self.scales[name][offset : offset + block.shape[1]].to(block)


class LoRAGradient(SJLT):
    """Sketch of the gradients of the adapters alone, from those of the merged weights.

    With W + s B A: ∂A = s Bᵀ G and ∂B = s G Aᵀ, where G is the gradient of the merged weight.
    """

    def __init__(self, dim: int, seed: int, adapters: Mapping[str, tuple[Tensor, Tensor]], scale: float) -> None:
        super().__init__(dim, seed, "lora")
        self.adapters, self.scale = adapters, scale

    def parts(self, capture: Capture, keep: Keep) -> Any:
        """Gradients of the adapters, part by part; parts of one weight add up."""
        for use in _linear(capture, lambda name: keep(name) and name in self.adapters):
            down, up = self.adapters[use.parameter]  # [r, in], [out, r]
            first = use.offset // use.shape[1]
            inputs, delta = use.rows()
            mine = up[first : first + use.shape[0]].to(delta)
            of_up = torch.bmm(delta.transpose(1, 2), inputs @ down.to(delta).T) * self.scale
            of_down = torch.bmm((delta @ mine).transpose(1, 2), inputs) * self.scale
            yield f"{use.parameter}.lora_up", first * up.shape[1], of_up.flatten(1)
            yield f"{use.parameter}.lora_down", 0, of_down.flatten(1)


def _linear(capture: Capture, keep: Keep) -> list[Use]:
    return [u for u in capture.uses if u.kind == "linear" and u.delta is not None and keep(u.parameter)]
