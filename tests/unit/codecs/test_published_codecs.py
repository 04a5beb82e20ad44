import pytest
import torch
from transformers import EncodecConfig, EncodecModel, MimiConfig, MimiModel

from sonoscope.codecs.mel_pca import MelPca
from sonoscope.codecs.published import load_transformers_codec
from sonoscope.codecs.random_projection import randomised
from sonoscope.dynamics.encoding import encode_all
from sonoscope.dynamics.loading import load, place, tier_of
from sonoscope.errors import SonoscopeError

CPU = torch.device("cpu")


def speech(seconds=1.0, rate=24_000):
    generator = torch.Generator().manual_seed(0)
    return 0.1 * torch.randn(1, 1, round(seconds * rate), generator=generator)


def encodec():
    return EncodecModel(EncodecConfig(num_filters=2, hidden_size=16, codebook_size=8, num_lstm_layers=1))


def mimi():
    config = MimiConfig(
        hidden_size=32, num_filters=4, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2,
        intermediate_size=32, upsample_groups=32, codebook_size=16, codebook_dim=8,
        vector_quantization_hidden_dimension=8, num_quantizers=4, num_semantic_quantizers=1, head_dim=16,
    )  # fmt: skip
    return MimiModel(config)


@pytest.mark.parametrize(("make", "rate", "dim"), [(encodec, 75.0, 16), (mimi, 12.5, 32)], ids=["encodec", "mimi"])
def test_published_codecs_have_their_true_rate_and_a_way_back(make, rate, dim, tmp_path):
    torch.manual_seed(0)
    make().save_pretrained(tmp_path)
    codec = load(f"a-{make.__name__}", tmp_path / "config.json", CPU)
    assert (codec.frame_rate, codec.dim, codec.sample_rate) == (rate, dim, 24_000)
    latents = codec.encode(speech())
    frames = -(-24_000 // round(24_000 / rate))
    assert latents.shape == (1, frames, dim) and float(latents.std()) > 0
    assert torch.equal(latents, codec.encode(speech()))
    sound = codec.decode(latents)
    assert sound.shape == (1, 1, frames * round(24_000 / rate)) and bool(torch.isfinite(sound).all())


def test_other_models_are_refused(tmp_path):
    from transformers import T5Config

    T5Config().save_pretrained(tmp_path)
    with pytest.raises(SonoscopeError, match="expected encodec, mimi or pocket-tts, found a t5"):
        load_transformers_codec(tmp_path, "t5")


def test_the_codec_of_a_musicgen_has_latents(tmp_path):
    from sonoscope.musicgen.random_model import build_random_musicgen

    build_random_musicgen(tmp_path, 0)
    codec = load("random-encodec", tmp_path / "compression_state_dict.bin", CPU)
    latents = codec.encode(speech(rate=codec.sample_rate))
    assert latents.shape == (1, round(codec.frame_rate), codec.dim)
    assert codec.decode(latents).shape[-1] == codec.sample_rate
    assert tier_of("random-encodec") == "untrained model" and tier_of("mimi") == "speech"


def test_the_random_control_keeps_dimensions_and_knows_nothing(tmp_path):
    clips = [speech(2.0), 0.5 * speech(1.5)]
    codec = MelPca.fit(clips, 4)
    codec.save(tmp_path / "codec.safetensors")
    control = load("random-projection-4", tmp_path / "codec.safetensors", CPU)
    assert control.name == "random-projection-4" and control.frame_rate == codec.frame_rate
    assert torch.allclose(control.components @ control.components.T, torch.eye(4), atol=1e-5)
    assert torch.equal(control.components, randomised(codec, 4).components)
    latents, energy = encode_all(control, clips, CPU)
    assert [len(x) for x in latents] == [25, 19] and len(energy) == 44
    assert place("mel-pca-4", torch.device("meta")) == CPU
