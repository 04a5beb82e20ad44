"""Fetched baselines, in their layouts, with random weights."""

import numpy as np
import pytest
import torch
from transformers import ClapAudioConfig, ClapConfig, ClapFeatureExtractor, ClapModel, ClapTextConfig

from sonoscope.attribution.errors import AttributionError
from sonoscope.attribution.listeners import CLMR_RATE, SampleCNN, listener
from sonoscope.settings.attribution import Attribution


@pytest.fixture
def clips():
    rng = np.random.default_rng(0)
    return [rng.standard_normal(16000 * s).astype(np.float32) / 10 for s in (1, 4)]


def test_a_clmr_checkpoint_is_read_and_hears_each_clip_by_itself(tmp_path, clips):
    torch.manual_seed(0)
    encoder = SampleCNN()
    state = {f"encoder.{n}": v for n, v in encoder.state_dict().items()} | {"encoder.fc.weight": torch.zeros(1)}
    torch.save({"state_dict": state}, tmp_path / "clmr.pt")
    hear = listener("clmr", tmp_path / "clmr.pt")
    found = hear(clips, 16000)
    assert found.shape == (2, 512) and np.isfinite(found).all()
    np.testing.assert_array_equal(hear(clips[1:], 16000)[0], found[1])
    exact = np.random.default_rng(1).standard_normal(59049).astype(np.float32)
    with torch.no_grad():
        wanted = encoder.eval()(torch.from_numpy(exact)[None, None])[0].numpy()
    np.testing.assert_allclose(hear([exact], CLMR_RATE)[0], wanted, atol=1e-6)
    torch.save({k: v for k, v in state.items() if "sequential.3" not in k}, tmp_path / "less.pt")
    with pytest.raises(AttributionError, match=r"sequential\.3\.0\.weight is missing"):
        listener("clmr", tmp_path / "less.pt")
    (tmp_path / "broken.pt").write_bytes(b"nothing")
    with pytest.raises(AttributionError, match="expected a checkpoint of CLMR"):
        listener("clmr", tmp_path / "broken.pt")


def test_a_clap_folder_is_read(tmp_path, clips):
    audio = ClapAudioConfig(
        depths=[1, 1], num_attention_heads=[2, 2], patch_embeds_hidden_size=16, hidden_size=32, spec_size=64,
        num_mel_bins=16, window_size=4, patch_size=4, patch_stride=[4, 4], projection_dim=8,
    )  # fmt: skip
    text = ClapTextConfig(vocab_size=16, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, projection_dim=8)
    torch.manual_seed(0)
    ClapModel(ClapConfig(audio_config=audio, text_config=text, projection_dim=8)).save_pretrained(tmp_path)
    extract = ClapFeatureExtractor(feature_size=16, sampling_rate=16000, max_length_s=4, truncation="rand_trunc")
    extract.save_pretrained(tmp_path)
    found = listener("clap", tmp_path)(clips, 16000)
    assert found.shape == (2, 8) and np.isfinite(found).all() and not np.allclose(found[0], found[1])


def test_what_was_not_fetched_is_said(tmp_path):
    with pytest.raises(AttributionError, match=r"listeners\.clap: expected the model at"):
        listener("clap", tmp_path / "nowhere")
    with pytest.raises(AttributionError, match="expected a CLAP model"):
        listener("clap", tmp_path)
    with pytest.raises(ValueError, match=r"clap needs scoring\.listeners\.clap"):
        Attribution.model_validate({"scoring": {"methods": ["gradient_cosine", "clap"]}})
