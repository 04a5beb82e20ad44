"""MusicGen by audiocraft, from a folder in audiocraft's own layout."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sonoscope.musicgen.chunks import in_chunks
from sonoscope.musicgen.craft import ClassifierFreeGuidanceDropout, CompressionModel, ConditioningAttributes, LMModel
from sonoscope.musicgen.delayed import DelayedMusicGen, Group, Step
from sonoscope.musicgen.interface import Prompt
from sonoscope.musicgen.network import Network, from_audiocraft

_Conditions = dict[str, tuple[Tensor, Tensor]]


class AudiocraftMusicGen(DelayedMusicGen):
    """A codec and a language model that audiocraft built; see `sonoscope.musicgen.checkpoint` for loading."""

    def __init__(self, name: str, revision: str, codec: CompressionModel, lm: LMModel, max_seconds: float) -> None:
        self.name, self.revision = name, revision
        self.codec, self.lm = codec.eval().requires_grad_(False), lm.eval().requires_grad_(False)
        self.sample_rate = int(codec.sample_rate)
        self.frame_rate = float(codec.frame_rate)
        self.num_codebooks, self.cardinality = int(lm.num_codebooks), int(lm.card)
        self.num_layers, self.dim = len(lm.transformer.layers), int(lm.dim)
        self.special = int(lm.special_token_id)
        self.max_seconds = max_seconds
        self.device = next(lm.parameters()).device

    @property
    def blocks(self) -> Sequence[nn.Module]:
        """The transformer blocks, in order."""
        layers: nn.ModuleList = self.lm.transformer.layers
        return list(layers)

    @torch.no_grad()
    def encode(self, audio: Tensor) -> Tensor:
        """Tokens ``[B, K, T]`` of audio ``[B, 1, samples]`` at `sample_rate`."""
        return in_chunks(self._codes, audio.to(self.device))

    @torch.no_grad()
    def decode(self, tokens: Tensor) -> Tensor:
        """Audio ``[B, 1, samples]`` of tokens ``[B, K, T]``."""
        return in_chunks(lambda part: self.codec.decode(part, None), tokens.to(self.device))

    def _codes(self, audio: Tensor) -> Tensor:
        codes, scale = self.codec.encode(audio)
        if scale is not None:
            raise ValueError(f"{self.name}: its codec rescales audio, which MusicGen's tokens cannot carry")
        tokens: Tensor = codes
        return tokens

    def _predict(self, columns: Tensor, condition: _Conditions) -> Tensor:
        logits: Tensor = self.lm(columns, [], condition_tensors=condition)
        return logits

    @contextmanager
    def _session(self, condition: _Conditions) -> Iterator[Step]:
        def step(column: Tensor) -> Tensor:
            logits: Tensor = self.lm(torch.cat([column, column]), [], condition_tensors=condition)[:, :, 0]
            return logits

        with self.lm.streaming():
            yield step

    def _text_states(self, condition: _Conditions) -> Tensor:
        rows = next(iter(condition.values()))[0]
        _, text = self.lm.fuser(rows.new_zeros(len(rows), 1, self.dim), condition)
        states: Tensor = text
        return states

    @property
    def _decoded(self) -> nn.Module:
        module: nn.Module = self.lm
        return module

    def _network(self, steps: int) -> Network | None:
        return from_audiocraft(self.lm, steps)

    def _by_text_length(self, prompts: Sequence[Prompt], guided: bool = False) -> list[Group]:
        """Rows grouped by the length of their text, with the conditions of each group.

        MusicGen's cross-attention sees text padding as zeros, not as absent: in a mixed batch a prompt's result would
        depend on the longest prompt beside it.
        """
        attributes = [ConditioningAttributes(text={"description": prompt}) for prompt in prompts]
        groups: dict[int, list[int]] = defaultdict(list)
        for row, attribute in enumerate(attributes):
            groups[self._text_length(attribute)].append(row)
        out: list[Group] = []
        for rows in groups.values():
            texts = [attributes[r] for r in rows]
            if guided:
                texts = texts + ClassifierFreeGuidanceDropout(p=1.0)(texts)
            tokenized = self.lm.condition_provider.tokenize(texts)
            out.append((rows, self.lm.condition_provider(tokenized)))
        return out

    def _text_length(self, attribute: Any) -> int:
        tokenized: dict[str, dict[str, Tensor]] = self.lm.condition_provider.tokenize([attribute])
        return int(tokenized["description"]["attention_mask"].shape[-1])


def read_folder(folder: Path) -> tuple[Path, Path]:
    """The language model's and the codec's file of an audiocraft folder.

    Raises
    ------
    FileNotFoundError
        One of them is absent.
    """
    files = folder / "state_dict.bin", folder / "compression_state_dict.bin"
    for file in files:
        if not file.is_file():
            raise FileNotFoundError(
                f"{file}: expected an audiocraft checkpoint; run `snakemake fetch_models` or name its folder in config"
            )
    return files
