"""Controls that every result needs: a direction from nowhere, and the method on labels without meaning."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sonoscope.directions.estimator import Estimator, Learned
from sonoscope.directions.rfm import RFM
from sonoscope.directions.targets import Groups, Target
from sonoscope.statistics.permutation import permuted_labels


@dataclass(kw_only=True)
class RandomDirection(Estimator):
    """A uniformly random unit vector, the same for one seed, draw and dimension. Labels do not orient it.

    Attributes
    ----------
    draw
        Number of the vector, so that many share the folds of one seed.
    """

    draw: int = 0

    oriented = False

    def _learn(self, states: Tensor, target: Target, groups: Groups) -> Learned:
        vector = torch.from_numpy(np.random.default_rng([self.seed, 7, self.draw]).standard_normal(states.shape[1])).to(
            states
        )
        return Learned((vector / vector.norm())[None], torch.ones(1, dtype=states.dtype))


@dataclass(kw_only=True)
class ShuffledRFM(RFM):
    """`RFM` on permuted labels, searched, scored and oriented in the same way; its score is the null of RFM's.

    Whole groups exchange labels if each group has one label; otherwise labels are shuffled within groups
    (see `permuted_labels`). The score is against the permuted labels.
    """

    def _prepared(self, target: Target, groups: Groups) -> Target:
        rows = np.arange(len(target))
        strata = target.strata()
        label = np.unique(strata, return_inverse=True)[1]
        shuffled = permuted_labels(label, groups, np.random.default_rng([self.seed, 8]))
        # Rows are moved, not labels, so that any encoding keeps its columns.
        source = np.empty_like(rows)
        source[np.argsort(shuffled, kind="stable")] = rows[np.argsort(label, kind="stable")]
        return target.take(source)
