import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonoscope.doctor.memory import MODELS, Geometry, need

# Counted by building the models without memory ("meta" device), text encoder and codec left out
COUNTED = {"musicgen-small": 420e6, "musicgen-medium": 1839e6, "musicgen-large": 3257e6}


@pytest.mark.parametrize(("name", "counted"), COUNTED.items())
def test_parameters_are_those_of_the_built_models(name, counted):
    assert MODELS[name].parameters == pytest.approx(counted, abs=1e6)


@pytest.mark.parametrize("melody", [False, True])
@pytest.mark.parametrize("channels", [1, 2])
def test_parameters_of_a_tiny_model_are_those_that_audiocraft_makes(melody, channels):
    from sonoscope.musicgen import compat

    compat.install()
    from audiocraft.models.lm import LMModel
    from audiocraft.modules.codebooks_patterns import DelayedPatternProvider
    from audiocraft.modules.conditioners import ConditionFuser, ConditioningProvider

    g = Geometry(2, 32, channels, melody)
    fuser = ConditionFuser({"cross": [], "prepend": ["description"], "sum": [], "input_interpolate": []})
    lm = LMModel(
        DelayedPatternProvider(g.codebooks),
        ConditioningProvider({}),
        fuser,
        n_q=g.codebooks,
        card=2048,
        dim=g.dim,
        num_heads=4,
        num_layers=g.layers,
        hidden_scale=4,
        norm_first=True,
        bias_proj=False,
        bias_ff=False,
        bias_attn=False,
        causal=True,
        cross_attention=not melody,
    )
    conditioning = 769 * g.dim + (13 * g.dim if melody else 0)
    assert g.parameters == sum(p.numel() for p in lm.parameters()) + conditioning


def test_need_of_small_in_half_precision_by_hand():
    small = need(MODELS["musicgen-small"], "fp16", "cuda")
    parameters = 24 * (16 * 1024**2 + 6 * 1024) + 2 * 1024 + 4 * 2049 * 1024 + 4 * 2048 * 1024 + 769 * 1024
    assert small.weights == 2 * parameters + 4 * 56_900_000 + 4 * 109_600_000
    assert small.cache == 2 * 2 * 24 * (1500 + 4 + 64) * 1024 * 2  # 308 MB
    assert small.activations == 2 * 1504 * (16 * 1024 * 2 + 2 * 4 * 2048 * 4)
    assert small.decoding == 6 * 960_000 * 64 * 4  # 1.47 GB
    assert small.of(1) == small.weights + 800_000_000 + small.cache + small.activations + small.decoding
    assert small.of(1) == pytest.approx(4.4e9, rel=0.02)


def test_large_fits_a_card_of_24_gigabytes_in_half_precision_and_small_one_of_8():
    assert need(MODELS["musicgen-large"], "fp16", "cuda").largest_batch(int(0.9 * 24e9)) >= 1
    assert need(MODELS["musicgen-small"], "fp16", "cuda").largest_batch(int(0.9 * 8e9)) >= 1
    assert need(MODELS["musicgen-large"], "fp32", "cuda").largest_batch(int(0.9 * 12e9)) == 0


@given(
    st.sampled_from(sorted(MODELS)),
    st.sampled_from(["fp16", "fp32"]),
    st.sampled_from(["cuda", "mps", "cpu"]),
    st.integers(0, 200_000_000_000),
)
def test_the_largest_batch_is_the_largest_that_fits(name, precision, place, available):
    needs = need(MODELS[name], precision, place)
    batch = needs.largest_batch(available)
    assert batch == 0 or needs.of(batch) <= available
    assert needs.of(batch + 1) > available


@given(st.sampled_from(sorted(MODELS)), st.sampled_from(["cuda", "mps", "cpu"]))
def test_longer_clips_and_finer_numbers_need_more(name, place):
    short, long = (need(MODELS[name], "fp16", place, seconds).of(2) for seconds in (10, 30))
    assert short <= long < need(MODELS[name], "fp32", place, 30).of(2)
