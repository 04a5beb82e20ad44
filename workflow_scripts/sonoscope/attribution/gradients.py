"""Rows of a store: projected per-sample gradients of windows under one set of weights."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sonoscope.attribution.capture import Capture, capturing, coverage
from sonoscope.attribution.ekfac import EKFAC, Factor, Place
from sonoscope.attribution.errors import AttributionError
from sonoscope.attribution.groups import selector
from sonoscope.attribution.likelihood import Outputs, language_model, logits_of, outputs_of, quick_attention
from sonoscope.attribution.projections import SJLT, LoGra, LoRAGradient, Masked, Projection, Rademacher, Scaled
from sonoscope.attribution.songs import Window
from sonoscope.musicgen.interface import MusicGen
from sonoscope.settings.attribution import Embedding

Pairs = Mapping[str, tuple[Tensor, Tensor]]
Fields = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Facts:
    """What is kept of a window beside its projected gradients."""

    loss: list[float]
    """Per codebook, in nats."""
    margin: float
    doubt: float
    norm: float
    """Norm of the loss gradient of the group."""


class Embedder:
    """Embeds windows under the weights that the model has when it is called.

    Parameters
    ----------
    model : MusicGen
    settings : Embedding
    adapters : mapping, optional
        Adapters ``(down, up)`` by the name of their weight, for the feature "lora" or the group "lora".
    factors : mapping, optional
        EK-FAC curvature, for the feature "ekfac".
    roots : mapping, optional
        Fourth roots of the optimiser's second moments, for the feature "adam".
    """

    def __init__(
        self, model: MusicGen, settings: Embedding, adapters: Pairs | None = None,
        factors: dict[Place, Factor] | None = None, roots: Mapping[str, Tensor] | None = None,
    ) -> None:  # fmt: skip
        self.model, self.settings, self.roots = model, settings, roots
        self.adapters, self.factors = dict(adapters or {}), factors
        lm = language_model(model)
        if model.device.type == "cuda":
            lm.float()  # half precision would lose small gradients
        lm.requires_grad_(False)
        self.parameters = dict(lm.named_parameters())
        chosen = selector(settings.group, settings.last_layers, self.parameters)
        self.chosen = {name: p for name, p in self.parameters.items() if chosen(name)}
        self.keep: Callable[[str], bool] = self.chosen.__contains__
        self.coverage: float | None = None
        self._projections: dict[str, Projection] = {}
        for feature, needed, what in (
            ("lora", self.adapters, "adapters of a LoRA fine-tune"),
            ("ekfac", self.factors, "a fitted curvature"),
            ("adam", self.roots, "the optimiser's second moments of a full fine-tune"),
        ):
            if feature in settings.features and not needed:
                raise AttributionError(f"features: {feature} needs {what}, and this checkpoint has none")

    def __call__(self, windows: Sequence[Window]) -> tuple[Fields, list[Facts]]:
        """Rows ``(windows, dim)`` of each feature, and facts of each window.

        The gradient of a window whose caption training left out at times is the mean over training: in that share
        without the caption, which is what moves the model for clips that are asked about without one. Facts are those
        with the caption.

        On a CPU windows pass one by one: one fills the core, and rows then have the same bytes whatever the batch.
        """
        size = 1 if self.model.device.type == "cpu" else len(windows)
        parts: dict[str, list[Tensor]] = {}
        facts: list[Facts] = []
        for group in _batches(windows, size):
            rows, more = self._batch(group)
            share = group[0].dropped if group[0].prompt is not None and self.settings.prompt == "caption" else 0.0
            if share:  # projections are linear, so rows are mixed as the gradients are
                bare, _ = self._batch([replace(window, prompt=None) for window in group])
                rows = {name: (1 - share) * values + share * bare[name] for name, values in rows.items()}
            for name, values in rows.items():
                parts.setdefault(name, []).append(values.cpu())
            facts += more
        return {name: torch.cat(values).numpy() for name, values in parts.items()}, facts

    def captures(self, windows: Sequence[Window], generator: torch.Generator) -> "list[Callable[[], Capture]]":
        """One function per window that captures the gradient of tokens drawn from the model, for the curvature."""
        drawn = [int(s) for s in torch.randint(2**31, (len(windows),), generator=generator)]
        return [self._pseudo(window, seed) for window, seed in zip(windows, drawn, strict=True)]

    def _pseudo(self, window: Window, seed: int) -> Callable[[], Capture]:
        def capture() -> Capture:
            generator = torch.Generator().manual_seed(seed)
            tokens, prompts = self._inputs([window])
            with capturing(self.chosen) as found:
                logits = logits_of(self.model, tokens, prompts)
            frames = tokens.shape[-1]
            odds = logits[:, :, :frames].detach().float().softmax(-1).cpu()
            other = torch.multinomial(odds.flatten(0, 2), 1, generator=generator).view(odds.shape[:-1])
            undelayed = torch.stack([other[:, k].roll(-k, dims=-1) for k in range(other.shape[1])], dim=1)
            outputs_of(logits, undelayed.to(tokens)).loss.mean(1).sum().backward()  # type: ignore[no-untyped-call]
            return found

        return capture

    def _inputs(self, windows: Sequence[Window]) -> tuple[Tensor, list[str | None]]:
        tokens = torch.stack([torch.from_numpy(w.tokens.astype(np.int64)) for w in windows]).to(self.model.device)
        return tokens, [w.prompt if self.settings.prompt == "caption" else None for w in windows]

    def _batch(self, windows: Sequence[Window]) -> tuple[dict[str, Tensor], list[Facts]]:
        tokens, prompts = self._inputs(windows)
        with quick_attention(tokens), capturing(self.chosen) as capture:
            outputs = outputs_of(logits_of(self.model, tokens, prompts), tokens)
        rows: dict[str, Tensor] = {}
        norms = torch.full((len(windows),), torch.nan)
        functions = ["loss"] + (["margin"] if "margin" in self.settings.features else [])
        for function in functions:
            last = function == functions[-1]
            torch.autograd.backward(outputs.of(function).sum(), retain_graph=not last)
            self._check(capture)
            for feature in self.settings.features:
                if ("margin" if feature == "margin" else "loss") == function:
                    rows[feature] = self._projection(feature, capture).project(capture, self.keep)
            known = self._projections.get("loss") if function == "loss" else None
            if isinstance(known, SJLT | Rademacher | Masked) and known.squared is not None:
                norms = known.squared  # formed on the way; to form whole gradients for it costs a third of a pass
        return rows, _facts(outputs, norms.sqrt())

    def _projection(self, feature: str, capture: Capture) -> Projection:
        if feature not in self._projections:
            self._projections[feature] = self._make(feature, capture)
        return self._projections[feature]

    def _make(self, feature: str, capture: Capture) -> Projection:
        s = self.settings
        if feature == "logra":
            return LoGra(s.logra_rank, s.seed, capture, self.keep)
        if feature == "ekfac" and self.factors:
            return EKFAC(s.dim, s.seed, self.factors, s.damping)
        if feature == "adam" and self.roots:
            return Scaled(s.dim, s.seed, self.roots, s.damping)
        if feature == "lora" or s.group == "lora":
            from sonoscope.attribution.lora import ALPHA

            return LoRAGradient(s.dim, s.seed, self.adapters, ALPHA)
        if s.projection == "masked":
            return Masked(s.dim, s.seed, {name: p.numel() for name, p in self.chosen.items()})
        return Rademacher(s.dim, s.seed) if s.projection == "rademacher" else SJLT(s.dim, s.seed)

    def _check(self, capture: Capture) -> None:
        if self.coverage is None:
            self.coverage = coverage(self.chosen, capture)
            if self.coverage < self.settings.coverage:
                missed = sorted(set(self.chosen) - set(capture.covered()))[:3]
                raise AttributionError(
                    f"gradients: {self.coverage:.1%} of the parameters were seen, of {self.settings.coverage:.0%} that "
                    f"are asked for; unseen are {', '.join(missed)}"
                )


def _batches(windows: Sequence[Window], size: int) -> list[list[Window]]:
    """Neighbours of one caption and length, at most ``size`` together."""
    out: list[list[Window]] = []
    for window in windows:
        last = out[-1][-1] if out and len(out[-1]) < size else None
        alike = last is not None and _kind(last) == _kind(window)
        if alike:
            out[-1].append(window)
        else:
            out.append([window])
    return out


def _kind(window: Window) -> tuple[str | None, float, tuple[int, ...]]:
    return window.prompt, window.dropped, window.tokens.shape


def _facts(outputs: Outputs, norms: Tensor) -> list[Facts]:
    columns = (outputs.loss.detach(), outputs.margin.detach(), outputs.doubt, norms)
    loss, margin, doubt, norm = (c.float().cpu().tolist() for c in columns)
    return [Facts(*row) for row in zip(loss, margin, doubt, norm, strict=True)]
