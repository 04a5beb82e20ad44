"""Training of experiment 9: reconstruction, divergence, adversarial loss, feature matching and distillation."""

import logging
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sonoscope.codecs.bottleneck import BottleneckVae, CodecFront
from sonoscope.codecs.collapse import kl_per_dimension
from sonoscope.codecs.neural import CodecError
from sonoscope.codecs.teachers import Teacher, aligned
from sonoscope.device import device
from sonoscope.files import replacing
from sonoscope.settings.bottlenecks import VAEGAN, VaeGan
from sonoscope.train.bottleneck import (
    Predictor,
    SpeechCrops,
    initial,
    monitors,
    predictability,
    reconstruction_loss,
)
from sonoscope.train.discriminators import MultiScale, adversarial_loss, discriminator_loss, feature_loss

log = logging.getLogger(__name__)

_SAVE_EVERY = 120.0
_LOOKS = 10
_MOST_BALANCE = 1e4
_CLIP = 1.0


class Generator(nn.Module):
    """The codec with what else its losses train: the map to the teacher, and the predictor."""

    def __init__(self, vae: BottleneckVae, settings: VaeGan, teacher: Teacher | None) -> None:
        super().__init__()
        self.vae, self.settings, self.teacher = vae, settings, teacher
        self.to_teacher = nn.Linear(vae.dim, teacher.size, bias=False) if teacher else None
        self.predictor = Predictor(6, vae.dim) if settings.pred_weight else None

    def forward(self, audio: Tensor, progress: float, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Made audio [B, 1, S] and the losses that need no discriminator, weighed."""
        s = self.settings
        mean, log_variance = self.vae.posterior(self.vae.front.features(audio).to(self.vae.mean))
        z = mean
        if progress >= s.deterministic:
            z = mean + torch.exp(log_variance / 2) * torch.randn(mean.shape, generator=generator).to(mean)
        made = self.vae.front.waveform(self.vae.back(z))[..., : audio.shape[-1]]
        target = audio.to(made)[..., : made.shape[-1]]
        parts = {"reconstruction": s.recon_weight * reconstruction_loss(made, target, s.windows)}
        if progress >= s.kl_from:
            ramp = min(1.0, (progress - s.kl_from) / s.kl_from) if s.kl_from else 1.0
            parts["divergence"] = s.beta_kl * ramp * kl_per_dimension(mean, log_variance).mean()
        if self.teacher is not None and self.to_teacher is not None and progress >= s.distill_from:
            wanted = aligned(self.teacher.features(audio), mean.shape[1]).to(mean)
            cosine = nn.functional.cosine_similarity(self.to_teacher(mean), wanted, dim=-1)
            parts["distillation"] = s.distill_weight * (1 - cosine).mean()
        if self.predictor is not None:
            parts["pred"] = s.pred_weight * predictability(self.predictor, mean, True)
        return made, parts


def balance(reconstruction: Tensor, other: Tensor, made: Tensor) -> Tensor:
    """How much larger the gradient of the reconstruction at the output is than that of another loss; no gradient."""
    sizes = [torch.autograd.grad(loss, made, retain_graph=True)[0].norm() for loss in (reconstruction, other)]
    factor: Tensor = sizes[0] / sizes[1].clamp(min=1e-8)
    return factor.clamp(max=_MOST_BALANCE).detach()


def train_vaegan(
    front: CodecFront,
    training: SpeechCrops,
    watched: SpeechCrops,
    settings: VaeGan,
    teacher: Teacher | None,
    checkpoint: Path,
    seed: int,
) -> tuple[BottleneckVae, list[dict[str, float]]]:
    """Train, resuming from ``checkpoint``, which is removed at the end.

    Returns
    -------
    BottleneckVae
        Ready for inference.
    list of dict
        Losses as they went, and collapse monitors on validation speakers.

    Raises
    ------
    CodecError
        The frozen encoder gives the same for all speech, or the front end has no decoder to train.
    """
    if front.trained() is None:
        raise CodecError(f"{front.name}: expected a codec with a decoder to train; name one in dynamics.vaegan.codec")
    vae, _ = initial(front, training, settings.latent_dim, settings.hidden, VAEGAN, seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Generator(vae, settings, teacher).to(device())
        judge = MultiScale(settings.windows, settings.channels).to(device())
    run = _Run(model, judge, settings)
    if checkpoint.exists():
        run.load(checkpoint)
        log.info("resuming after step %d of %d", run.step, settings.max_steps)
    held_out = watched.draw(16, watched.generator(seed))
    saved, every = time.monotonic(), max(1, settings.max_steps // _LOOKS)
    while run.step < settings.max_steps:
        generator = torch.Generator().manual_seed(seed * 1_000_003 + run.step)
        run.update(training.draw(settings.batch, generator).to(device()), generator)
        if run.step % every == 0 or run.step == settings.max_steps:
            run.look(monitors(vae, held_out))
        if time.monotonic() - saved > _SAVE_EVERY:
            run.save(checkpoint)
            saved = time.monotonic()
    checkpoint.unlink(missing_ok=True)
    vae.requires_grad_(False)
    return vae.eval(), run.history


class _Run:
    """The state of one training."""

    def __init__(self, model: Generator, judge: MultiScale, settings: VaeGan) -> None:
        self.model, self.judge, self.settings, self.step = model, judge, settings, 0
        own = [p for p in model.parameters() if p.requires_grad]
        kind = {"lr": settings.lr, "betas": (0.8, 0.99), "weight_decay": 0.01}
        self.optimisers = [torch.optim.AdamW(p, **kind) for p in (own, list(judge.parameters()))]  # type: ignore[arg-type]
        self.history: list[dict[str, float]] = []
        self.sums: dict[str, list[float]] = {}

    def update(self, audio: Tensor, generator: torch.Generator) -> None:
        """One step of the discriminators, where they take part, and one of the codec."""
        s, progress = self.settings, self.step / self.settings.max_steps
        made, parts = self.model(audio, progress, generator)
        if progress >= s.gan_from and (s.adversarial_weight or s.feature_weight):
            target = audio[..., : made.shape[-1]].to(made)
            self._step(1, discriminator_loss(self.judge(target), self.judge(made.detach())))
            self.judge.requires_grad_(False)
            real, said = self.judge(target), self.judge(made)
            adversarial = adversarial_loss(said)
            scale = balance(parts["reconstruction"], adversarial, made) if s.balance else 1.0
            parts["adversarial"] = s.adversarial_weight * scale * adversarial
            parts["features"] = s.feature_weight * feature_loss(real, said)
        self._step(0, torch.stack(list(parts.values())).sum())
        self.judge.requires_grad_(True)
        for name, value in parts.items():
            self.sums.setdefault(name, []).append(float(value.detach()))
        self.step += 1

    def _step(self, which: int, loss: Tensor) -> None:
        optimiser = self.optimisers[which]
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_([p for g in optimiser.param_groups for p in g["params"]], _CLIP)
        optimiser.step()
        if which == 1:
            self.sums.setdefault("discriminator", []).append(float(loss.detach()))

    def look(self, found: dict[str, float]) -> None:
        """Write down where training is."""
        means = {name: sum(v) / len(v) for name, v in self.sums.items()}
        self.history.append({"step": float(self.step), **means, **found})
        log.info("step %d/%d: %s", self.step, self.settings.max_steps,
                 " ".join(f"{k} {v:.3f}" for k, v in (means | found).items()))  # fmt: skip
        self.sums = {}

    def save(self, path: Path) -> None:
        state = {
            "model": self.model.state_dict(), "discriminator": self.judge.state_dict(), "step": self.step,
            "optimisers": [o.state_dict() for o in self.optimisers], "history": self.history,
        }  # fmt: skip
        with replacing(path) as temporary:
            torch.save(state, temporary)

    def load(self, path: Path) -> None:
        state: dict[str, Any] = torch.load(path, map_location=device(), weights_only=True)
        self.model.load_state_dict(state["model"])
        self.judge.load_state_dict(state["discriminator"])
        for optimiser, own in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(own)
        self.step, self.history = int(state["step"]), state["history"]
