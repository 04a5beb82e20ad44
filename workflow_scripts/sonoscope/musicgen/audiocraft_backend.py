"""MusicGen by audiocraft, from a folder in audiocraft's own layout."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sonoscope.musicgen.craft import ClassifierFreeGuidanceDropout, CompressionModel, ConditioningAttributes, LMModel
from sonoscope.musicgen.delay import delay
from sonoscope.musicgen.interface import Injection, MusicGen, Prompt, Sampling
from sonoscope.musicgen.sampling import TokenSampler
from sonoscope.musicgen.steering import captured, steered

_Conditions = dict[str, tuple[Tensor, Tensor]]


class AudiocraftMusicGen(MusicGen):
    """A codec and a language model that audiocraft built; see `sonoscope.musicgen.checkpoint` for loading."""

    def __init__(self, name: str, revision: str, codec: CompressionModel, lm: LMModel, max_seconds: float) -> None:
        self.name, self.revision = name, revision
        self.codec, self.lm = codec.eval().requires_grad_(False), lm.eval().requires_grad_(False)
        self.sample_rate = int(codec.sample_rate)
        self.frame_rate = float(codec.frame_rate)
        self.num_codebooks, self.cardinality = int(lm.num_codebooks), int(lm.card)
        self.num_layers, self.dim = len(lm.transformer.layers), int(lm.dim)
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
        codes, scale = self.codec.encode(audio.to(self.device))
        if scale is not None:
            raise ValueError(f"{self.name}: its codec rescales audio, which MusicGen's tokens cannot carry")
        tokens: Tensor = codes
        return tokens

    @torch.no_grad()
    def decode(self, tokens: Tensor) -> Tensor:
        """Audio ``[B, 1, samples]`` of tokens ``[B, K, T]``."""
        audio: Tensor = self.codec.decode(tokens.to(self.device), None)
        return audio

    @torch.no_grad()
    def hidden_states(self, tokens: Tensor, prompts: Sequence[Prompt], layers: Sequence[int]) -> Tensor:
        """Hidden states ``[B, L, S, D]`` of a teacher-forced replay; see `MusicGen.hidden_states`."""
        chosen = self.check_layers(layers)
        out: Tensor | None = None
        for rows, conditions in self._by_text_length(prompts):
            with captured(self.blocks, chosen) as store:
                self.lm.compute_predictions(tokens[rows].to(self.device), [], condition_tensors=conditions)
            states = torch.stack([calls[0] for calls in store], dim=1)  # [rows, L, S, D]
            if out is None:
                out = states.new_empty(len(prompts), *states.shape[1:])
            out[rows] = states
        if out is None:
            raise ValueError("hidden_states: expected at least one clip, got none")
        return out

    @torch.no_grad()
    def logits(self, tokens: Tensor, prompts: Sequence[Prompt]) -> Tensor:
        """Logits ``[B, K, S, cardinality]`` of a replay without guidance; position s predicts frame s - k."""
        frames = tokens.shape[-1]
        out = torch.empty(len(prompts), self.num_codebooks, frames + 1, self.cardinality, device=self.device)
        for rows, conditions in self._by_text_length(prompts):
            columns = delay(tokens[rows].to(self.device), self.lm.special_token_id)[..., : frames + 1]
            out[rows] = self.lm(columns, [], condition_tensors=conditions).to(out)
        return out

    @torch.no_grad()
    def nll(self, tokens: Tensor, prompts: Sequence[Prompt]) -> Tensor:
        """Mean negative log-likelihood per token, in nats, ``[B]``, teacher-forced without guidance."""
        out = torch.empty(len(prompts))
        for rows, conditions in self._by_text_length(prompts):
            codes = tokens[rows].to(self.device)
            prediction = self.lm.compute_predictions(codes, [], condition_tensors=conditions)
            mask = prediction.mask.expand_as(codes)
            logits = prediction.logits.float().nan_to_num()  # unpredicted positions are NaN and masked
            per_token = -logits.log_softmax(-1).gather(-1, codes[..., None])[..., 0]
            out[rows] = ((per_token * mask).sum((1, 2)) / mask.sum((1, 2))).cpu()
        return out

    @torch.no_grad()
    def generate(
        self,
        prompts: Sequence[Prompt],
        seeds: Sequence[int],
        seconds: float,
        sampling: Sampling | None = None,
        injection: Injection | None = None,
    ) -> Tensor:
        """Tokens ``[B, K, T]``; see `MusicGen.generate`."""
        if len(prompts) != len(seeds):
            raise ValueError(f"generate: expected one seed per prompt, got {len(seeds)} for {len(prompts)}")
        if seconds > self.max_seconds:
            raise ValueError(f"generate: {self.name} makes at most {self.max_seconds:g} s at once, got {seconds:g} s")
        frames = round(seconds * self.frame_rate)
        tokens = torch.empty(len(prompts), self.num_codebooks, frames, dtype=torch.long, device=self.device)
        for rows, conditions in self._by_text_length(prompts, guided=True):
            part = injection.of_clips(rows) if injection is not None else None
            tokens[rows] = self._decode_steps(
                conditions, [seeds[r] for r in rows], frames, sampling or Sampling(), part
            )
        return tokens

    def _decode_steps(
        self,
        conditions: _Conditions,
        seeds: Sequence[int],
        frames: int,
        sampling: Sampling,
        injection: Injection | None,
    ) -> Tensor:
        """One batch of equal text length, token by token along the delay pattern."""
        pattern = self.lm.pattern_provider.get_pattern(frames)
        unknown = torch.full((len(seeds), self.num_codebooks, frames), -1, dtype=torch.long, device=self.device)
        sequence, _, mask = pattern.build_pattern_sequence(unknown, self.lm.special_token_id)  # [B, K, S]
        sampler = TokenSampler(sampling, seeds, self.num_codebooks, self.cardinality)
        with self.lm.streaming(), steered(self.blocks, injection) as clock:
            for step in range(1, sequence.shape[-1]):
                clock.step = step - 1
                current = sequence[..., step - 1 : step]
                logits = self.lm(torch.cat([current, current]), [], condition_tensors=conditions)  # [2B, K, 1, card]
                cond, null = logits[:, :, 0].chunk(2)
                drawn = sampler(null + sampling.guidance * (cond - null))
                drawn = torch.where(mask[:, step], drawn, self.lm.special_token_id)
                sequence[..., step] = drawn
        tokens: Tensor = pattern.revert_pattern_sequence(sequence, special_token=-1)[0]
        return tokens

    def _by_text_length(self, prompts: Sequence[Prompt], guided: bool = False) -> list[tuple[list[int], _Conditions]]:
        """Rows grouped by the length of their text, with the conditions of each group.

        MusicGen's cross-attention sees text padding as zeros, not as absent: in a mixed batch a prompt's result would
        depend on the longest prompt beside it.
        """
        attributes = [ConditioningAttributes(text={"description": prompt}) for prompt in prompts]
        groups: dict[int, list[int]] = defaultdict(list)
        for row, attribute in enumerate(attributes):
            groups[self._text_length(attribute)].append(row)
        out: list[tuple[list[int], _Conditions]] = []
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
