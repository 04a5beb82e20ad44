"""A trained model as one file that describes itself: weights of all members, inputs, scales, labels, measures.

Everything that is needed to use it stands in the safetensors file: which MuseTok it reads (name and revision), which
features in which order, how they are scaled, what the labels meant, which songs it learned from (as a digest), how wide
its intervals are, and what it reached on validation songs.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from sonoscope import __version__
from sonoscope.affect.dataset import code_inputs, continuous_inputs, side_names
from sonoscope.affect.distance import Distance
from sonoscope.affect.features import HAND
from sonoscope.affect.heads import AffectHead, Shape
from sonoscope.affect.training import Normaliser
from sonoscope.errors import SonoscopeError
from sonoscope.files import replacing, sha256
from sonoscope.musetok import vocabulary
from sonoscope.settings.affect import Variant

KIND: Final = "sonoscope-affect"
FORMAT: Final = 1


class BundleError(SonoscopeError, ValueError):
    """A file that is no model of affect, or does not belong to what it is used with."""


@dataclass(frozen=True)
class Bundle:
    """A trained model."""

    variant: Variant
    members: Sequence[AffectHead]
    normaliser: Normaliser
    distance: Distance
    half_width: Mapping[str, float | None]
    """Half of the conformal interval by dimension; None where there were too few songs."""
    musetok: Mapping[str, str]
    """``model`` and ``revision``."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """Corpus, label map, digest of the split, settings of training, measures on validation songs."""

    @torch.no_grad()
    def predict(self, clips: Sequence[Mapping[str, NDArray[Any]]]) -> list["Prediction"]:
        """Valence and arousal of every bar of every clip, from tensors as `sonoscope.contracts.affect.CLIP` names them.

        Clips are read one at a time, whole, so that what one of them says does not depend on the others.
        """
        found = []
        for tensors in clips:
            rows = self.normaliser(continuous_inputs(tensors, self.variant))
            codes = code_inputs(tensors, self.variant)
            batch = None if codes is None else torch.from_numpy(codes)[None]
            mask = torch.ones(1, len(rows), dtype=torch.bool)
            each = np.stack([m(torch.from_numpy(rows)[None], batch, mask)[0][0].numpy() for m in self.members])
            each = np.clip(each.astype(np.float64), -1, 1)  # where valence and arousal are defined
            found.append(Prediction(each.mean(0), each.std(0).max(1), self.distance(rows), each))
        return found


@dataclass(frozen=True)
class Prediction:
    """What a bundle says of one clip."""

    affect: NDArray[np.float64]
    """Valence and arousal, ``(bars, 2)``."""
    disagreement: NDArray[np.float64]
    """Standard deviation over members, the larger of both dimensions, ``(bars,)``."""
    ood_score: NDArray[np.float64]
    """`Distance` from the training bars, ``(bars,)``."""
    each: NDArray[np.float64]
    """Of every member, ``(members, bars, 2)``."""


def save_bundle(path: Path, bundle: Bundle) -> None:
    """Write one file."""
    tensors = {f"member{k}.{name}": t.contiguous() for k, m in enumerate(bundle.members)
               for name, t in m.state_dict().items()}  # fmt: skip
    for name, array in (("mean", bundle.normaliser.mean), ("scale", bundle.normaliser.scale),
                        ("centre", bundle.distance.centre), ("whiten", bundle.distance.whiten)):  # fmt: skip
        tensors[f"inputs.{name}"] = torch.from_numpy(np.ascontiguousarray(array))
    record = {
        "kind": KIND,
        "format": FORMAT,
        "sonoscope": __version__,
        "variant": bundle.variant.model_dump(mode="json"),
        "shape": asdict(bundle.members[0].shape),
        "members": len(bundle.members),
        "features": list(HAND),
        "side": list(side_names(bundle.variant)),
        "ood_unit": bundle.distance.unit,
        "half_width": dict(bundle.half_width),
        "musetok": dict(bundle.musetok),
        "vocabulary": vocabulary_digest(),
        "about": dict(bundle.about),
    }
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata={"bundle": json.dumps(record, sort_keys=True, allow_nan=False)})


def load_bundle(path: Path) -> Bundle:
    """Load what `save_bundle` wrote.

    Raises
    ------
    BundleError
        It is something else, or was made for other features or another vocabulary.
    """
    try:
        with safe_open(path, framework="pt") as file:
            record = json.loads((file.metadata() or {}).get("bundle", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except SafetensorError as error:
        raise BundleError(f"{path}: not a safetensors file ({error}); delete it to have it made again") from None
    if record.get("kind") != KIND or record.get("format") != FORMAT:
        found = f"{record.get('kind')} {record.get('format')}"
        raise BundleError(f"{path}: expected a bundle of {KIND}, format {FORMAT}, found {found}")
    if record["features"] != list(HAND) or record["vocabulary"] != vocabulary_digest():
        raise BundleError(f"{path}: made for other features or another vocabulary; train it again")
    shape = Shape(**record["shape"])
    members = []
    for k in range(int(record["members"])):
        prefix = f"member{k}."
        head = AffectHead(shape)
        head.load_state_dict({n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)})
        members.append(head.eval())
    inputs = {name: tensors[f"inputs.{name}"].numpy() for name in ("mean", "scale", "centre", "whiten")}
    return Bundle(
        Variant.model_validate(record["variant"]),
        members,
        Normaliser(inputs["mean"], inputs["scale"]),
        Distance(inputs["centre"], inputs["whiten"], float(record["ood_unit"])),
        record["half_width"],
        record["musetok"],
        record["about"],
    )


def check_musetok(bundle: Bundle, path: Path, revision: str) -> None:
    """Raise `BundleError` if latents come from another MuseTok than the bundle was trained on."""
    if bundle.variant.inputs != "side" and bundle.musetok["revision"] != revision:
        raise BundleError(
            f"{path}: trained on latents of {bundle.musetok['model']}, revision {bundle.musetok['revision']}; "
            f"found revision {revision}; name that MuseTok or train again"
        )


def vocabulary_digest() -> str:
    """Short digest of the vocabulary's names in order."""
    return hashlib.sha256("\n".join(vocabulary.NAMES).encode()).hexdigest()[:12]


def bundle_digest(path: Path) -> str:
    """Short digest of a bundle's bytes."""
    return sha256(path)[:12]
