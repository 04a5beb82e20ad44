"""What a direction is fitted to: two classes, a number, or several classes, as columns of numbers."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sonoscope.directions.errors import DirectionError
from sonoscope.statistics.arrays import Ints

Kind = Literal["binary", "continuous", "classes"]
Groups = NDArray[np.generic] | None


@dataclass(frozen=True)
class Target:
    """Labels in the form that every estimator uses.

    Attributes
    ----------
    kind
        ``binary`` (two values, the larger is positive), ``continuous`` or ``classes``.
    values
        Shape (n, outputs): 0 and 1 for binary, z-scores for continuous, one-hot columns for classes.
    classes
        Distinct labels in order; empty for continuous.
    mean, std
        What turned a continuous label into its z-score, in the unit of the label.
    """

    kind: Kind
    values: Tensor
    classes: tuple[float, ...] = ()
    mean: float = 0.0
    std: float = 1.0

    @classmethod
    def from_labels(
        cls, labels: Tensor, kind: Kind | Literal["auto"] = "auto", dtype: torch.dtype = torch.float64
    ) -> "Target":
        """Encode labels of shape (n,). ``auto``: two values are binary, floats continuous, other integers classes.

        Raises
        ------
        DirectionError
            Labels are not one-dimensional, not finite, all equal, or do not fit the demanded kind.
        """
        if labels.ndim != 1:
            raise DirectionError(f"labels: expected shape (n,), found {tuple(labels.shape)}")
        numeric = labels.to(torch.float64)
        if not bool(torch.isfinite(numeric).all()):
            raise DirectionError("labels: expected finite values, found NaN or infinity; leave such clips out")
        distinct = torch.unique(numeric)
        if distinct.numel() < 2:
            found = "none" if distinct.numel() == 0 else f"only {float(distinct[0]):g}"
            raise DirectionError(
                f"labels: expected at least two different values, found {found} in {labels.numel()} clips"
            )
        if kind == "auto":
            many: Kind = "continuous" if labels.dtype.is_floating_point else "classes"
            kind = "binary" if distinct.numel() == 2 else many
        if kind == "binary" and distinct.numel() != 2:
            raise DirectionError(f"labels: expected two values for a binary target, found {distinct.numel()}")
        classes = tuple(float(v) for v in distinct)
        if kind == "binary":
            return cls(kind, (numeric == distinct[1]).to(dtype)[:, None], classes)
        if kind == "classes":
            return cls(kind, (numeric[:, None] == distinct[None, :]).to(dtype), classes)
        mean, std = float(numeric.mean()), float(numeric.std(correction=0))
        return cls(kind, ((numeric - mean) / std).to(dtype)[:, None], (), mean, std)

    def __len__(self) -> int:
        return self.values.shape[0]

    def take(self, rows: Ints, held_out: bool = False) -> "Target":
        """The target of some rows, in the same encoding (a continuous label keeps the mean and SD of the whole).

        Held-out rows may lack a class; training rows may not.

        Raises
        ------
        DirectionError
            The rows do not hold every class, or hold one number only.
        """
        values = self.values[torch.from_numpy(rows).to(self.values.device)]
        constant = bool((values == values[0]).all())
        if not held_out and (constant or (self.kind == "classes" and not bool((values.sum(0) > 0).all()))):
            raise DirectionError(
                f"a training fold of {len(rows)} clips lacks a class; use fewer folds, or groups that mix the classes"
            )
        return Target(self.kind, values, self.classes, self.mean, self.std)

    def strata(self) -> NDArray[np.generic]:
        """Class per clip, or the number itself when continuous, for stratified splits."""
        column = self.values.argmax(1) if self.kind == "classes" else self.values[:, 0]
        return np.asarray(column.cpu().numpy())

    def raw(self) -> Tensor:
        """Single column (n,) of a binary or continuous target.

        Raises
        ------
        DirectionError
            The target has several classes.
        """
        if self.kind == "classes":
            raise DirectionError("this estimator needs two classes or a number; for several classes use rfm")
        return self.values[:, 0]
