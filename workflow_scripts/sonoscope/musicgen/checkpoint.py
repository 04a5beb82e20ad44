"""MusicGen folders in audiocraft's own layout: written from trained models, read safely.

A folder holds ``state_dict.bin`` (language model), ``compression_state_dict.bin`` (codec), each a ``torch.save`` of
``best_state``, ``xp.cfg`` (YAML text), ``version`` and ``exported``; ours also hold ``text_encoder/``. Both files are
read with ``weights_only=True``, which refuses anything but tensors and plain containers.
"""

import hashlib
import io
import json
import logging
import pickle
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from torch import nn

from sonoscope.device import precision
from sonoscope.errors import SonoscopeError
from sonoscope.files import replacing, sha256
from sonoscope.musicgen.audiocraft_backend import AudiocraftMusicGen, read_folder
from sonoscope.musicgen.craft import CompressionModel, T5Conditioner, builders, version

log = logging.getLogger(__name__)


class CheckpointError(SonoscopeError, ValueError):
    """A checkpoint that cannot be used, with the reason."""


def save_folder(folder: Path, codec: nn.Module, codec_cfg: DictConfig, lm: nn.Module, lm_cfg: DictConfig) -> None:
    """Write a trained codec and language model in half precision; loaders give them their own precision back."""
    for name, model, cfg in (("compression_state_dict", codec, codec_cfg), ("state_dict", lm, lm_cfg)):
        state = {k: v.half() if v.is_floating_point() else v for k, v in model.state_dict().items()}
        package = {
            "best_state": state,
            "xp.cfg": OmegaConf.to_yaml(cfg),
            "version": version,
            "exported": True,
        }
        buffer = io.BytesIO()  # torch writes the name of a file into it, and a temporary one is never the same
        torch.save(package, buffer)
        with replacing(folder / f"{name}.bin") as temporary:
            temporary.write_bytes(buffer.getvalue())


def read_package(file: Path) -> dict[str, Any]:
    """One file of a folder, checked.

    Raises
    ------
    CheckpointError
        It is damaged, holds code, or is not audiocraft's export.
    """
    try:
        package = torch.load(file, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        reason = (str(error) or "nothing").splitlines()[0]
        raise CheckpointError(f"{file}: expected tensors and text only, found {reason}") from None
    if not isinstance(package, dict) or not ("pretrained" in package or {"best_state", "xp.cfg"} <= set(package)):
        raise CheckpointError(
            f"{file}: expected an audiocraft export (best_state, xp.cfg), found {type(package).__name__}"
        )
    return package


def load_folder(folder: Path, name: str, device: str = "cpu", codec_folder: Path | None = None) -> AudiocraftMusicGen:
    """Load a MusicGen from a folder in audiocraft's layout.

    Parameters
    ----------
    folder : Path
        Holds ``state_dict.bin`` and ``compression_state_dict.bin``.
    name : str
        What results call it.
    device : str
    codec_folder : Path, optional
        Where a codec that the folder only names is to be found; by default the hub's cache is asked.
    """
    lm_file, codec_file = read_folder(folder)
    lm_package = read_package(lm_file)
    lm_cfg = OmegaConf.create(lm_package["xp.cfg"])
    _set_device(lm_cfg, device)
    text = lm_cfg.conditioners.description
    if "t5" in text:
        text.t5.name = _text_encoder(folder, text.t5.name)
    lm = builders.get_lm_model(lm_cfg)
    lm.load_state_dict(lm_package["best_state"])
    lm.cfg = lm_cfg
    codec = load_codec(folder, device, codec_folder)
    files = [lm_file, codec_file, *sorted((folder / "text_encoder").glob("*.safetensors"))]
    digest = hashlib.sha256("".join(map(sha256, files)).encode()).hexdigest()[:12]
    return AudiocraftMusicGen(name, digest, codec, lm, float(lm_cfg.dataset.segment_duration))


def load_codec(folder: Path, device: str = "cpu", codec_folder: Path | None = None) -> CompressionModel:
    """Load the codec of a folder in audiocraft's layout; arguments as in `load_folder`."""
    package = read_package(folder / "compression_state_dict.bin")
    if "pretrained" in package:
        return CompressionModel.get_pretrained(str(codec_folder or package["pretrained"]), device)
    cfg = OmegaConf.create(package["xp.cfg"])
    _set_device(cfg, device)
    codec = builders.get_compression_model(cfg)
    codec.load_state_dict(package["best_state"])
    return codec


def _set_device(cfg: DictConfig, device: str) -> None:
    cfg.device = device
    cfg.dtype = precision(device)


def _text_encoder(folder: Path, name: str) -> str:
    """The text encoder beside the weights, registered with audiocraft, or the published name."""
    local = folder / "text_encoder"
    if not local.is_dir():
        return name
    path = str(local.resolve())
    register_text_encoder(path, int(json.loads((local / "config.json").read_text(encoding="utf-8"))["d_model"]))
    return path


def register_text_encoder(path: str, width: int) -> None:
    """Let audiocraft load a T5 encoder by path, as it does those of its own list."""
    if path not in T5Conditioner.MODELS:
        T5Conditioner.MODELS.append(path)
        T5Conditioner.MODELS_DIMS[path] = width
