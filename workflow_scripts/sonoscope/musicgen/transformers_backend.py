"""MusicGen by transformers, from a folder in transformers' own layout.

Generation is a loop of our own over `MusicgenForCausalLM` with its cache, not ``generate``: so that every row has its
own seed, and hooks see each decode step once.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoTokenizer, MusicgenForConditionalGeneration, PreTrainedTokenizerBase

from sonoscope.device import precision
from sonoscope.files import sha256
from sonoscope.musicgen.chunks import in_chunks
from sonoscope.musicgen.delayed import DelayedMusicGen, Group, Step
from sonoscope.musicgen.interface import Prompt
from sonoscope.musicgen.lm_conversion import ConversionError
from sonoscope.musicgen.network import Network, from_transformers


class TransformersMusicGen(DelayedMusicGen):
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
        codes = in_chunks(lambda part: self.codec.encode(part, bandwidth=widest).audio_codes[0], audio.to(self.device))
        return codes[:, : self.num_codebooks]

    @torch.no_grad()
    def decode(self, tokens: Tensor) -> Tensor:
        """Audio ``[B, 1, samples]`` of tokens ``[B, K, T]``."""
        return in_chunks(lambda part: self.codec.decode(part[None], [None]).audio_values, tokens.to(self.device))

    def _predict(self, columns: Tensor, condition: Tensor) -> Tensor:
        rows, codebooks, positions = columns.shape
        found = self.model.decoder(input_ids=columns.flatten(0, 1), encoder_hidden_states=condition, use_cache=False)
        logits: Tensor = found.logits.view(rows, codebooks, positions, -1)
        return logits

    @contextmanager
    def _session(self, condition: Tensor) -> Iterator[Step]:
        cache = None

        def step(column: Tensor) -> Tensor:
            nonlocal cache
            found = self.model.decoder(
                input_ids=torch.cat([column, column]).flatten(0, 1), encoder_hidden_states=condition,
                past_key_values=cache, use_cache=True,
            )  # fmt: skip
            cache = found.past_key_values
            logits: Tensor = found.logits.view(2 * len(column), self.num_codebooks, -1)
            return logits

        yield step

    def _text_states(self, condition: Tensor) -> Tensor:
        return condition

    @property
    def _decoded(self) -> nn.Module:
        module: nn.Module = self.model.decoder
        return module

    def _network(self, steps: int) -> Network | None:
        return from_transformers(self.model.decoder, steps)

    def _by_text_length(self, prompts: Sequence[Prompt], guided: bool = False) -> list[Group]:
        """Rows grouped by the length of their text; see `DelayedMusicGen`."""
        ids: list[list[int]] = [self.tokenizer(prompt or "")["input_ids"] for prompt in prompts]
        groups: dict[int, list[int]] = defaultdict(list)
        for row, words in enumerate(ids):
            groups[len(words)].append(row)
        out: list[Group] = []
        for rows in groups.values():
            tensor = torch.tensor([ids[r] for r in rows], device=self.device)
            states = self.model.text_encoder(input_ids=tensor).last_hidden_state
            projection = self.model.enc_to_dec_proj
            said = torch.tensor([bool(prompts[r]) for r in rows], device=self.device)
            text = projection(states.to(projection.weight)) * said[:, None, None]  # no text is zero, bias included
            out.append((rows, torch.cat([text, torch.zeros_like(text)]) if guided else text))
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
        dtype: torch.dtype = getattr(torch, precision(device))
        model.decoder.to(dtype)  # type: ignore[arg-type]  # its wrapper hides self
        model.enc_to_dec_proj.to(dtype)
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
