"""CLAP from a local folder, tried on a tiny one with random weights in the layout of the published ones."""

import json

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import ClapConfig, ClapFeatureExtractor, ClapModel, ClapProcessor, RobertaTokenizerFast

from sonoscope.audio.files import write_audio
from sonoscope.steering.embedding import SPECTRAL, embed
from sonoscope.steering.errors import ConceptError

RATE = 16000
PROMPTS = ["a low drum", "a high flute"]


@pytest.fixture(scope="module")
def clap(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clap") / "tiny-clap"
    text = {
        "vocab_size": 300, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 16, "max_position_embeddings": 80, "projection_dim": 8,
    }  # fmt: skip
    audio = {
        "hidden_size": 64, "patch_embeds_hidden_size": 8, "depths": [1, 1, 1, 1], "num_attention_heads": [1, 1, 1, 1],
        "num_hidden_layers": 4, "projection_dim": 8,
    }  # fmt: skip
    torch.manual_seed(0)
    ClapModel(ClapConfig(text_config=text, audio_config=audio, projection_dim=8)).save_pretrained(folder)
    words = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    (folder / "vocab.json").write_text(json.dumps({word: k for k, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    raw = Tokenizer(models.BPE.from_file(str(folder / "vocab.json"), str(folder / "merges.txt")))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.save(str(folder / "tokenizer.json"))
    tokenizer = RobertaTokenizerFast(
        vocab=str(folder / "vocab.json"), merges=str(folder / "merges.txt"), model_max_length=64
    )
    ClapProcessor(ClapFeatureExtractor(truncation="rand_trunc"), tokenizer).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    seconds = np.arange(2 * RATE) / RATE
    for k, pitch in enumerate((110.0, 880.0)):
        write_audio(folder / f"{k}.wav", (0.3 * np.sin(2 * np.pi * pitch * seconds)).astype(np.float32), RATE)
    return [folder / "0.wav", folder / "1.wav"]


def test_clap_embeds_clips_by_its_name_and_says_how_they_go_with_prompts(clap, clips):
    vectors, name, adherence = embed(clips, PROMPTS, clap)
    assert name == "CLAP (tiny-clap)"
    assert vectors.shape == (2, 8) and vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-5)
    assert not np.allclose(vectors[0], vectors[1])
    assert adherence.shape == (2,) and (np.abs(adherence) <= 1).all()
    swapped = embed(clips, PROMPTS[::-1], clap)[2]
    assert not np.allclose(adherence, swapped)


def test_clips_longer_than_its_window_are_embedded_the_same_each_time(clap, tmp_path):
    noise = np.random.default_rng(0).standard_normal(11 * RATE).astype(np.float32) * 0.1
    write_audio(tmp_path / "long.wav", noise, RATE)
    first, second = (embed([tmp_path / "long.wav"], PROMPTS[:1], clap)[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_fetched_model_is_named_by_its_repository_and_commit(clap, clips):
    record = clap / "fetched.json"
    record.write_text(
        json.dumps({"origin": "laion/larger_clap_music", "commit": "a0b4534a14f58e2094445"})
    )
    try:
        assert embed(clips[:1], PROMPTS[:1], clap)[1] == "CLAP (laion/larger_clap_music a0b4534)"
    finally:
        record.unlink()


def test_the_embedding_without_a_model_is_named_too(clips):
    assert embed(clips, PROMPTS)[1] == SPECTRAL


def test_a_folder_without_a_model_says_what_to_do(tmp_path):
    with pytest.raises(ConceptError, match="snakemake fetch_models"):
        embed([], [], tmp_path)
