import pytest
import torch
from toy_codec import toy_codec

from sonoscope.codecs import bottleneck
from sonoscope.codecs.bottleneck import BottleneckVae, CodecFront, MelFront, front_end, refuse_degenerate
from sonoscope.codecs.neural import CodecError
from sonoscope.codecs.teachers import STAND_IN, MelTeacher, aligned, choose_teacher
from sonoscope.settings.bottlenecks import MEL


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def speech(seconds=2.0, rate=24_000):
    """Noise with a slow envelope."""
    n = int(seconds * rate)
    envelope = 1 + torch.sin(torch.arange(n) / rate * 20)
    return 0.1 * envelope * torch.randn(1, 1, n, generator=generator())


@pytest.fixture(scope="module")
def mel_vae():
    front = MelFront(12.5)
    vae = BottleneckVae(front, 8, 16)
    vae.start_from(torch.cat([front.features(speech())[0], front.features(speech(3.0).flip(-1))[0]]))
    return vae


def test_mel_front_has_the_rate_and_size_of_stacked_frames():
    front = MelFront(12.5)
    assert front.frame_rate == 12.5 and front.size == 640
    assert front.features(torch.zeros(1, 1, 24_000)).shape == (1, 13, 640)


def test_codec_front_stacks_frames_to_the_rate_of_the_latents():
    front = CodecFront(toy_codec(), 12.5)
    assert front.stack == 4 and front.size == 24 and front.frame_rate == 12.5
    features = front.features(torch.randn(2, 1, 8000, generator=generator()))
    assert features.shape == (2, 13, 24)
    assert front.waveform(features).shape == (2, 1, 13 * 640)


def test_bottleneck_begins_at_principal_components_of_unit_variance(mel_vae):
    features = mel_vae.front.features(speech())
    mean, log_variance = mel_vae.posterior(features)
    assert mean.shape == log_variance.shape == (1, 25, 8)
    assert torch.allclose(log_variance, log_variance[0, 0, 0].expand_as(log_variance))
    standard = mel_vae.standardise(features)
    kept = mel_vae.standardise(mel_vae.back(mean)) - mel_vae.correction(mean)
    rows = mel_vae.synthesis.weight.T / mel_vae.synthesis.weight.norm(dim=0)[:, None]
    assert torch.allclose(kept, standard @ rows.T @ rows, atol=1e-3)


def test_latents_decode_to_as_much_sound(mel_vae):
    audio = speech()
    latents = mel_vae.encode(audio)
    assert mel_vae.decode(latents).shape == audio.shape
    assert torch.equal(mel_vae.encode(audio), latents)


def test_bottleneck_in_a_codec_goes_to_a_file_with_its_decoder(tmp_path, monkeypatch):
    vae = BottleneckVae(CodecFront(toy_codec(), 12.5), 5, 8, "mine")
    vae.start_from(vae.front.features(torch.randn(1, 1, 80_000, generator=generator()))[0])
    with torch.no_grad():
        vae.decoder.weight.add_(1.0)
    vae.save(tmp_path / "vae.safetensors")
    monkeypatch.setattr(bottleneck, "load_codec", lambda file, name: toy_codec())
    again = BottleneckVae.load(tmp_path / "vae.safetensors", tmp_path)
    z = torch.randn(1, 4, 5, generator=generator())
    assert again.name == "mine" and torch.allclose(again.decode(z), vae.decode(z))
    with pytest.raises(CodecError, match="file of the codec"):
        BottleneckVae.load(tmp_path / "vae.safetensors")


def test_dead_encoders_are_refused():
    front = CodecFront(toy_codec(dead=True), 12.5)
    vae = BottleneckVae(front, 5, 8)
    with pytest.raises(CodecError, match="same for all speech"):
        vae.start_from(front.features(torch.randn(1, 1, 80_000, generator=generator()))[0])
    with pytest.raises(CodecError, match="finite"):
        refuse_degenerate(torch.full((50, 6), torch.nan), "toy", 5)
    with pytest.raises(CodecError, match="more than 5"):
        refuse_degenerate(torch.randn(4, 6), "toy", 5)


def test_front_ends_by_name(tmp_path, monkeypatch):
    assert isinstance(front_end(MEL, 12.5), MelFront)
    monkeypatch.setattr(bottleneck, "load_codec", lambda file, name: object())
    with pytest.raises(CodecError, match="decoder of waveforms"):
        front_end("mel-pca-8", 12.5, tmp_path)


def test_stand_in_for_wavlm_says_so():
    teacher = choose_teacher("auto", None, 7, 16_000, torch.device("cpu"))
    assert isinstance(teacher, MelTeacher) and "stand-in" in teacher.name == STAND_IN
    features = teacher.features(speech(1.0, 16_000))
    assert features.shape == (1, 50, 60) and float(features.std()) > 0
    assert aligned(features, 13).shape == (1, 13, 60)
    assert choose_teacher("none", None, 7, 16_000, torch.device("cpu")) is None
    with pytest.raises(CodecError, match="fetch"):
        choose_teacher("wavlm", None, 7, 16_000, torch.device("cpu"))


def test_wavlm_teaches_by_a_hidden_layer(tmp_path):
    from transformers import WavLMConfig, WavLMModel

    config = WavLMConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16, conv_dim=(8, 8),
        conv_stride=(20, 16), conv_kernel=(20, 16), num_feat_extract_layers=2, num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2,
    )  # fmt: skip
    WavLMModel(config).save_pretrained(tmp_path)
    teacher = choose_teacher("auto", tmp_path, 1, 8000, torch.device("cpu"))
    assert teacher.size == 16
    assert teacher.features(torch.randn(2, 1, 8000, generator=generator())).shape == (2, 50, 16)
    with pytest.raises(CodecError, match="layers 0 to 2"):
        choose_teacher("wavlm", tmp_path, 7, 8000, torch.device("cpu"))
