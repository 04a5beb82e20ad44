"""Sparse autoencoders in SAELens's layout: cfg.json and sae_weights.safetensors, with the input scale folded in."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file, save_file

from sonoscope.contracts import read_json, write_json
from sonoscope.files import replacing
from sonoscope.interpretability.sae import Kind, SparseAutoencoder

_ARCHITECTURE: dict[Kind, str] = {
    "topk": "topk", "batch_topk": "jumprelu", "matryoshka": "jumprelu", "jumprelu": "jumprelu"
}  # fmt: skip


def export_sae(sae: SparseAutoencoder, folder: Path, about: dict[str, Any]) -> Path:
    """Write ``folder``/cfg.json and sae_weights.safetensors, as `sae_lens.SAE.load_from_disk` reads them.

    BatchTopK and Matryoshka gate by one threshold at inference, and so are written as JumpReLU, as SAELens does.

    Parameters
    ----------
    about
        Metadata: model_name, hook_name and so on.
    """
    scale = sae.scale
    weights = {
        "W_enc": sae.W_enc.detach() * scale,
        "b_enc": sae.b_enc.detach(),
        "W_dec": sae.W_dec.detach() / scale,
        "b_dec": sae.b_dec.detach() / scale,
    }
    config: dict[str, Any] = {
        "architecture": _ARCHITECTURE[sae.kind], "d_in": int(sae.W_dec.shape[1]), "d_sae": len(sae.W_dec),
        "dtype": "float32", "device": "cpu", "apply_b_dec_to_input": True, "normalize_activations": "none",
        "reshape_activations": "none", "metadata": {**about, "trained_as": sae.kind, "k": sae.k, "scale": float(scale)},
    }  # fmt: skip
    if config["architecture"] == "topk":
        config |= {"k": sae.k, "rescale_acts_by_decoder_norm": False}
    elif sae.kind == "jumprelu":
        weights["threshold"] = sae.log_theta.detach().exp()
    else:
        weights["threshold"] = sae.threshold.expand(len(sae.W_dec))
    with replacing(folder / "sae_weights.safetensors") as temporary:
        save_file({name: w.contiguous().clone() for name, w in weights.items()}, temporary)
    path = folder / "cfg.json"
    write_json(path, config)
    return path


def import_sae(folder: Path) -> SparseAutoencoder:
    """An autoencoder that `export_sae` wrote; its scale is undone, so that decoder rows have norm 1 again."""
    config: Any = read_json(folder / "cfg.json")
    weights = load_file(folder / "sae_weights.safetensors")
    kind: Kind = config["metadata"]["trained_as"]
    generator = torch.Generator().manual_seed(0)
    sae = SparseAutoencoder(config["d_in"], config["d_sae"], config["metadata"]["k"], kind, generator)
    scale = torch.tensor(float(config["metadata"]["scale"]))
    with torch.no_grad():
        sae.scale.copy_(scale)
        sae.W_enc.copy_(weights["W_enc"] / scale)
        sae.W_dec.copy_(weights["W_dec"] * scale)
        sae.b_enc.copy_(weights["b_enc"])
        sae.b_dec.copy_(weights["b_dec"] * scale)
        if kind == "jumprelu":
            sae.log_theta.copy_(weights["threshold"].log())
        elif "threshold" in weights:
            sae.threshold.copy_(weights["threshold"][0])
    return sae.eval()


class Decoder(NamedTuple):
    """Directions of a dictionary's features."""

    rows: torch.Tensor
    """Unit vectors ``[F, D]``; row j is what feature j adds to the residual stream."""
    layer: int
    """Block at whose output they live."""
    model: str
    revision: str


def load_decoder(folder: Path) -> Decoder:
    """Decoder rows of a dictionary in SAELens's layout, ours or another's, as directions to steer along.

    Raises
    ------
    ValueError
        The metadata name no layer (``hook_name``, such as blocks.12.hook_resid_post).
    """
    metadata: dict[str, Any] = read_json(folder / "cfg.json").get("metadata", {})
    found = re.search(r"blocks\.(\d+)\.", str(metadata.get("hook_name", "")))
    if found is None:
        raise ValueError(f"{folder / 'cfg.json'}: expected metadata.hook_name such as blocks.12.hook_resid_post")
    rows = torch.nn.functional.normalize(load_file(folder / "sae_weights.safetensors")["W_dec"].float(), dim=1)
    model, revision = str(metadata.get("model_name", "")), str(metadata.get("revision", ""))
    return Decoder(rows, int(found.group(1)), model, revision)
