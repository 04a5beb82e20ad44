"""Training of the shipped speech codec, and the fit of the deterministic one, on the utterances of a corpus."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.signal import resample_poly
from torch import Tensor

from sonoscope.audio.files import read_audio
from sonoscope.codecs.collapse import examine, kl_per_dimension
from sonoscope.codecs.speech_vae import SpeechVae
from sonoscope.logs import track
from sonoscope.scorecard import Row, measure
from sonoscope.settings.codecs import SpeechCodec
from sonoscope.train.schedule import train

log = logging.getLogger(__name__)


def clips(table: pd.DataFrame, folder: Path, sample_rate: int) -> Iterator[Tensor]:
    """Mono clips [1, 1, S] of the utterances of ``table`` at ``sample_rate``, in its order."""
    for file in track(table["file"].tolist(), "utterances"):
        audio, rate = read_audio(folder / file)
        if rate != sample_rate:
            step = int(np.gcd(rate, sample_rate))
            audio = resample_poly(audio, sample_rate // step, rate // step).astype(np.float32)
        yield torch.from_numpy(audio)[None, None]


def spectra_of(table: pd.DataFrame, folder: Path, codec: SpeechVae) -> list[Tensor]:
    """Log-mel frames [8 T, bands] of each utterance."""
    return [codec.mel.frames(clip, codec.stack)[0] for clip in clips(table, folder, codec.sample_rate)]


def crops(spectra: list[Tensor], length: int, batch: int, generator: torch.Generator) -> Tensor:
    """Random crops [batch, length, bands]; a longer utterance is drawn more often, so that all frames count alike.

    Raises
    ------
    ValueError
        No utterance is as long as a crop.
    """
    rooms = torch.tensor([max(0, len(s) - length + 1) for s in spectra], dtype=torch.float64)
    if not bool(rooms.any()):
        raise ValueError(f"expected an utterance of at least {length} mel frames, found none among {len(spectra)}")
    chosen = torch.multinomial(rooms, batch, replacement=True, generator=generator)
    starts = (torch.rand(batch, generator=generator, dtype=torch.float64) * rooms[chosen]).long()
    return torch.stack([spectra[i][s : s + length] for i, s in zip(chosen.tolist(), starts.tolist(), strict=True)])


def train_speech_codec(
    training: list[Tensor], validation: list[Tensor], settings: SpeechCodec, checkpoint: Path, seed: int
) -> SpeechVae:
    """Train on the log-mel frames of training speakers, resuming from ``checkpoint``.

    The loss is the squared error of standardised log-mel bands plus the divergence from the prior, warmed up and with
    free nats (Kingma et al. 2016). The held-out measures watch for collapse.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        codec = SpeechVae(settings.geometry)
    frames = torch.cat(training)
    codec.mel_mean, codec.mel_scale = frames.mean(0), frames.std(0).clamp(min=1e-3)
    length = settings.crop * codec.stack
    held_out = crops(validation, length, 64, torch.Generator().manual_seed(seed))

    def loss_of(step: int, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        batch = crops(training, length, settings.optimiser.batch, generator)
        mean, log_variance = codec.posterior(batch)
        noise = torch.randn(mean.shape, generator=generator)
        decoded = codec.spectra(mean + torch.exp(log_variance / 2) * noise)
        error = codec.standardise(decoded) - codec.standardise(batch)
        divergence = kl_per_dimension(mean, log_variance).mean((0, 1))  # [D]
        costly = divergence.clamp(min=settings.free_nats).sum()
        warm = min(1.0, (step + 1) / max(1, settings.divergence_warmup))
        # per number that is reconstructed, as the error is
        weighed = settings.divergence_weight * warm * costly / codec.stack
        loss = error.square().mean() + weighed
        return loss, {"error": error.detach().square().mean().item(), "kl_per_frame": divergence.detach().sum().item()}

    train(codec, settings.optimiser, loss_of, lambda: held_out_measures(codec, held_out), checkpoint, seed)
    codec.requires_grad_(False)
    return codec


@torch.no_grad()
def held_out_measures(codec: SpeechVae, frames: Tensor) -> dict[str, float]:
    """What a round trip of log-mel frames [B, 8 T, bands] loses, and whether the latent space carries something."""
    mean, log_variance = codec.posterior(frames)
    decoded = codec.spectra(mean)
    standard = codec.standardise(frames)
    left = (codec.standardise(decoded) - standard).square().mean()
    r2 = float(1 - left / (standard - standard.mean((0, 1))).square().mean())
    found = examine(mean, log_variance).as_dict()
    return {"mel_l1": float((decoded - frames).abs().mean()), "mel_r2": r2, **found}


def measures_by_split(codec: SpeechVae, spectra: Mapping[str, list[Tensor]]) -> dict[str, dict[str, float]]:
    """`held_out_measures` over whole utterances, those of one split after the other, by split."""
    found = {}
    for split, utterances in spectra.items():
        each = [held_out_measures(codec, frames[None]) for frames in utterances]
        found[split] = {name: float(np.mean([m[name] for m in each])) for name in each[0]}
        joined = torch.cat([codec.posterior(frames[None])[0] for frames in utterances], 1)
        found[split] |= {"effective_rank": examine(joined).effective_rank}
        found[split] |= {"active_units": float(examine(joined).active_units)}
    return found


def scorecard_rows(test: Mapping[str, float], utterances: int) -> list[Row]:
    """Rows of the speech codec on test speakers; the target is that it has not collapsed."""
    source = ["train_speech_codec"]
    return [
        measure("world.speech.mel_l1", test["mel_l1"], n=utterances, better="lower", sources=source),
        measure("world.speech.mel_r2", test["mel_r2"], n=utterances, sources=source),
        measure("world.speech.kl_per_frame", test["kl_per_frame"], n=utterances, target=2.0, sources=source),
        measure(
            "world.speech.active_units", test["active_units"], n=utterances, target=test["dim"] / 2, sources=source
        ),
        measure("world.speech.effective_rank", test["effective_rank"], n=utterances, target=4.0, sources=source),
    ]
