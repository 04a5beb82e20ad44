import math

import numpy as np
import pytest
import torch

from sonoscope.audio.espeak import Voice, speak
from sonoscope.codecs.collapse import examine, kl_per_dimension
from sonoscope.codecs.interface import ContinuousCodec
from sonoscope.codecs.mel import FLOOR, LogMel
from sonoscope.codecs.mel_pca import MelPca
from sonoscope.codecs.speech_vae import SpeechVae
from sonoscope.contracts.errors import ContractError
from sonoscope.settings.codecs import SpeechCodec, SpeechCodecGeometry
from sonoscope.settings.training import Optimiser
from sonoscope.train.speech import compare, crops, latent_space, scorecard_rows, train_speech_codec


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def speech():
    """Four sentences at 24 kHz, [1, 1, S] each."""
    out = []
    for text, voice in (
        ("The old sailor crossed the river.", "en-us+f2"),
        ("A young judge described the golden tower.", "en-us+m3"),
        ("Every Thursday the baker forgot the letter.", "en-gb-x-rp+f1"),
        ("The shepherd said that the road was long.", "en-us+m1"),
    ):
        audio, rate = speak(text, Voice(voice))
        grid = np.arange(0, len(audio) - 1, rate / 24_000)
        out.append(torch.from_numpy(np.interp(grid, np.arange(len(audio)), audio).astype(np.float32))[None, None])
    return out


@pytest.fixture(scope="module")
def pca(speech):
    return MelPca.fit(speech, 32)


@pytest.fixture
def vae():
    torch.manual_seed(0)
    codec = SpeechVae(SpeechCodecGeometry(dim=8, width=16))
    codec.eval()
    return codec


def test_mel_frames_see_a_tone_where_it_is():
    mel = LogMel()
    time = torch.arange(24_000) / 24_000
    frames = mel.frames(torch.sin(2 * math.pi * 1000 * time)[None, None])
    assert frames.shape == (1, 100, 80)
    centres = 700 * (10 ** (torch.linspace(0, 2595 * math.log10(1 + 8000 / 700), 82) / 2595) - 1)[1:-1]
    loudest = centres[frames[0, 50].argmax()].item()
    assert loudest == pytest.approx(1000, rel=0.08)
    assert torch.allclose(mel.frames(torch.zeros(1, 1, 2400)), torch.tensor(math.log(FLOOR)))


@pytest.mark.parametrize("samples", [1, 1919, 1920, 1921, 50_000])
def test_both_codecs_keep_the_contract(samples, pca, vae):
    codecs: list[ContinuousCodec] = [pca, vae]
    audio = 0.1 * torch.randn(2, 1, samples, generator=generator())
    for codec in codecs:
        assert (codec.sample_rate, codec.frame_rate) == (24_000, 12.5)
        latents = codec.encode(audio)
        assert latents.shape == (2, math.ceil(samples / 1920), codec.dim)
        assert torch.equal(latents, codec.encode(audio))
    if samples == 1921:
        decoded = vae.decode(vae.encode(audio))
        assert decoded.shape == (2, 1, 3840) and bool(decoded.isfinite().all())


def test_all_components_lose_nothing_and_fewer_lose_more(speech, pca):
    enough = [
        torch.cat([clip] * 8, 2) + 1e-3 * torch.randn(1, 1, 8 * clip.shape[2], generator=generator()) for clip in speech
    ]
    whole = MelPca.fit(enough, 640)
    frames = whole.mel.frames(speech[0], whole.stack)
    assert torch.allclose(whole.spectra(whole.encode(speech[0])), frames, atol=1e-3)
    assert whole.kept_variance == pytest.approx(1)
    errors = [
        (c.spectra(c.encode(speech[0])) - frames).square().mean().item()
        for c in (whole.truncated(64), whole.truncated(32), whole.truncated(8))
    ]
    assert errors == sorted(errors) and errors[-1] > errors[0]
    assert torch.allclose(pca.components @ pca.components.T, torch.eye(32), atol=1e-4)
    assert 0.5 < pca.truncated(8).kept_variance < pca.kept_variance < 1


def test_components_are_those_of_scikit_learn(speech, pca):
    from sklearn.decomposition import PCA

    rows = torch.cat([pca.mel.frames(clip, 8).reshape(-1, 640) for clip in speech]).double().numpy()
    theirs = PCA(5, svd_solver="full").fit(rows)
    agreement = np.abs(np.sum(theirs.components_ * pca.components[:5].numpy(), axis=1))
    assert agreement == pytest.approx(np.ones(5), abs=1e-4)
    assert theirs.explained_variance_ratio_[0] == pytest.approx(pca.truncated(1).kept_variance, rel=1e-4)


def test_latents_have_the_variances_that_the_fit_states(speech, pca):
    latents = torch.cat([pca.encode(clip)[0] for clip in speech])
    assert torch.allclose(latents.var(0, correction=0), pca.variances, rtol=1e-3)
    assert latents.mean(0).abs().max() < 1e-2


def test_a_waveform_comes_back_with_its_spectrum(speech):
    mel = LogMel()
    frames = mel.frames(speech[0], 8)
    again = mel.frames(mel.waveform(frames), 8)
    assert again.shape == frames.shape
    loud = frames > frames.max() - 5
    assert (again - frames)[loud].abs().mean() < 0.4
    assert torch.equal(mel.waveform(frames), mel.waveform(frames))


def test_another_frame_rate_is_a_matter_of_hop_and_stack(speech):
    fast = MelPca.fit(speech, 16, LogMel(hop=320), stack=1)
    assert fast.frame_rate == 75
    assert fast.encode(speech[0]).shape[1] == math.ceil(speech[0].shape[2] / 320)


def test_files_of_both_codecs_come_back(speech, pca, vae, tmp_path):
    pca.save(tmp_path / "pca.safetensors")
    assert torch.equal(MelPca.load(tmp_path / "pca.safetensors").encode(speech[1]), pca.encode(speech[1]))
    vae.save(tmp_path / "vae.safetensors")
    again = SpeechVae.load(tmp_path / "vae.safetensors")
    vae.half().float()
    assert again.dim == 8 and torch.equal(again.encode(speech[1]), vae.encode(speech[1]))
    with pytest.raises(ValueError, match="expected weights of sonoscope-speech, found mel-pca-32"):
        SpeechVae.load(tmp_path / "pca.safetensors")
    with pytest.raises(ContractError):
        MelPca.load(tmp_path / "vae.safetensors")


def test_what_cannot_be_fitted_is_refused(speech):
    with pytest.raises(ValueError, match="at most 640"):
        MelPca.fit(speech, 641)
    with pytest.raises(ValueError, match="more than 600 frames"):
        MelPca.fit(speech, 600)
    with pytest.raises(ValueError, match="silent"):
        MelPca.fit([torch.zeros(1, 1, 96_000)], 4)
    with pytest.raises(ValueError, match="at most 32 dimensions"):
        MelPca.fit(speech, 32).truncated(33)


def test_the_vae_hears_no_future(vae):
    """Beyond the window that reaches half its length ahead, later audio changes no earlier latent, either way back."""
    audio = 0.1 * torch.randn(1, 1, 12 * 1920, generator=generator())
    changed = audio.clone()
    changed[..., 6 * 1920 :] = 0
    a, b = vae.encode(audio), vae.encode(changed)
    assert torch.allclose(a[:, :5], b[:, :5], atol=1e-5) and not torch.allclose(a[:, 6:], b[:, 6:], atol=1e-3)
    latents = torch.randn(1, 12, 8, generator=generator())
    other = latents.clone()
    other[:, 6:] = 0
    x, y = vae.spectra(latents), vae.spectra(other)
    assert torch.allclose(x[:, :48], y[:, :48], atol=1e-5) and not torch.allclose(x[:, 48:], y[:, 48:], atol=1e-3)


def test_collapse_is_seen():
    alive = torch.randn(4, 400, 6, generator=generator())
    found = examine(alive, torch.full_like(alive, -4.0))
    assert found.active_units == 6 and found.effective_rank == pytest.approx(6, abs=0.2)
    assert abs(found.lag1) < 0.05 and found.kl_per_frame > 6
    half = alive * torch.tensor([1, 1, 1, 1e-3, 1e-3, 1e-3])
    assert examine(half).active_units == 3 and examine(half).effective_rank == pytest.approx(3, abs=0.1)
    assert examine(alive.cumsum(1)).lag1 > 0.95
    assert examine(alive).kl_per_frame is None and "kl_per_frame" not in examine(alive).as_dict()
    with pytest.raises(ValueError, match="collapsed to a constant"):
        examine(torch.ones(2, 5, 3))


def test_divergence_is_torchs():
    mean, log_variance = torch.randn(2, 50, generator=generator()).unbind()
    p = torch.distributions.Normal(mean, torch.exp(log_variance / 2))
    expected = torch.distributions.kl_divergence(p, torch.distributions.Normal(0.0, 1.0))
    assert torch.allclose(kl_per_dimension(mean, log_variance), expected, atol=1e-6)


def test_crops_are_pieces_of_utterances():
    spectra = [torch.arange(n).float()[:, None] + 1000 * k for k, n in enumerate((5, 20, 60))]
    drawn = crops(spectra, 16, 300, generator())
    assert drawn.shape == (300, 16, 1)
    assert bool((drawn.diff(dim=1) == 1).all())
    share = (drawn[:, 0, 0] >= 2000).float().mean().item()
    assert share == pytest.approx(45 / 50, abs=0.06) and drawn.min() >= 1000
    with pytest.raises(ValueError, match="at least 99 mel frames"):
        crops(spectra, 99, 1, generator())


def test_training_learns_and_resumes_as_if_never_stopped(speech, tmp_path):
    front = SpeechVae(SpeechCodecGeometry())
    spectra = [front.mel.frames(clip, 8)[0] for clip in speech]

    def settings(steps):
        optimiser = Optimiser(
            steps=steps, batch=4, learning_rate=3e-3, warmup=0, checkpoint_every=20, final_learning_rate=1
        )
        return SpeechCodec(
            geometry=SpeechCodecGeometry(dim=8, width=24), optimiser=optimiser, crop=8, divergence_warmup=0
        )

    untrained = train_speech_codec(spectra, spectra, settings(1), tmp_path / "one.pt", 0)
    whole = train_speech_codec(spectra, spectra, settings(40), tmp_path / "whole.pt", 0)
    train_speech_codec(spectra, spectra, settings(20), tmp_path / "resumed.pt", 0)
    resumed = train_speech_codec(spectra, spectra, settings(40), tmp_path / "resumed.pt", 0)
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)
    components = MelPca.fit(speech, 8)
    before, after = (compare(c, components, spectra) for c in (untrained, whole))
    assert after.mel_r2.mean() > before.mel_r2.mean() + 0.05
    space = latent_space(whole, spectra)
    assert space.active_units >= 3
    rows = {r.name: r for r in scorecard_rows(after, space, ["a", "a", "b", "b"], 0)}
    r2, l1 = rows["world.speech.mel_r2"], rows["world.speech.mel_l1"]
    assert r2.value == pytest.approx(after.mel_r2.mean()) and r2.baseline == pytest.approx(after.pca_mel_r2.mean())
    assert l1.n == 2 and l1.met == (l1.value <= l1.target)
    assert rows["world.speech.active_units"].target == 4


def test_what_is_saved_is_what_was_measured(speech, tmp_path):
    settings = SpeechCodec(geometry=SpeechCodecGeometry(dim=8, width=16), optimiser=Optimiser(steps=2, batch=2), crop=4)
    spectra = [SpeechVae(settings.geometry).mel.frames(clip, 8)[0] for clip in speech]
    trained = train_speech_codec(spectra, spectra, settings, tmp_path / "checkpoint.pt", 0)
    trained.save(tmp_path / "codec.safetensors")
    assert torch.equal(SpeechVae.load(tmp_path / "codec.safetensors").encode(speech[0]), trained.encode(speech[0]))


def test_a_codec_that_begins_at_components_encodes_like_them(speech):
    vae = SpeechVae(SpeechCodecGeometry(dim=16, width=8))
    frames = torch.cat([vae.mel.frames(clip, 8)[0] for clip in speech])
    vae.requires_grad_(False)
    vae.start_from(frames)
    latents = vae.posterior(frames[None])[0][0]
    assert torch.allclose(latents.var(0, correction=0), torch.ones(16), atol=1e-3)
    rows = vae.standardise(frames).reshape(-1, 640)
    kept = torch.linalg.svdvals(rows - rows.mean(0)).square()
    left = (vae.standardise(vae.spectra(latents[None])[0]) - vae.standardise(frames)).square().sum().item()
    assert left == pytest.approx(float(kept[16:].sum()), rel=1e-3)
