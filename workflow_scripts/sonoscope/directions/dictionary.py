"""A feature of a sparse autoencoder as a direction, behind the interface of all estimators."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from sonoscope.directions.errors import DirectionError
from sonoscope.directions.estimator import Estimator, Learned
from sonoscope.directions.targets import Groups, Target
from sonoscope.interpretability.sae import Kind, Recipe, SparseAutoencoder, train_sae


@dataclass(kw_only=True)
class SAEFeature(Estimator):
    """Decoder row of the sparse autoencoder's feature whose activation goes best with the label.

    The dictionary is learned without labels, on the very clips that the direction may see: of a fold of the score, on
    its training clips alone. Labels only choose the feature, by the correlation of its activation with them; of two
    classes, one that is active where the concept is. (Features of MusicGen as directions: arXiv 2505.18186.)

    Attributes
    ----------
    kind
        Gate of the autoencoder; see `sonoscope.interpretability.sae`.
    expansion
        Features per dimension of the states.
    active
        Features active per state.
    steps, batch, rate
        Length, batch and peak learning rate of the training.
    least_active
        Clips in which a feature must be active to be chosen: what fires once goes with anything.
    """

    kind: Kind = "batch_topk"
    expansion: int = 2
    active: int = 8
    steps: int = 600
    batch: int = 64
    rate: float = 5e-3
    least_active: int = 4

    def _learn(self, states: Tensor, target: Target, groups: Groups) -> Learned:
        x = states.float().cpu()
        sae = self._trained(x)
        with torch.no_grad():
            active = sae.encode(x)  # [n, features]
        label = target.raw().to("cpu", torch.float32)
        selectivity = correlations(active, label - label.mean())
        fires = (active > 0).sum(0)
        judged = selectivity.abs() if target.kind == "continuous" else selectivity
        judged = judged.masked_fill(fires < min(self.least_active, len(x) // 4), -1.0)
        best = int(judged.argmax())
        if not bool(judged[best] > 0):
            raise DirectionError("sae: no feature of the dictionary goes with these labels; train it longer or wider")
        error = x - sae(x).detach()
        details: dict[str, object] = {
            "feature": best, "features": active.shape[1], "selectivity": float(selectivity[best]),
            "active_share": float(fires[best]) / len(x), "fvu": float(error.square().sum() / x.square().sum()),
        }  # fmt: skip
        row = sae.W_dec[best].detach().to(states)
        return Learned((row / row.norm())[None], torch.ones(1, dtype=states.dtype, device=states.device), details)

    def _trained(self, x: Tensor) -> SparseAutoencoder:
        generator = torch.Generator().manual_seed(self.seed)
        features = self.expansion * x.shape[1]
        sae = SparseAutoencoder(x.shape[1], features, min(self.active, features), self.kind, generator)
        sae.start_from(x)
        train_sae(sae, self._batches(x, generator), Recipe(self.steps, self.rate, dead_after=4 * len(x)))
        return sae

    def _batches(self, x: Tensor, generator: torch.Generator) -> Iterator[Tensor]:
        size = min(self.batch, len(x))
        while True:
            for rows in torch.split(torch.randperm(len(x), generator=generator), size):
                if len(rows) == size:
                    yield x[rows]


def correlations(activations: Tensor, centred: Tensor) -> Tensor:
    """Pearson correlation of each column of ``activations`` ``[n, F]`` with centred labels ``[n]``; 0 for dead ones."""
    own = activations - activations.mean(0)
    size = own.norm(dim=0) * centred.norm()
    return torch.where(size > 0, (own * centred[:, None]).sum(0) / size.clamp_min(1e-12), torch.zeros_like(size))
