"""A small T5 encoder with a word vocabulary, standing where published MusicGens have T5-base.

T5-base knows words from text it was trained on; this one starts from random weights and learns with the language model
what words mean here. Numbers start with embeddings that are alike where the numbers are, so that a tempo says something
about its neighbours. Once written beside the language model it is frozen, as audiocraft has it.
"""

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from transformers import T5Config, T5EncoderModel, T5Tokenizer

DIM = 64
"""Size of a text state."""
_OCTAVES = 0.15
"""How far apart two numbers are, in octaves, before their first embeddings have little in common."""
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFG0123456789#/'-,.:;!?()&+"


def vocabulary(prompts: Iterable[str]) -> list[tuple[str, float]]:
    """Unigram vocabulary: every word of ``prompts`` is one token; unseen words fall back to single characters."""
    words = sorted({f"▁{word}" for prompt in prompts for word in prompt.split()})
    letters = [c for c in ["▁", *_LETTERS] if c not in words]
    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    return special + [(word, -1.0) for word in words] + [(letter, -20.0) for letter in letters]


def number_embeddings(numbers: Sequence[float], width: int, generator: torch.Generator) -> torch.Tensor:
    """Embeddings ``[numbers, width]`` whose inner product falls with the distance of the numbers' logarithms.

    Random Fourier features of a Gaussian kernel (Rahimi and Recht 2007) with a scale of `_OCTAVES`.
    """
    frequencies = torch.randn(width, generator=generator) / _OCTAVES
    phases = 2 * math.pi * torch.rand(width, generator=generator)
    octaves = torch.log2(torch.tensor(numbers, dtype=torch.float32).clamp(min=1))
    return math.sqrt(2) * torch.cos(octaves[:, None] * frequencies + phases)


def save_text_encoder(folder: Path, prompts: Iterable[str], seed: int) -> None:
    """Write an untrained T5 encoder (config, weights, tokenizer) that transformers and audiocraft load by path."""
    folder.mkdir(parents=True, exist_ok=True)
    words = vocabulary(prompts)
    T5Tokenizer(vocab=words, extra_ids=0, additional_special_tokens=[]).save_pretrained(folder)
    config = T5Config(
        vocab_size=len(words),
        d_model=DIM,
        d_kv=16,
        d_ff=128,
        num_layers=2,
        num_heads=4,
        feed_forward_proj="relu",
        dropout_rate=0.0,
        pad_token_id=0,
        eos_token_id=1,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = T5EncoderModel(config)
    numbers = {row: int(word[1:]) for row, (word, _) in enumerate(words) if word[1:].isdecimal()}
    with torch.no_grad():
        generator = torch.Generator().manual_seed(seed)
        encoder.shared.weight[list(numbers)] = number_embeddings(list(numbers.values()), DIM, generator)
    encoder.save_pretrained(folder)


def known_words(folder: Path) -> set[str]:
    """The whole words of the tokenizer in ``folder``."""
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    return {token[1:] for token, _ in tokenizer["model"]["vocab"] if token.startswith("▁") and len(token) > 1}
