"""A small frozen T5 encoder with a word vocabulary, standing where published MusicGens have T5-base.

Its weights are random and stay so: each word gets its own embedding, and the language model's cross-attention learns
what the words mean, as published models do with a frozen encoder they did not train.
"""

import json
from collections.abc import Iterable
from pathlib import Path

import torch
from transformers import T5Config, T5EncoderModel, T5Tokenizer

DIM = 64
"""Size of a text state."""
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFG0123456789#/'-,.:;!?()&+"


def vocabulary(prompts: Iterable[str]) -> list[tuple[str, float]]:
    """Unigram vocabulary: every word of ``prompts`` is one token; unseen words fall back to single characters."""
    words = sorted({f"▁{word}" for prompt in prompts for word in prompt.split()})
    letters = [c for c in ["▁", *_LETTERS] if c not in words]
    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    return special + [(word, -1.0) for word in words] + [(letter, -20.0) for letter in letters]


def save_text_encoder(folder: Path, prompts: Iterable[str], seed: int) -> None:
    """Write a T5 encoder folder (config, weights, tokenizer) that transformers and audiocraft load by path."""
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
        T5EncoderModel(config).save_pretrained(folder)


def known_words(folder: Path) -> set[str]:
    """The whole words of the tokenizer in ``folder``."""
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    return {token[1:] for token, _ in tokenizer["model"]["vocab"] if token.startswith("▁") and len(token) > 1}
