"""Hidden states of chosen layers, while a MusicGen generates or replays: the public face of capture."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from sonoscope.contracts.tensors import sort_header
from sonoscope.files import replacing
from sonoscope.interpretability.layers import CaptureError, LayerChoice, choose_layers, layer_name, natural_order
from sonoscope.musicgen.interface import Injections, MusicGen, Prompt, Sampling, of_clips
from sonoscope.musicgen.steering import captured

Row = Literal["cond", "null"]
"""Rows of the guidance batch: under the prompt, or under null text with the same audio so far."""
SUFFIX = ".safetensors"


class ActivationExtractor:
    """Residual stream at block outputs, one tensor ``[B, T, D]`` per layer, in audio time.

    Index t of the time axis is audio frame t: the state at the position that has just read codebook 0 of that frame
    (codebook k is k frames behind, by the delay pattern) and is about to predict the next. The start column, which has
    read nothing, and the columns after the last frame are dropped, so T is the number of frames.

    Parameters
    ----------
    model
        From `sonoscope.musicgen.loading.load_musicgen`, or a MusicGen of the audiocraft library.
    layers
        See `choose_layers`; by default all.

    Examples
    --------
    >>> extractor = ActivationExtractor(model, layers="auto5")  # doctest: +SKIP
    >>> audio = extractor.generate(["happy energetic music", "sad melancholic music"], seconds=8)  # doctest: +SKIP
    >>> {name: states.shape for name, states in extractor.get_activations().items()}  # doctest: +SKIP
    """

    def __init__(self, model: Any, layers: LayerChoice = None) -> None:
        self.model = model if isinstance(model, MusicGen) else adopt(model)
        self.layers = choose_layers(layers, self.model.num_layers)
        self.tokens: Tensor | None = None
        """Tokens ``[B, K, T]`` of the last generation or replay: all that a later replay needs."""
        self._held: dict[Row, Tensor] = {}  # [B, L, T, D]

    def generate(
        self,
        prompts: Sequence[Prompt],
        seeds: Sequence[int] | None = None,
        seconds: float = 8.0,
        sampling: Sampling | None = None,
        injection: Injections = None,
    ) -> Tensor:
        """Generate, and capture both rows of the guidance batch on the way; replaces what was captured before.

        Parameters
        ----------
        seeds
            One per prompt; by default 0, 1, …

        Returns
        -------
        Tensor
            Audio ``[B, 1, samples]``, not normalised.
        """
        chosen = list(range(len(prompts))) if seeds is None else list(seeds)
        if len(chosen) != len(prompts):
            raise CaptureError(f"generate: expected one seed per prompt, found {len(chosen)} for {len(prompts)}")
        parts: list[tuple[list[int], Tensor, Tensor]] = []
        for rows in self.model.text_groups(prompts):
            with captured(self.model.blocks, self.layers) as store:
                tokens = self.model.generate(
                    [prompts[r] for r in rows], [chosen[r] for r in rows], seconds, sampling, of_clips(injection, rows)
                )
            parts.append((rows, tokens, self._aligned(store, tokens.shape[-1])))
        order = torch.tensor([row for rows, _, _ in parts for row in rows]).argsort()
        self.tokens = torch.cat([tokens for _, tokens, _ in parts])[order.to(parts[0][1].device)]
        both = [states.chunk(2) for _, _, states in parts]
        self._held = {
            "cond": torch.cat([cond for cond, _ in both])[order],
            "null": torch.cat([null for _, null in both])[order],
        }
        return self.model.decode(self.tokens)

    def replay(self, tokens: Tensor, prompts: Sequence[Prompt], injection: Injections = None) -> None:
        """Capture one teacher-forced pass over ``tokens`` ``[B, K, T]``; under null text where a prompt is None.

        Equal to what generation of these tokens under these prompts would have shown, up to rounding. What was captured
        before is replaced; a pass under null text alone is kept as the null row, any other as the conditional one.
        """
        states = self.model.hidden_states(tokens, prompts, self.layers, injection)[:, :, 1:].cpu()
        self.tokens = tokens
        self._held = {"null" if all(prompt is None for prompt in prompts) else "cond": states}

    def get_activations(self, row: Row = "cond") -> dict[str, Tensor]:
        """Hidden states by layer name, each ``[B, T, D]``, in the order of the layers.

        Raises
        ------
        CaptureError
            Nothing was captured, or not that row.
        """
        if row not in self._held:
            held = ", ".join(self._held) or "nothing; call generate or replay first"
            raise CaptureError(f"activations: expected row {row}, found {held}")
        return {layer_name(layer): self._held[row][:, k] for k, layer in enumerate(self.layers)}

    def get_layer_activation(self, layer: int, row: Row = "cond") -> Tensor:
        """Hidden states ``[B, T, D]`` of one layer.

        Raises
        ------
        CaptureError
            The layer was not captured.
        """
        if layer not in self.layers:
            raise CaptureError(f"layer: expected one of {list(self.layers)}, found {layer}")
        return self.get_activations(row)[layer_name(layer)]

    def save_activations(self, path: str | Path) -> Path:
        """Write all that is held to one safetensors file, with model, layers and frame rate in its header.

        Raises
        ------
        CaptureError
            Nothing was captured, or the name does not end in .safetensors (no pickle is written, so not .pt).
        """
        path = Path(path)
        if path.suffix != SUFFIX:
            raise CaptureError(f"{path}: expected a name that ends in {SUFFIX}; pickle (.pt) is not written")
        if not self._held or self.tokens is None:
            raise CaptureError("activations: expected some, found nothing; call generate or replay first")
        tensors = {f"{row}.{n}": x.contiguous() for row in self._held for n, x in self.get_activations(row).items()}
        about = {
            "model": self.model.name,
            "revision": self.model.revision,
            "layers": " ".join(map(str, self.layers)),
            "frame_rate": str(self.model.frame_rate),
            "axes": "clip frame dim",
        }
        with replacing(path) as temporary:
            save_file(tensors | {"tokens": self.tokens.cpu().contiguous()}, temporary, metadata=about)
            sort_header(temporary)
        return path

    def clear(self) -> None:
        """Forget what was captured."""
        self._held, self.tokens = {}, None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def _aligned(self, store: list[list[Tensor]], frames: int) -> Tensor:
        """States ``[2B, L, T, D]`` of the calls of one generation, by position."""
        layers = []
        for calls in store:
            ends = [0]
            for call in calls:
                ends.append(ends[-1] + call.shape[1])
            if ends[-1] <= frames or any(b - a != 1 for a, b in pairwise(ends)):
                raise CaptureError(f"generate: expected more than {frames} steps of one position, found {ends[-1]}")
            layers.append(torch.cat(calls[1 : frames + 1], dim=1).cpu())
        return torch.stack(layers, dim=1)


def load_activations(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors ``cond.layer_0``, ``null.layer_0``, …, ``tokens`` in natural order, and the header."""
    with safe_open(Path(path), framework="pt") as file:
        header = dict(file.metadata() or {})
        found = {name: file.get_tensor(name) for name in natural_order(file.keys())}
    return found, header


def adopt(model: Any) -> MusicGen:
    """A MusicGen of the audiocraft library as one of ours; the same weights, not a copy.

    Raises
    ------
    CaptureError
        It is neither.
    """
    if not (hasattr(model, "lm") and hasattr(model, "compression_model")):
        raise CaptureError(f"model: expected a MusicGen, found {type(model).__name__}")
    from sonoscope.musicgen.audiocraft_backend import AudiocraftMusicGen

    name = str(getattr(model, "name", "musicgen"))
    return AudiocraftMusicGen(name, "adopted", model.compression_model, model.lm, float(model.max_duration))
