"""The shipped models learn in the small as they do in the large: resumable, and with the words they are told."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from sonoscope.musicgen.checkpoint import load_folder
from sonoscope.musicgen.text_encoder import DIM, number_embeddings, save_text_encoder
from sonoscope.settings.geometry import CodecGeometry, LanguageModelGeometry
from sonoscope.settings.training import Optimiser, TrainCodec, Training, TrainLanguageModel
from sonoscope.train import schedule
from sonoscope.train.codec import build_codec, refine_decoder, train_codec
from sonoscope.train.export import train_and_export
from sonoscope.train.language_model import text_encoder_of
from sonoscope.train.losses import mel_loss, spectral_loss
from sonoscope.train.schedule import save_weights

CODEC = CodecGeometry(filters=2, dim=8, lstm_layers=0, cardinality=16)
LM = LanguageModelGeometry(dim=16, heads=2, layers=2, codebook_cardinality=16)
OPTIMISER = Optimiser(steps=4, batch=2, warmup=1, checkpoint_every=2)


def tone(frequency: float, seconds: float = 1.0) -> torch.Tensor:
    return 0.2 * torch.sin(2 * torch.pi * frequency * torch.arange(round(16000 * seconds)) / 16000)[None, None]


def test_number_embeddings_are_alike_where_numbers_are():
    vectors = number_embeddings([60, 64, 120, 124, 240], 2048, torch.Generator().manual_seed(0))
    alike = torch.nn.functional.cosine_similarity(vectors[:, None], vectors[None], dim=-1)
    assert alike[0, 1] > 0.7 and alike[2, 3] > 0.9
    assert alike[0, 2].abs() < 0.1 and alike[0, 4].abs() < 0.1


@pytest.mark.parametrize("loss", [spectral_loss, lambda a, b: mel_loss(a, b, 16000)])
def test_losses_hear_pitch_and_not_phase(loss):
    same, shifted, other = tone(440), tone(440).roll(9, -1), tone(622)
    assert loss(same, same) == 0
    assert loss(shifted, same) < 0.3 * loss(other, same)


@pytest.fixture
def clips(rng: np.random.Generator) -> np.ndarray:
    return (2000 * rng.standard_normal((6, 16000))).astype(np.int16)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_codec_training_resumes_to_the_same_weights(clips, tmp_path: Path):
    settings = TrainCodec(optimiser=OPTIMISER, decoder_optimiser=OPTIMISER, crop=0.5, continuous_steps=1)
    rows = np.arange(4), np.arange(4, 6)
    whole = train_codec(clips, *rows, CODEC, settings, tmp_path / "whole.ckpt", 0)
    interrupted = tmp_path / "interrupted.ckpt"
    with pytest.raises(KeyboardInterrupt):
        _train_interrupted(clips, rows, settings, interrupted)
    resumed = train_codec(clips, *rows, CODEC, settings, interrupted, 0)
    torch.testing.assert_close(whole.state_dict(), resumed.state_dict())
    before = {name: value.clone() for name, value in whole.encoder.state_dict().items()}
    decoder = whole.decoder.state_dict()["model.0.conv.conv.weight_v"].clone()
    refine_decoder(whole, clips, *rows, settings, tmp_path / "decoder.ckpt", 0)
    torch.testing.assert_close(dict(whole.encoder.state_dict()), before)
    assert not torch.equal(decoder, whole.decoder.state_dict()["model.0.conv.conv.weight_v"])


def _train_interrupted(clips, rows, settings, checkpoint):
    """Stop when the first checkpoint is there, as a killed job would."""
    save = schedule.save_checkpoint

    def save_and_stop(*arguments):
        save(*arguments)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schedule, "save_checkpoint", save_and_stop)
        train_codec(clips, *rows, CODEC, settings, checkpoint, 0)


def test_words_are_learned_and_shipped_with_the_language_model(rng, tmp_path: Path):
    lessons = pd.DataFrame(
        {"prompt": ["a loud C", "a soft D", "a click at 120 bpm", "a click at 60 bpm"] * 2,
         "split": ["train"] * 6 + ["validation"] * 2}
    )  # fmt: skip
    tokens = rng.integers(16, size=(8, 4, 20)).astype(np.int16)
    settings = Training(
        codec_geometry=CODEC, language_model_geometry=LM, language_model=TrainLanguageModel(optimiser=OPTIMISER)
    )
    save_weights(tmp_path / "codec.safetensors", build_codec(CODEC, 0))
    folder = tmp_path / "model"
    train_and_export(lessons, tokens, tmp_path / "codec.safetensors", folder, settings, 0)
    trained = load_file(folder / "text_encoder" / "model.safetensors")
    save_text_encoder(tmp_path / "untrained", lessons["prompt"], 0)
    untrained = load_file(tmp_path / "untrained" / "model.safetensors")
    assert trained["shared.weight"].shape[1] == DIM
    assert not torch.equal(trained["shared.weight"], untrained["shared.weight"])
    model = load_folder(folder, "tiny")
    torch.testing.assert_close(text_encoder_of(model.lm).state_dict()["shared.weight"], trained["shared.weight"])
    assert not (folder / "checkpoint.pt").exists()


def test_shares_of_beginnings_leave_room_for_whole_clips():
    with pytest.raises(ValueError, match="sum to at most 1"):
        TrainLanguageModel(beginnings=(0.9, 0.2))


@pytest.mark.parametrize(("beginnings", "expected"), [((), {40}), ((0.0, 1.0), {10}), ((0.5, 0.25), {40, 20, 10})])
def test_beginnings_are_shorter_and_more(rng, tmp_path: Path, monkeypatch, beginnings, expected):
    from sonoscope.train import language_model

    seen = set()

    def watch(lm, tokens, prompts):
        if torch.is_grad_enabled():  # not the held-out measure
            seen.add((len(prompts), tokens.shape[-1]))
        return lm.weight.sum() * torch.ones(2)

    monkeypatch.setattr(language_model, "loss_per_codebook", watch)
    monkeypatch.setattr(language_model, "_conditioner", lambda lm: lm)
    monkeypatch.setattr(language_model, "_Learner", lambda lm: lm)
    settings = TrainLanguageModel(
        optimiser=Optimiser(steps=40, batch=2, warmup=1, checkpoint_every=40), beginnings=beginnings
    )
    tokens = rng.integers(0, 8, (6, 2, 40)).astype(np.int16)
    rows = np.arange(6)
    language_model.train_language_model(
        tokens, ["x"] * 6, rows, rows[:2], torch.nn.Linear(1, 1), settings, tmp_path / "checkpoint.pt", 0
    )
    assert {frames for _, frames in seen} == expected
    assert all(clips * frames == 80 for clips, frames in seen)
