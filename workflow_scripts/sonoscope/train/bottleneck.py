"""Training of bottlenecks (experiment 5): reconstruction, divergence, smoothness and predictability of latents."""

import logging
import math
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.signal import resample_poly
from torch import Tensor, nn

from sonoscope.audio.files import read_audio
from sonoscope.codecs.bottleneck import BottleneckVae, FrontEnd, MelFront
from sonoscope.codecs.collapse import examine, kl_per_dimension
from sonoscope.device import device
from sonoscope.settings.bottlenecks import BetaVae, Variant
from sonoscope.settings.training import Optimiser
from sonoscope.train.schedule import train

log = logging.getLogger(__name__)

_KEPT_UTTERANCES = 512
_FIRST_UTTERANCES = 64
_WATCHED = 32
_TINY = 1e-12


class SpeechCrops:
    """Random crops of the utterances of a table, read from disk as they are drawn; the latest ones are kept."""

    def __init__(self, table: pd.DataFrame, folder: Path, sample_rate: int, seconds: float) -> None:
        long = table[table.seconds >= seconds]
        chosen = long if len(long) else table
        if chosen.empty:
            raise ValueError("expected utterances of training speakers, found none")
        self.files = [folder / f for f in chosen["file"]]
        rooms = (chosen.seconds.to_numpy() - seconds).clip(min=0) + 0.1  # longer ones more often
        self.weights = torch.from_numpy(rooms.astype(np.float64))
        self.rate, self.length = sample_rate, round(seconds * sample_rate)
        self.kept: OrderedDict[int, Tensor] = OrderedDict()

    def draw(self, batch: int, generator: torch.Generator) -> Tensor:
        """Crops [batch, 1, samples]; a short utterance is followed by silence."""
        rows = torch.multinomial(self.weights, batch, replacement=True, generator=generator).tolist()
        starts = torch.rand(batch, generator=generator, dtype=torch.float64).tolist()
        crops = []
        for row, at in zip(rows, starts, strict=True):
            audio = self.utterance(row)
            first = int(at * max(0, len(audio) - self.length))
            crop = audio[first : first + self.length]
            crops.append(nn.functional.pad(crop, (0, self.length - len(crop))))
        return torch.stack(crops)[:, None]

    @staticmethod
    def generator(seed: int) -> torch.Generator:
        """A generator for `draw`."""
        return torch.Generator().manual_seed(seed)

    def utterance(self, row: int) -> Tensor:
        """One utterance [samples]."""
        if row not in self.kept:
            audio, rate = read_audio(self.files[row])
            if rate != self.rate:
                step = int(np.gcd(rate, self.rate))
                audio = resample_poly(audio, self.rate // step, rate // step).astype(np.float32)
            self.kept[row] = torch.from_numpy(audio)
            if len(self.kept) > _KEPT_UTTERANCES:
                self.kept.popitem(last=False)
        self.kept.move_to_end(row)
        return self.kept[row]


def first_utterances(table: pd.DataFrame, most: int | None) -> pd.DataFrame:
    """At most ``most`` utterances, speakers in turn."""
    turn = table.groupby("speaker_id").cumcount()
    return table.assign(turn=turn).sort_values(["turn", "speaker_id"], kind="stable").head(most or len(table))


def reconstruction_loss(estimate: Tensor, target: Tensor, windows: Sequence[int]) -> Tensor:
    """Mean absolute error of waveforms [B, 1, S], and of their STFTs' magnitudes and log-magnitudes over windows."""
    total = (estimate - target).abs().mean()
    for length in windows:
        window = torch.hann_window(length, device=estimate.device)
        a, b = (
            torch.stft(x[:, 0], length, length // 4, window=window, return_complex=True).abs() / math.sqrt(length)
            for x in (estimate, target)
        )
        logs = (torch.log(a + 1e-5) - torch.log(b + 1e-5)).abs().mean()
        total = total + ((a - b).abs().mean() + logs) / len(windows)
    return total


class Predictor(nn.Module):
    """The next difference of latents from a window before it; a network that the predictability loss trains with."""

    def __init__(self, window: int, dim: int, hidden: int = 256) -> None:
        super().__init__()
        self.window = window
        self.layers = nn.Sequential(nn.Linear(window * dim, hidden), nn.GELU(), nn.Linear(hidden, dim))

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Predicted and true differences, each [B, T-W, D], of latents [B, T, D]."""
        contexts = z[:, :-1].unfold(1, self.window, 1).transpose(2, 3).flatten(2)  # [B, T-W, W·D]
        predicted: Tensor = self.layers(contexts)
        return predicted, z[:, self.window :] - z[:, self.window - 1 : -1]


def smoothness(z: Tensor, relative: bool) -> Tensor:
    """Mean squared step of latents [B, T, D]; relative to their variance, so that shrinking them changes nothing."""
    steps = z.diff(dim=1).square().mean()
    return steps / (z.var((0, 1)).mean() + _TINY) if relative else steps


def predictability(predictor: Predictor, z: Tensor, relative: bool) -> Tensor:
    """Mean squared error of the predicted difference; relative to that of predicting none."""
    predicted, steps = predictor(z)
    error: Tensor = (predicted - steps).square().mean()
    return error / (steps.square().mean() + _TINY) if relative else error


def divergence(mean: Tensor, log_variance: Tensor, how: str, free_nats: float) -> Tensor:
    """KL from the prior: per number with free nats by dimension, or summed over each segment, as published."""
    each = kl_per_dimension(mean, log_variance)
    if how == "published":
        return each.sum((1, 2)).mean()
    return each.mean((0, 1)).clamp(min=free_nats).mean()


class VariantLoss(nn.Module):
    """The loss of one variant; holds what it trains."""

    def __init__(self, vae: BottleneckVae, variant: Variant, settings: BetaVae) -> None:
        super().__init__()
        self.vae, self.variant, self.settings = vae, variant, settings
        self.predictor = Predictor(settings.predictor_window, vae.dim) if variant.pred else None

    def forward(self, audio: Tensor, progress: float, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """Loss of audio [B, 1, S], and its parts."""
        v, s = self.variant, self.settings
        features = self.vae.front.features(audio).to(self.vae.mean)
        mean, log_variance = self.vae.posterior(features)
        noise = torch.randn(mean.shape, generator=generator).to(mean)
        z = mean + torch.exp(log_variance / 2) * noise
        decoded = self.vae.back(z)
        parts = {"reconstruction": self._error(decoded, features, audio)}
        warm = 1.0 if not s.warmup else min(1.0, progress / s.warmup)
        parts["divergence"] = v.beta * warm * divergence(mean, log_variance, v.divergence, s.free_nats)
        seen = mean if s.relative else z
        if v.smooth:
            parts["smooth"] = v.smooth * smoothness(seen, s.relative)
        if self.predictor is not None:
            parts["pred"] = v.pred * predictability(self.predictor, seen, s.relative)
        return torch.stack(list(parts.values())).sum(), {k: p.item() for k, p in parts.items()}

    def _error(self, decoded: Tensor, features: Tensor, audio: Tensor) -> Tensor:
        if isinstance(self.vae.front, MelFront):
            return (self.vae.standardise(decoded) - self.vae.standardise(features)).square().mean()
        made = self.vae.front.waveform(decoded)
        return reconstruction_loss(made, audio.to(made)[..., : made.shape[-1]], (256, 512, 1024, 2048))


def initial(
    front: FrontEnd, training: SpeechCrops, dim: int, hidden: int, name: str, seed: int
) -> tuple[BottleneckVae, Tensor]:
    """A bottleneck at the principal components of some training utterances, and their features [N, H]."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        vae = BottleneckVae(front, dim, hidden, name)
    order = torch.randperm(len(training.files), generator=torch.Generator().manual_seed(seed))[:_FIRST_UTTERANCES]
    clips = (training.utterance(i)[None, None] for i in order.tolist())
    features = torch.cat([front.features(clip)[0].float().cpu() for clip in clips])
    vae.start_from(features)
    return vae.to(device()), features


def train_variant(
    front: FrontEnd,
    training: SpeechCrops,
    watched: SpeechCrops,
    name: str,
    settings: BetaVae,
    checkpoint: Path,
    seed: int,
) -> BottleneckVae:
    """Train one variant, resuming from ``checkpoint``, which is removed at the end."""
    vae, _ = initial(front, training, settings.latent_dim, settings.hidden, name, seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        loss = VariantLoss(vae, settings.variants[name], settings).to(device())
    held_out = watched.draw(_WATCHED, watched.generator(seed))
    steps = settings.max_steps

    def loss_of(step: int, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        found: tuple[Tensor, dict[str, float]] = loss(training.draw(settings.batch, generator), step / steps, generator)
        return found

    schedule = Optimiser(
        steps=steps, batch=settings.batch, learning_rate=settings.lr, warmup=min(50, steps // 10),
        checkpoint_every=max(100, steps // 10),
    )  # fmt: skip
    train(loss, schedule, loss_of, lambda: monitors(vae, held_out), checkpoint, seed)
    checkpoint.unlink(missing_ok=True)
    vae.requires_grad_(False)
    return vae.eval()


@torch.no_grad()
def monitors(vae: BottleneckVae, audio: Tensor) -> dict[str, float]:
    """Whether the latent space of audio [B, 1, S] carries something, and how much of the features comes back."""
    features = vae.front.features(audio).to(vae.mean)
    mean, log_variance = vae.posterior(features)
    standard, back = vae.standardise(features), vae.standardise(vae.back(mean))
    spread = (standard - standard.mean((0, 1))).square().mean()
    found = examine(mean.cpu(), log_variance.cpu()).as_dict()
    return {"feature_r2": float(1 - (back - standard).square().mean() / spread), **found}
