"""Directions on disk: vectors in safetensors, everything needed to use and judge them in JSON beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor as TorchTensor

from sonoscope.contracts import Tensor, Tensors, read_json, write_json
from sonoscope.contracts.errors import ContractError
from sonoscope.directions.errors import DirectionError
from sonoscope.directions.estimator import Estimator
from sonoscope.files import sha256
from sonoscope.statistics.bootstrap import Interval

FORMAT = 2

DIRECTIONS = Tensors(
    name="directions",
    tensors={
        "directions": Tensor("float32", ("estimator", "layer", "dim"), "unit vectors"),
        "eigenvalues": Tensor("float32", ("estimator", "layer", "component"), "share of the whole"),
        "means": Tensor("float32", ("layer", "dim"), "unit of the hidden states"),
        "leace": Tensor(
            "float32", ("factor", "layer", "dim"), "write, then read: the eraser h - (read (h - mean)) write"
        ),
    },
    header=("model", "revision", "layers", "concept", "target"),
    description="One direction per estimator and layer; of each layer the mean hidden state and the concept's eraser.",
)


@dataclass(frozen=True)
class Origin:
    """What directions were fitted to.

    Attributes
    ----------
    model, revision
        Name and revision (or digest) of the model whose hidden states were read.
    layers
        Numbers of the layers, counted from 0.
    dim
        Size of a hidden state.
    pooling
        How frames became one state per clip.
    concept, target
        Such as notes and C.
    data
        Digest of the hidden states and labels.
    split
        How clips were grouped and divided, with the number of clips and groups.
    seed
        Of the fit.
    """

    model: str
    revision: str
    layers: tuple[int, ...]
    dim: int
    pooling: str
    concept: str
    target: str
    data: str
    split: Mapping[str, Any]
    seed: int


@dataclass(frozen=True)
class LayerRecord:
    """What is known of one direction.

    Attributes
    ----------
    mean_norm
        Mean norm of the layer's hidden states: the unit of a relative coefficient.
    projection_std
        SD of the projection on the direction: the unit of a coefficient in σ.
    """

    layer: int
    sign: int
    sign_reason: str
    score_name: str
    score: dict[str, float] | None
    chance: float
    mean_norm: float
    projection_std: float
    label_mean: float
    label_std: float
    details: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_estimator(cls, layer: int, fitted: Estimator) -> "LayerRecord":
        """Record of a fitted estimator."""
        score = None if fitted.score_ is None else asdict(fitted.score_)
        return cls(
            layer,
            fitted.sign_,
            fitted.sign_reason_,
            fitted.score_name_,
            score,
            fitted.chance_,
            fitted.mean_norm_,
            fitted.projection_std_,
            fitted.label_mean_,
            fitted.label_std_,
            fitted.details_,
        )

    @property
    def interval(self) -> Interval | None:
        """The out-of-fold score."""
        return None if self.score is None else Interval(**self.score)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Directions:
    """Directions of one estimator at all layers.

    Attributes
    ----------
    vectors
        Unit vectors (layers, dim), float32.
    eigenvalues
        Share of the whole per component (layers, components), 0 where there is no such component.
    means
        Mean hidden state per layer (layers, dim).
    leace
        Two factors of the eraser (2, layers, dim), the same for all estimators: what is written, what is read.
    hyperparameters
        Of the estimator, as plain data.
    """

    estimator: str
    origin: Origin
    vectors: TorchTensor
    eigenvalues: TorchTensor
    means: TorchTensor
    records: tuple[LayerRecord, ...]
    leace: TorchTensor
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_fitted(
        cls, estimator: str, origin: Origin, fitted: Sequence[Estimator], leace: TorchTensor | None = None
    ) -> "Directions":
        """Gather the estimators that `fit_layers` returned, one per layer of ``origin``."""
        if len(fitted) != len(origin.layers):
            raise DirectionError(f"directions: expected {len(origin.layers)} fitted layers, found {len(fitted)}")
        width = max(f.eigenvalues_.numel() for f in fitted)
        eigenvalues = torch.zeros(len(fitted), width)
        for row, one in enumerate(fitted):
            eigenvalues[row, : one.eigenvalues_.numel()] = one.eigenvalues_
        return cls(
            estimator,
            origin,
            torch.stack([f.direction_ for f in fitted]),
            eigenvalues,
            torch.stack([f.mean_ for f in fitted]),
            tuple(LayerRecord.from_estimator(layer, f) for layer, f in zip(origin.layers, fitted, strict=True)),
            torch.zeros(2, len(fitted), origin.dim) if leace is None else leace,
            fitted[0].hyperparameters(),
        )

    @classmethod
    def joined(cls, parts: Sequence["Directions"], origin: Origin) -> "Directions":
        """Directions of groups of layers, in the order of the layers of ``origin``, as one."""
        width = max(p.eigenvalues.shape[1] for p in parts)
        padded = [torch.nn.functional.pad(p.eigenvalues, (0, width - p.eigenvalues.shape[1])) for p in parts]
        return cls(
            parts[0].estimator,
            origin,
            torch.cat([p.vectors for p in parts]),
            torch.cat(padded),
            torch.cat([p.means for p in parts]),
            tuple(r for p in parts for r in p.records),
            torch.cat([p.leace for p in parts], dim=1),
            parts[0].hyperparameters,
        )

    def scores(self) -> list[float]:
        """Out-of-fold score per layer.

        Raises
        ------
        DirectionError
            The directions were fitted without folds.
        """
        found = [r.interval for r in self.records]
        if any(f is None for f in found):
            raise DirectionError(
                f"{self.estimator}: fitted without folds, so layers have no scores; set folds to 2 or more"
            )
        return [f.estimate for f in found if f is not None]

    def scale(self, unit: str) -> TorchTensor:
        """What a coefficient of 1 means at each layer (layers,), in the unit of the hidden states.

        ``absolute``: 1; ``relative``: the mean norm; ``sigma``: the SD of the projection.
        """
        if unit == "absolute":
            return torch.ones(len(self.records))
        if unit not in ("relative", "sigma"):
            raise DirectionError(f"coefficient unit: expected absolute, relative or sigma, found {unit!r}")
        return torch.tensor([r.mean_norm if unit == "relative" else r.projection_std for r in self.records])


def save_directions(path: Path, directions: Sequence[Directions]) -> None:
    """Write directions of one origin, one entry per estimator, to ``path`` and to the JSON file of the same name.

    Raises
    ------
    DirectionError
        Nothing to write, two origins, or one estimator twice.
    """
    if not directions or any(d.origin != directions[0].origin for d in directions):
        raise DirectionError("directions: expected at least one estimator, all fitted to the same hidden states")
    names = [d.estimator for d in directions]
    if len(set(names)) != len(names):
        raise DirectionError(f"directions: expected each estimator once, found {names}")
    origin = directions[0].origin
    width = max(d.eigenvalues.shape[1] for d in directions)
    arrays: dict[str, NDArray[np.generic]] = {
        "directions": np.stack([d.vectors.numpy() for d in directions]),
        "eigenvalues": np.stack(
            [np.pad(d.eigenvalues.numpy(), ((0, 0), (0, width - d.eigenvalues.shape[1]))) for d in directions]
        ),
        "means": directions[0].means.numpy(),
        "leace": directions[0].leace.numpy(),
    }
    header = {
        "model": origin.model,
        "revision": origin.revision,
        "layers": " ".join(map(str, origin.layers)),
        "concept": origin.concept,
        "target": origin.target,
    }
    DIRECTIONS.write(path, arrays, header)
    entries = [
        {"estimator": d.estimator, "hyperparameters": dict(d.hyperparameters), "layers": [asdict(r) for r in d.records]}
        for d in directions
    ]
    about = {"format": FORMAT, **asdict(origin), "tensors": sha256(path), "estimators": entries}
    write_json(path.with_suffix(".json"), about)


def load_directions(
    path: Path,
    *,
    model: str | None = None,
    revision: str | None = None,
    num_layers: int | None = None,
    dim: int | None = None,
) -> dict[str, Directions]:
    """Directions by estimator, on the CPU, checked against the model that is to be steered.

    Parameters
    ----------
    model, revision, num_layers, dim
        What the model is; a difference is refused. None leaves a point unchecked.

    Raises
    ------
    ContractError
        The files are damaged, do not belong together, or belong to another model.
    """
    arrays, _ = DIRECTIONS.read(path)
    beside = path.with_suffix(".json")
    about = read_json(beside)
    if about.get("format") != FORMAT or about.get("tensors") != sha256(path):
        raise ContractError("directions", f"{beside.name} does not belong to this file; fit the directions again", path)
    origin = Origin(**{k: about[k] for k in Origin.__dataclass_fields__})
    origin = replace(origin, layers=tuple(origin.layers))
    _refuse_mismatch(path, origin, model, revision, num_layers, dim)
    vectors, eigenvalues, means, leace = (
        torch.from_numpy(arrays[n]) for n in ("directions", "eigenvalues", "means", "leace")
    )
    return {
        entry["estimator"]: Directions(
            entry["estimator"],
            origin,
            vectors[row],
            eigenvalues[row],
            means,
            tuple(LayerRecord(**r) for r in entry["layers"]),
            leace,
            entry["hyperparameters"],
        )
        for row, entry in enumerate(about["estimators"])
    }


def _refuse_mismatch(
    path: Path, origin: Origin, model: str | None, revision: str | None, num_layers: int | None, dim: int | None
) -> None:
    for what, wanted, found in (
        ("model", model, origin.model),
        ("revision", revision, origin.revision),
        ("size of a hidden state", dim, origin.dim),
    ):
        if wanted is not None and wanted != found:
            problem = f"fitted to {what} {found}, but the model to steer has {wanted}; fit directions to this model"
            raise ContractError("directions", problem, path)
    if num_layers is not None and max(origin.layers) >= num_layers:
        problem = (
            f"hold layer {max(origin.layers)}, but the model to steer has {num_layers} layers (0 to {num_layers - 1})"
        )
        raise ContractError("directions", problem, path)
