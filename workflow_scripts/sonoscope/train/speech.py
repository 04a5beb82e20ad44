"""Training of the shipped speech codec, and the fit of the deterministic one, on the utterances of a corpus."""

import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.signal import resample_poly
from torch import Tensor

from sonoscope.audio.files import read_audio
from sonoscope.codecs.collapse import Collapse, examine, kl_per_dimension
from sonoscope.codecs.mel_pca import MelPca
from sonoscope.codecs.speech_vae import SpeechVae
from sonoscope.logs import track
from sonoscope.scorecard import Better, Row, measure
from sonoscope.settings.codecs import SpeechCodec
from sonoscope.statistics.bootstrap import bootstrap_interval
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
    codec.start_from(torch.cat(training))
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
    codec.half().float()  # what its file holds
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


@torch.no_grad()
def compare(codec: SpeechVae, components: MelPca, spectra: list[Tensor]) -> pd.DataFrame:
    """What the codec and principal components lose of each utterance of log-mel frames [8 T, bands].

    Returns
    -------
    DataFrame
        `held_out_measures` of the codec, and ``pca_mel_l1`` and ``pca_mel_r2`` of the components.
    """
    rows = []
    for frames in spectra:
        linear = components.spectra(components.project(frames[None]))[0]
        standard, left = codec.standardise(frames), codec.standardise(linear) - codec.standardise(frames)
        r2 = 1 - left.square().mean() / (standard - standard.mean(0)).square().mean()
        linear_row = {"pca_mel_l1": float((linear - frames).abs().mean()), "pca_mel_r2": float(r2)}
        rows.append(held_out_measures(codec, frames[None]) | linear_row)
    return pd.DataFrame(rows)


@torch.no_grad()
def latent_space(codec: SpeechVae, spectra: list[Tensor]) -> Collapse:
    """Whether the latents of all utterances together, one after the other, have collapsed."""
    found = [codec.posterior(frames[None]) for frames in spectra]
    return examine(torch.cat([mean for mean, _ in found], 1), torch.cat([spread for _, spread in found], 1))


def scorecard_rows(each: pd.DataFrame, space: Collapse, speakers: ArrayLike, seed: int) -> list[Row]:
    """Rows of the speech codec on speakers that it never heard, with intervals over speakers.

    The baseline is principal components of as many dimensions, which the codec has to beat; the other targets say that
    its latents have not collapsed.
    """
    source, codes = ["training/measure_speech_codec"], pd.factorize(np.asarray(speakers, dtype=object))[0]
    count = int(codes.max()) + 1
    rows = []
    for name in ("mel_l1", "mel_r2"):
        values, baseline = each[name].to_numpy(np.float64), float(each[f"pca_{name}"].mean())
        found = bootstrap_interval(partial(_weighted_mean, values), len(values), np.random.default_rng(seed), codes)
        better: Better = "lower" if name == "mel_l1" else "higher"
        rows.append(
            measure(
                f"world.speech.{name}", found.estimate, low=found.low, high=found.high, n=count, baseline=baseline,
                target=baseline, better=better, sources=source,
            )
        )  # fmt: skip
    watched = {"kl_per_frame": 2.0, "active_units": space.dim / 2, "effective_rank": space.dim / 4}
    return rows + [
        measure(f"world.speech.{name}", space.as_dict()[name], n=count, target=target, sources=source)
        for name, target in watched.items()
    ]


def _weighted_mean(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(weights @ values / weights.sum(1))
