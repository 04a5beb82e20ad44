"""Training of the shipped codec: an EnCodec with reconstruction losses only."""

import logging
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import OmegaConf
from torch import Tensor

from sonoscope.logs import Progress
from sonoscope.musicgen.craft import EncodecModel, builders
from sonoscope.musicgen.geometry import codec_config
from sonoscope.settings.geometry import CodecGeometry
from sonoscope.settings.training import TrainCodec
from sonoscope.train.losses import LONG_WINDOWS, mel_loss, spectral_loss, waveform_loss
from sonoscope.train.schedule import train

log = logging.getLogger(__name__)

_QUIET = 1e-3  # crops whose peak is below this teach nothing


def build_codec(g: CodecGeometry, seed: int, kmeans: bool = False) -> EncodecModel:
    """An EnCodec with random weights.

    ``kmeans`` makes the first training batch initialise the codebooks, which training needs; without it they are
    random, which a model that is never trained needs.
    """
    config = codec_config(g)
    OmegaConf.update(config, "rvq.kmeans_init", kmeans)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return cast(EncodecModel, builders.get_compression_model(config))


def crops(
    audio: NDArray[np.int16], rows: NDArray[np.int64], length: int, batch: int, generator: torch.Generator
) -> Tensor:
    """Random crops ``[batch, 1, length]`` in [-1, 1] of ``audio`` ``(clips, samples)``, silent ones redrawn."""
    out: list[Tensor] = []
    while len(out) < batch:
        row = int(rows[int(torch.randint(len(rows), (1,), generator=generator))])
        start = int(torch.randint(audio.shape[1] - length + 1, (1,), generator=generator))
        crop = torch.from_numpy(audio[row, start : start + length].astype(np.float32) / 32768)
        if float(crop.abs().max()) > _QUIET:
            out.append(crop)
    return torch.stack(out).unsqueeze(1)


@torch.no_grad()
def reconstruction(codec: EncodecModel, audio: Tensor) -> dict[str, float]:
    """Held-out measures of a round trip of ``audio`` ``[batch, 1, samples]``: losses, SI-SDR (dB), codebook use."""
    codes, _ = codec.encode(audio)
    estimate = codec.decode(codes)[..., : audio.shape[-1]]
    projection = (estimate * audio).sum(-1, keepdim=True) / (audio.square().sum(-1, keepdim=True) + 1e-9) * audio
    si_sdr = 10 * torch.log10(projection.square().sum(-1) / ((estimate - projection).square().sum(-1) + 1e-9) + 1e-9)
    used = [float(len(torch.unique(codes[:, k]))) for k in range(codes.shape[1])]
    return {
        "val_spectral": float(spectral_loss(estimate, audio)),
        "val_waveform": float(waveform_loss(estimate, audio)),
        "val_mel": float(mel_loss(estimate, audio, codec.sample_rate)),
        "val_si_sdr": float(si_sdr.mean()),
        "codes_used": min(used),
    }


def train_codec(
    audio: NDArray[np.int16],
    training: NDArray[np.int64],
    validation: NDArray[np.int64],
    geometry: CodecGeometry,
    settings: TrainCodec,
    checkpoint: Path,
    seed: int,
) -> EncodecModel:
    """Train a codec on rows ``training`` of ``audio`` (16-bit, ``(clips, samples)``), resuming from ``checkpoint``."""
    codec = build_codec(geometry, seed, kmeans=True)
    length = round(settings.crop * geometry.sample_rate)
    held_out = crops(audio, validation, 2 * length, 32, torch.Generator().manual_seed(seed))

    def loss_of(step: int, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        # An encoder that has learned nothing yet gives all frames nearly one latent, and codebooks fitted to it
        # collapse: the autoencoder learns alone first, then k-means on a large batch sets the codebooks.
        continuous = step < settings.continuous_steps
        size = settings.optimiser.batch * (8 if step == settings.continuous_steps else 1)
        batch = crops(audio, training, length, size, generator)
        if continuous:
            estimate = codec.decoder(codec.encoder(batch))[..., :length]
            penalty = batch.new_zeros(())
        else:
            with torch.random.fork_rng(devices=[]):  # k-means and the revival of dead codes draw from the global one
                torch.manual_seed(int(torch.randint(2**31, (), generator=generator)))
                result = codec(batch)
            estimate, penalty = result.x, result.penalty.mean()
        waveform, spectral = waveform_loss(estimate, batch), spectral_loss(estimate, batch)
        mel = mel_loss(estimate, batch, geometry.sample_rate)
        loss = settings.waveform_weight * waveform + settings.spectral_weight * spectral + settings.mel_weight * mel
        parts = {"waveform": waveform, "spectral": spectral, "mel": mel, "commitment": penalty}
        return loss + settings.commitment_weight * penalty, {name: part.item() for name, part in parts.items()}

    train(codec, settings.optimiser, loss_of, lambda: reconstruction(codec, held_out), checkpoint, seed)
    return codec


def refine_decoder(
    codec: EncodecModel,
    audio: NDArray[np.int16],
    training: NDArray[np.int64],
    validation: NDArray[np.int64],
    settings: TrainCodec,
    checkpoint: Path,
    seed: int,
) -> None:
    """Train the decoder alone, in place, on what encoder and quantiser give.

    Tokens stay what they are, so a language model may learn from them at the same time.
    """
    length = round(settings.crop * codec.sample_rate)
    held_out = crops(audio, validation, 2 * length, 32, torch.Generator().manual_seed(seed))
    codec.eval()

    def loss_of(step: int, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        batch = crops(audio, training, length, settings.decoder_optimiser.batch, generator)
        with torch.no_grad():
            latents = codec.decode_latent(codec.encode(batch)[0])
        estimate = codec.decoder(latents)[..., :length]
        waveform = waveform_loss(estimate, batch)
        spectral = spectral_loss(estimate, batch, LONG_WINDOWS)
        mel = mel_loss(estimate, batch, codec.sample_rate)
        loss = settings.waveform_weight * waveform + settings.spectral_weight * spectral + settings.mel_weight * mel
        return loss, {"waveform": waveform.item(), "spectral": spectral.item(), "mel": mel.item()}

    optimiser = settings.decoder_optimiser
    train(codec.decoder, optimiser, loss_of, lambda: reconstruction(codec, held_out), checkpoint, seed)


@torch.no_grad()
def encode_all(codec: EncodecModel, audio: NDArray[np.int16], batch: int) -> NDArray[np.int64]:
    """Tokens ``(clips, K, T)`` of 16-bit audio ``(clips, samples)``."""
    parts = []
    with Progress(len(audio), "clips") as progress:
        for first in range(0, len(audio), batch):
            sound = torch.from_numpy(audio[first : first + batch].astype(np.float32) / 32768)
            parts.append(codec.encode(sound[:, None])[0].numpy())
            progress.advance(len(sound))
    return np.concatenate(parts)
