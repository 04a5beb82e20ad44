import numpy as np
import pandas as pd
import pytest
import torch
from toy_codec import RATE, toy_codec

from sonoscope.audio.files import write_audio
from sonoscope.codecs.bottleneck import BottleneckVae, CodecFront, MelFront
from sonoscope.codecs.neural import CodecError
from sonoscope.codecs.teachers import MelTeacher
from sonoscope.settings.bottlenecks import BetaVae, VaeGan, Variant
from sonoscope.train.bottleneck import (
    Predictor,
    SpeechCrops,
    divergence,
    first_utterances,
    predictability,
    reconstruction_loss,
    smoothness,
    train_variant,
)
from sonoscope.train.discriminators import MultiScale, adversarial_loss, discriminator_loss, feature_loss
from sonoscope.train.vaegan import balance, train_vaegan


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Four utterances of two speakers, tones with noise, 1 to 2 s at 8 kHz."""
    folder = tmp_path_factory.mktemp("corpus")
    rng = np.random.default_rng(0)
    rows = []
    for i in range(4):
        seconds = 1.0 + 0.3 * i
        t = np.arange(int(seconds * RATE)) / RATE
        sound = 0.2 * np.sin(2 * np.pi * (200 + 100 * i) * t) * (1 + np.sin(9 * t)) + 0.02 * rng.standard_normal(len(t))
        write_audio(folder / f"{i}.wav", sound.astype(np.float32), RATE)
        rows.append({"file": f"{i}.wav", "speaker_id": f"s{i % 2}", "seconds": seconds})
    return folder, pd.DataFrame(rows)


def test_crops_are_of_one_length_and_follow_their_generator(corpus):
    crops = SpeechCrops(corpus[1], corpus[0], RATE, 1.0)
    a, b = crops.draw(3, generator()), crops.draw(3, generator())
    assert a.shape == (3, 1, RATE) and torch.equal(a, b)
    assert SpeechCrops(corpus[1], corpus[0], 16_000, 1.0).draw(1, generator()).shape == (1, 1, 16_000)
    assert SpeechCrops(corpus[1], corpus[0], RATE, 5.0).draw(1, generator()).shape == (1, 1, 5 * RATE)


def test_first_utterances_take_speakers_in_turn(corpus):
    assert list(first_utterances(corpus[1], 2).speaker_id) == ["s0", "s1"]
    assert len(first_utterances(corpus[1], None)) == 4


def test_relative_losses_do_not_see_the_size_of_the_latents():
    z = torch.randn(2, 30, 4, generator=generator()).cumsum(1)
    torch.manual_seed(0)
    predictor = Predictor(3, 4)
    for loss in (smoothness(z, True), smoothness(0.01 * z, True)):
        assert float(loss) == pytest.approx(float(smoothness(z, True)), rel=1e-4)
    assert float(smoothness(0.01 * z, False)) < 1e-3 * float(smoothness(z, False))
    constant = torch.zeros(1)
    with torch.no_grad():
        for p in predictor.parameters():
            p.zero_()
    assert float(predictability(predictor, z, True)) == pytest.approx(1.0)  # predicting nothing
    assert float(constant) == 0


def test_predictor_sees_only_frames_before_its_target():
    predictor = Predictor(3, 2)
    z = torch.randn(1, 8, 2, generator=generator())
    other = z.clone()
    other[:, 5:] += 10
    assert torch.allclose(predictor(z)[0][:, :3], predictor(other)[0][:, :3])
    assert torch.allclose(predictor(z)[1][:, 0], z[:, 3] - z[:, 2])


def test_published_divergence_is_a_sum_and_ours_a_mean_with_free_nats():
    mean, spread = torch.ones(2, 5, 3), torch.zeros(2, 5, 3)  # half a nat each
    assert float(divergence(mean, spread, "published", 0.0)) == pytest.approx(0.5 * 15)
    assert float(divergence(mean, spread, "mean", 0.1)) == pytest.approx(0.5)
    assert float(divergence(0 * mean, spread, "mean", 0.1)) == pytest.approx(0.1)


def test_reconstruction_loss_is_zero_for_the_same_sound():
    x = torch.randn(2, 1, 4000, generator=generator())
    assert float(reconstruction_loss(x, x, (256, 512))) == 0
    assert float(reconstruction_loss(0.5 * x, x, (256, 512))) > 0.1


def test_variant_is_trained_and_stays_alive(corpus, tmp_path):
    crops = SpeechCrops(corpus[1], corpus[0], 24_000, 1.0)
    settings = BetaVae(
        latent_dim=4, hidden=8, max_steps=6, batch=2, segment=1.0, predictor_window=3,
        variants={"betavae_smooth_pred": Variant(smooth=0.1, pred=0.1)},
    )  # fmt: skip
    front = MelFront(12.5)
    vae = train_variant(front, crops, crops, "betavae_smooth_pred", settings, tmp_path / "c.pt", 0)
    latents = vae.encode(crops.draw(2, generator()))
    assert latents.shape == (2, 13, 4) and float(latents.var((0, 1)).min()) > 0.01
    assert not (tmp_path / "c.pt").exists() and vae.name == "betavae_smooth_pred"
    again = train_variant(front, crops, crops, "betavae_smooth_pred", settings, tmp_path / "c.pt", 0)
    assert torch.equal(again.analysis.weight, vae.analysis.weight)


def test_losses_of_the_discriminators():
    torch.manual_seed(0)
    judge = MultiScale((256, 512), 2)
    x = torch.randn(2, 1, 2000, generator=generator())
    real, made = judge(x), judge(0.3 * x)
    assert len(real) == 2 and float(feature_loss(real, real)) == 0 and float(feature_loss(real, made)) > 0
    sure = [(torch.full((1, 1), 5.0), []), (torch.full((1, 1), 5.0), [])]
    no = [(-logits, seen) for logits, seen in sure]
    assert float(discriminator_loss(sure, no)) == 0 and float(adversarial_loss(sure)) == 0
    assert float(adversarial_loss(no)) == 6


def test_balance_makes_gradients_equally_large():
    made = torch.randn(1, 1, 50, generator=generator(), requires_grad=True)
    a, b = (made**2).sum(), 7 * (made**3).sum()
    scale = balance(a, b, made)
    sizes = [torch.autograd.grad(loss, made, retain_graph=True)[0].norm() for loss in (a, scale * b)]
    assert float(sizes[0]) == pytest.approx(float(sizes[1]), rel=1e-4)


def vaegan_settings(**more):
    base = VaeGan(
        codec="toy", latent_dim=5, hidden=8, max_steps=6, batch=2, segment=0.64, windows=(128, 256), channels=2,
        gan_from=0.3, kl_from=0.1, distill_from=0.1, deterministic=0.2, pred_weight=0.1,
    )  # fmt: skip
    return base.model_copy(update=more)


def test_vaegan_trains_its_decoder_and_leaves_its_encoder(corpus, tmp_path):
    crops = SpeechCrops(corpus[1], corpus[0], RATE, 0.64)
    front = CodecFront(toy_codec(), 12.5)
    before = {k: v.clone() for k, v in front.codec._model.state_dict().items()}
    vae, history = train_vaegan(front, crops, crops, vaegan_settings(), MelTeacher(RATE), tmp_path / "c.pt", 0)
    after = front.codec._model.state_dict()
    assert torch.equal(before["encoder.weight"], after["encoder.weight"])
    assert not torch.equal(before["decoder.weight"], after["decoder.weight"])
    last = history[-1]
    assert {"reconstruction", "divergence", "distillation", "adversarial", "features", "discriminator", "pred"} <= set(
        last
    )
    assert last["active_units"] == 5
    assert vae.encode(crops.draw(1, generator())).shape == (1, 8, 5)


def test_vaegan_refuses_what_cannot_be_trained(corpus, tmp_path):
    crops = SpeechCrops(corpus[1], corpus[0], RATE, 0.64)
    with pytest.raises(CodecError, match="same for all speech"):
        train_vaegan(
            CodecFront(toy_codec(dead=True), 12.5), crops, crops, vaegan_settings(), None, tmp_path / "c.pt", 0
        )
    assert isinstance(BottleneckVae(MelFront(12.5), 2, 4), BottleneckVae)
    with pytest.raises(CodecError, match="decoder to train"):
        train_vaegan(MelFront(12.5), crops, crops, vaegan_settings(), None, tmp_path / "c.pt", 0)
