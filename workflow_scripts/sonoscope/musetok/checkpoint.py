"""MuseTok models on disk: ours as safetensors with its shape beside it; the published pickles, read safely."""

import io
import logging
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from sonoscope.contracts import read_json, write_json
from sonoscope.errors import SonoscopeError
from sonoscope.files import replacing
from sonoscope.musetok import vocabulary as v
from sonoscope.musetok.model import MuseTok
from sonoscope.settings.musetok import Geometry

log = logging.getLogger(__name__)

WEIGHTS: Final = "model.safetensors"
CONFIG: Final = "config.json"

_KEYS: Final = (
    (r"token_emb\.emb_lookup\.weight", "embedding.weight"),
    (r"encoder\.tr_encoder\.layers\.(\d+)\.(.+)", r"encoder.\1.\2"),
    (r"enc_out_proj\.(weight|bias)", r"to_latent.\1"),
    (r"residual_sim_vq\.layers\.(\d+)\.(frozen_codebook|code_transform\.weight)", r"quantiser.levels.\1.\2"),
    (r"decoder\.seg_emb_proj\.weight", "from_latent.weight"),
    (r"decoder\.decoder_layers\.(\d+)\.(.+)", r"decoder.\1.\2"),
    (r"dec_out_proj\.(weight|bias)", r"to_tokens.\1"),
)
"""Names of tensors in the published checkpoint, and what they are here."""
_UNUSED: Final = re.compile(r"pe\.pe|encoder\.tr_encoder_layer\..+")
"""Published tensors that hold nothing learned: the table of positions, and a layer that was only a template."""
_MOST_PICKLE_BYTES: Final = 2**20


class CheckpointError(SonoscopeError, ValueError):
    """A file that is no MuseTok model, with the reason."""


def save_folder(folder: Path, model: MuseTok) -> None:
    """Write weights in half precision, and the shape that they belong to."""
    state = {name: tensor.half().contiguous() for name, tensor in model.state_dict().items()}
    with replacing(folder / WEIGHTS) as temporary:
        save_file(state, temporary, metadata={"model": "MuseTok"})
    write_json(folder / CONFIG, {"kind": "musetok", "geometry": model.geometry.model_dump(mode="json")})


def load_folder(folder: Path) -> MuseTok:
    """Load what `save_folder` wrote, in single precision.

    Raises
    ------
    CheckpointError
        A file is damaged, or weights and shape do not belong together.
    """
    try:
        geometry = Geometry.model_validate(read_json(folder / CONFIG)["geometry"])
        state = load_file(folder / WEIGHTS)
    except (KeyError, TypeError, ValidationError, SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise CheckpointError(f"{folder}: expected {CONFIG} and {WEIGHTS} of a MuseTok, found {reason}") from None
    return build({name: tensor.float() for name, tensor in state.items()}, geometry, folder)


def read_published(path: Path, heads: int = 8, decoder_bars: int = 16) -> MuseTok:
    """Load the published checkpoint (``torch.save`` of a state dict); its shape follows from its tensors.

    Parameters
    ----------
    path : Path
        Holds the state dict itself, or one entry ``model_state_dict``.
    heads, decoder_bars : int
        What no tensor tells; as published by default.

    Raises
    ------
    CheckpointError
        The file is damaged, holds anything but tensors and plain containers, or tensors of another model.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        reason = (str(error) or "nothing").splitlines()[0]
        raise CheckpointError(f"{path}: expected tensors and plain containers only, found {reason}") from None
    if isinstance(content, dict) and "model_state_dict" in content:
        content = content["model_state_dict"]
    if not isinstance(content, dict) or not all(isinstance(t, Tensor) for t in content.values()):
        raise CheckpointError(f"{path}: expected a state dict, found {type(content).__name__} of other things")
    state = rename(content, path)
    return build(state, geometry_of(state, heads, decoder_bars, path), path)


def rename(published: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Tensors of the published checkpoint under the names that `MuseTok` gives them."""
    state: dict[str, Tensor] = {}
    for name, tensor in published.items():
        if _UNUSED.fullmatch(name):
            continue
        for pattern, ours in _KEYS:
            if found := re.fullmatch(pattern, name):
                state[found.expand(ours)] = tensor
                break
        else:
            hint = "; only models with ResidualSimVQ can be read" if name.startswith("residual_") else ""
            raise CheckpointError(f"{path}: {name} is no tensor of a published MuseTok{hint}")
    return state


def geometry_of(state: Mapping[str, Tensor], heads: int, decoder_bars: int, path: Path) -> Geometry:
    """The shape that tensors (under our names) belong to."""

    def count(prefix: str) -> int:
        places = {int(n.split(".")[prefix.count(".")]) for n in state if n.startswith(prefix)}
        if places != set(range(len(places))) or not places:
            raise CheckpointError(f"{path}: expected {prefix}0 and on without gaps, found {sorted(places)}")
        return len(places)

    try:
        tokens, dim = state["embedding.weight"].shape
        codes, dim_latent = state["quantiser.levels.0.frozen_codebook"].shape
        feedforward = state["encoder.0.linear1.weight"].shape[0]
    except (KeyError, ValueError) as error:
        raise CheckpointError(f"{path}: a tensor of MuseTok is missing or misshapen: {error}") from None
    return Geometry(
        tokens=tokens, dim=dim, heads=heads, dim_feedforward=feedforward, encoder_layers=count("encoder."),
        decoder_layers=count("decoder."), dim_latent=dim_latent, codebooks=count("quantiser.levels."), codes=codes,
        decoder_bars=decoder_bars, dropout=0.1,
    )  # fmt: skip


def build(state: Mapping[str, Tensor], geometry: Geometry, path: Path) -> MuseTok:
    """A model in evaluation mode that holds ``state``."""
    if geometry.tokens != v.SIZE:
        hint = "; the variant with velocities (210) has no events here" if geometry.tokens == 210 else ""
        raise CheckpointError(f"{path}: expected {v.SIZE} embeddings, one per token, found {geometry.tokens}{hint}")
    if geometry.dim % geometry.heads:
        raise CheckpointError(f"{path}: width {geometry.dim} does not divide into {geometry.heads} heads")
    with torch.device("meta"):
        model = MuseTok(geometry)
    try:
        model.load_state_dict(dict(state), assign=True)
    except RuntimeError as error:
        raise CheckpointError(f"{path}: tensors do not fit one shape: {error}") from None
    return model.eval()


class _PlainUnpickler(pickle.Unpickler):
    """Reads pickles of plain containers, text and numbers; one that names any class or function is refused."""

    def find_class(self, module: str, name: str) -> Any:
        """Refuse."""
        raise pickle.UnpicklingError(f"it names {module}.{name}, which a dictionary of tokens has no use for")


def check_dictionary(path: Path) -> None:
    """Compare the published dictionary with the derived vocabulary; nothing else is taken from it.

    Raises
    ------
    CheckpointError
        The file is damaged, holds more than plain containers, or lists other tokens.
    """
    if path.stat().st_size > _MOST_PICKLE_BYTES:
        raise CheckpointError(f"{path}: expected a small dictionary, found {path.stat().st_size} bytes")
    try:
        content = _PlainUnpickler(io.BytesIO(path.read_bytes())).load()
    except (pickle.UnpicklingError, EOFError, ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path}: expected a pickled dictionary of tokens, found {error or 'nothing'}") from None
    ids = content[0] if isinstance(content, tuple) and len(content) == 2 else content
    if not isinstance(ids, dict):
        raise CheckpointError(f"{path}: expected ids by name, found {type(ids).__name__}")
    if ids != v.IDS:
        differing = sorted(map(str, {k for k in {*ids, *v.IDS} if ids.get(k) != v.IDS.get(k)}))
        raise CheckpointError(f"{path}: {len(differing)} tokens differ from MuseTok's, such as {differing[0]}")
