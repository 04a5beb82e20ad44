"""A MuseTok by the file that a rule names."""

import logging
from pathlib import Path

from sonoscope.device import device
from sonoscope.files import sha256
from sonoscope.musetok.checkpoint import load_folder, read_published
from sonoscope.musetok.model import MuseTok

log = logging.getLogger(__name__)


def load_musetok(weights: Path) -> tuple[MuseTok, str]:
    """Load a model onto the device of this job, with its revision; ``weights`` is ours (safetensors) or published."""
    model = load_folder(weights.parent) if weights.suffix == ".safetensors" else read_published(weights)
    revision = sha256(weights)[:12]
    g = model.geometry
    log.info(
        "%s, revision %s: %d and %d layers of width %d, %d codebooks of %d, latents of width %d",
        weights, revision, g.encoder_layers, g.decoder_layers, g.dim, g.codebooks, g.codes, g.dim_latent,
    )  # fmt: skip
    return model.to(device()), revision
