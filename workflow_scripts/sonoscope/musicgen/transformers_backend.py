"""MusicGen by transformers, from a folder in transformers' own layout.

Generation is a loop of our own over `MusicgenForCausalLM` with its cache, not ``generate``: so that every row has its
own seed, and hooks see each decode step once.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoTokenizer, MusicgenForConditionalGeneration, PreTrainedTokenizerBase

from sonoscope.files import sha256
from sonoscope.musicgen.delay import delay, is_token, undelay
from sonoscope.musicgen.interface import Injection, MusicGen, Prompt, Sampling
from sonoscope.musicgen.lm_conversion import ConversionError
from sonoscope.musicgen.sampling import TokenSampler
from sonoscope.musicgen.steering import captured, steered

_Group = tuple[list[int], Tensor]
"""Rows of one text length, and their text states ``[rows, words, D]``."""


class TransformersMusicGen(MusicGen):
    """A `MusicgenForConditionalGeneration` behind Sonoscope's interface."""

    def __init__(
        self, name: str, revision: str, model: MusicgenForConditionalGeneration, tokenizer: PreTrainedTokenizerBase
    ) -> None:
        _check(name, model)
        self.name, self.revision = name, revision
        self.model, self.tokenizer = model, tokenizer
        model.train(False).requires_grad_(False)
        self.codec: Any = model.audio_encoder
        codec, decoder = self.codec.config, model.decoder.config
        self.sample_rate, self.frame_rate = int(codec.sampling_rate), codec.sampling_rate / codec.hop_length
        self.num_codebooks, self.cardinality = int(decoder.num_codebooks), int(decoder.vocab_size)
        self.num_layers, self.dim = int(decoder.num_hidden_layers), int(decoder.hidden_size)
        longest = model.generation_config.max_length or decoder.max_position_embeddings
        self.max_seconds = longest / self.frame_rate
        self.special = self.cardinality
        self.device = next(model.decoder.parameters()).device

    @property
    def blocks(self) -> Sequence[nn.Module]:
        """The transformer blocks, in order."""
        return list(self.model.decoder.model.decoder.layers)

    @torch.no_grad()
    def encode(self, audio: Tensor) -> Tensor:
        """Tokens ``[B, K, T]`` of audio ``[B, 1, samples]`` at `sample_rate`."""
        widest = self.codec.config.target_bandwidths[-1]
        codes: Tensor = self.codec.encode(audio.to(self.device), bandwidth=widest).audio_codes[0]
        return codes[:, : self.num_codebooks]

    @torch.no_grad()
    def decode(self, tokens: Tensor) -> Tensor:
        """Audio ``[B, 1, samples]`` of tokens ``[B, K, T]``."""
        audio: Tensor = self.codec.decode(tokens.to(self.device)[None], [None]).audio_values
        return audio

    @torch.no_grad()
    def hidden_states(self, tokens: Tensor, prompts: Sequence[Prompt], layers: Sequence[int]) -> Tensor:
        """Hidden states ``[B, L, S, D]`` of a teacher-forced replay; see `MusicGen.hidden_states`."""
        chosen = self.check_layers(layers)
        out: Tensor | None = None
        for rows, text in self._by_text_length(prompts):
            with captured(self.blocks, chosen) as store:
                self._replay(tokens[rows], text)
            states = torch.stack([calls[0] for calls in store], dim=1)  # [rows, L, S, D]
            if out is None:
                out = states.new_empty(len(prompts), *states.shape[1:])
            out[rows] = states
        if out is None:
            raise ValueError("hidden_states: expected at least one clip, got none")
        return out

    @torch.no_grad()
    def nll(self, tokens: Tensor, prompts: Sequence[Prompt]) -> Tensor:
        """Mean negative log-likelihood per token, in nats, ``[B]``, teacher-forced without guidance."""
        out = torch.empty(len(prompts))
        _, codebooks, frames = tokens.shape
        for rows, text in self._by_text_length(prompts):
            # as in training, tokens that the delay moves beyond the last frame do not count
            codes = delay(tokens[rows].to(self.device), self.special)[..., 1 : frames + 1]  # what follows each position
            mask = is_token(codebooks, frames)[:, 1 : frames + 1].to(self.device)
            logits = self._replay(tokens[rows], text)[:, :, :frames].float()
            wanted = codes.clamp(max=self.cardinality - 1)  # the special token is masked
            per_token = -logits.log_softmax(-1).gather(-1, wanted[..., None])[..., 0]
            out[rows] = ((per_token * mask).sum((1, 2)) / mask.sum()).cpu()
        return out

    @torch.no_grad()
    def logits(self, tokens: Tensor, prompts: Sequence[Prompt]) -> Tensor:
        """Logits ``[B, K, S, cardinality]`` of a replay without guidance; position s predicts frame s - k."""
        frames = tokens.shape[-1]
        out = torch.empty(len(prompts), self.num_codebooks, frames + 1, self.cardinality, device=self.device)
        for rows, text in self._by_text_length(prompts):
            out[rows] = self._replay(tokens[rows], text).to(out)
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
        for rows, text in self._by_text_length(prompts):
            part = injection.of_clips(rows) if injection is not None else None
            drawn = self._decode_steps(text, [seeds[r] for r in rows], frames, sampling or Sampling(), part)
            tokens[rows] = drawn
        return tokens

    def _decode_steps(
        self, text: Tensor, seeds: Sequence[int], frames: int, sampling: Sampling, injection: Injection | None
    ) -> Tensor:
        """One batch of equal text length, token by token along the delay pattern."""
        steps = frames + self.num_codebooks
        sequence = torch.full((len(seeds), self.num_codebooks, steps), self.special, device=self.device)
        mask = is_token(self.num_codebooks, frames).to(self.device)
        sampler = TokenSampler(sampling, seeds, self.num_codebooks, self.cardinality)
        both = torch.cat([text, torch.zeros_like(text)])  # the null text is zero, as no text is
        cache = None
        with steered(self.blocks, injection) as clock:
            for step in range(1, steps):
                clock.step = step - 1
                current = sequence[..., step - 1 : step]
                found = self.model.decoder(
                    input_ids=torch.cat([current, current]).flatten(0, 1), encoder_hidden_states=both,
                    past_key_values=cache, use_cache=True,
                )  # fmt: skip
                cache = found.past_key_values
                logits = found.logits.view(2 * len(seeds), self.num_codebooks, -1)
                cond, null = logits.chunk(2)
                drawn = sampler(null + sampling.guidance * (cond - null))
                sequence[..., step] = torch.where(mask[:, step], drawn, self.special)
        return undelay(sequence)

    def _replay(self, tokens: Tensor, text: Tensor) -> Tensor:
        """Logits ``[rows, K, S, cardinality]`` of one pass over all positions."""
        rows, codebooks, frames = tokens.shape
        columns = delay(tokens.to(self.device), self.special)[..., : frames + 1]  # [rows, K, S]
        found = self.model.decoder(input_ids=columns.flatten(0, 1), encoder_hidden_states=text, use_cache=False)
        logits: Tensor = found.logits.view(rows, codebooks, frames + 1, -1)
        return logits

    def _by_text_length(self, prompts: Sequence[Prompt]) -> list[_Group]:
        """Rows grouped by the length of their text, so that nothing is padded and no row depends on another."""
        ids: list[list[int]] = [self.tokenizer(prompt or "")["input_ids"] for prompt in prompts]
        groups: dict[int, list[int]] = defaultdict(list)
        for row, words in enumerate(ids):
            groups[len(words)].append(row)
        out: list[_Group] = []
        for rows in groups.values():
            tensor = torch.tensor([ids[r] for r in rows], device=self.device)
            states = self.model.text_encoder(input_ids=tensor).last_hidden_state
            projection = self.model.enc_to_dec_proj
            said = torch.tensor([bool(prompts[r]) for r in rows], device=self.device)
            text = projection(states.to(projection.weight)) * said[:, None, None]  # no text is zero, bias included
            out.append((rows, text))
        return out


def load_transformers(folder: Path, name: str, device: str = "cpu") -> TransformersMusicGen:
    """Load a MusicGen from a folder in transformers' layout, published or written by `convert_folder`.

    The language model is in half precision on a graphics card, text encoder and codec are not: T5 overflows there.

    Raises
    ------
    ConversionError
        The folder holds another kind of model.
    """
    kind = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
    if kind != "musicgen":
        raise ConversionError(f"{folder}/config.json: expected model_type musicgen (mono text to music), found {kind}")
    model = MusicgenForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
    if device.startswith("cuda"):
        model.decoder.half()
        model.enc_to_dec_proj.half()
    weights = sorted(f for f in folder.iterdir() if f.suffix in (".safetensors", ".bin"))
    digests = [sha256(file) for file in [folder / "config.json", *weights]]
    revision = hashlib.sha256("".join(digests).encode()).hexdigest()[:12]
    model.to(torch.device(device))  # type: ignore[arg-type]  # its wrapper hides self
    return TransformersMusicGen(name, revision, model, AutoTokenizer.from_pretrained(folder))


def _check(name: str, model: MusicgenForConditionalGeneration) -> None:
    channels = model.decoder.config.audio_channels
    if channels != 1:
        raise ConversionError(f"{name}: expected a mono model, found {channels} channels")
    if model.audio_encoder.config.normalize:
        raise ConversionError(f"{name}: its codec rescales audio, which MusicGen's tokens cannot carry")
    if not hasattr(model, "enc_to_dec_proj"):
        raise ConversionError(f"{name}: expected a projection of text states (enc_to_dec_proj), found none")
