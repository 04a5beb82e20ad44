import pytest
import torch

from sonoscope.musicgen.interface import LayerError, Sampling
from sonoscope.musicgen.steering import captured

PROMPTS = ["a repeated C on flute", "a taiko at 90 bpm", None]
SEEDS = [3, 4, 5]


@pytest.fixture(scope="module")
def tokens(model):
    return model.generate(PROMPTS, SEEDS, 0.5)


def test_geometry(model, tokens):
    assert (model.num_layers, model.dim, model.num_codebooks, model.cardinality) == (3, 32, 4, 64)
    assert model.frame_rate == model.sample_rate / 320 == 50
    assert tokens.shape == (3, 4, 25)
    assert int(tokens.min()) >= 0
    assert int(tokens.max()) < model.cardinality
    assert model.decode(tokens).shape == (3, 1, 25 * 320)


def test_same_seed_same_tokens_whatever_the_batch(model, tokens):
    for row in range(3):
        alone = model.generate(PROMPTS[row : row + 1], SEEDS[row : row + 1], 0.5)
        assert torch.equal(alone[0], tokens[row])
    assert not torch.equal(model.generate(PROMPTS[:1], [99], 0.5)[0], tokens[0])


def test_clips_get_longer_without_changing_their_beginning(model, tokens):
    longer = model.generate(PROMPTS, SEEDS, 0.8)
    # the last three frames of the shorter clip are cut off by the delay pattern's end
    assert torch.equal(longer[:, :, :22], tokens[:, :, :22])


def test_replay_equals_generation(model):
    """Hidden states of a teacher-forced replay are those that generation had, to floating-point noise."""
    layers = range(model.num_layers)
    with captured(model.blocks, layers) as store:
        tokens = model.generate(PROMPTS[:1], [7], 0.5)
    replayed = model.hidden_states(tokens, PROMPTS[:1], layers)  # [1, L, S, D]
    for layer in layers:
        live = torch.cat(store[layer], dim=1)[:1]  # conditional rows of the guidance batch
        positions = replayed.shape[2]
        assert torch.allclose(live[:, :positions], replayed[:, layer], atol=1e-4)


def test_null_rows_of_generation_equal_replay_under_no_prompt(model):
    with captured(model.blocks, [1]) as store:
        tokens = model.generate(PROMPTS[:1], [7], 0.3)
    replayed = model.hidden_states(tokens, [None], [1])
    live = torch.cat(store[0], dim=1)[1:]
    assert torch.allclose(live[:, : replayed.shape[2]], replayed[:, 0], atol=1e-4)


def test_hidden_states_are_block_outputs(model, tokens):
    with captured(model.blocks, [2]) as store:
        states = model.hidden_states(tokens[:1], PROMPTS[:1], [0, 2])
    assert torch.equal(states[:, 1], store[0][0])


def test_hidden_states_do_not_depend_on_the_batch(model, tokens):
    together = model.hidden_states(tokens, PROMPTS, [0, 1, 2])
    for row in range(3):
        alone = model.hidden_states(tokens[row : row + 1], PROMPTS[row : row + 1], [0, 1, 2])
        assert torch.allclose(together[row], alone[0], atol=1e-5)


def test_replay_is_causal(model, tokens):
    changed = tokens.clone()
    changed[:, :, 20:] = (changed[:, :, 20:] + 1) % model.cardinality
    before, after = (model.hidden_states(t, PROMPTS, [2])[:, 0] for t in (tokens, changed))
    assert torch.allclose(before[:, :21], after[:, :21], atol=1e-5)  # position s has read frames below s
    assert not torch.allclose(before[:, 21], after[:, 21], atol=1e-5)


def test_nll_is_the_mean_over_predicted_tokens(model, tokens):
    found = model.nll(tokens, PROMPTS)
    assert found.shape == (3,)
    assert torch.isfinite(found).all()
    alone = model.nll(tokens[1:2], PROMPTS[1:2])
    assert torch.allclose(alone, found[1:2], atol=1e-5)
    with torch.no_grad():
        from sonoscope.musicgen.craft import ConditioningAttributes

        out = model.lm.compute_predictions(tokens[:1], [ConditioningAttributes(text={"description": PROMPTS[0]})])
    mask = out.mask[0].expand(4, 25)
    by_hand = torch.nn.functional.cross_entropy(out.logits[0][mask], tokens[0][mask])
    assert torch.allclose(found[0], by_hand, atol=1e-5)


def test_greedy_needs_no_seed(model):
    greedy = Sampling(top_k=1)
    assert torch.equal(model.generate(PROMPTS[:1], [0], 0.3, greedy), model.generate(PROMPTS[:1], [1], 0.3, greedy))


def test_guidance_changes_tokens(model):
    one, many = (model.generate(PROMPTS[:1], [0], 0.4, Sampling(guidance=g)) for g in (1.0, 8.0))
    assert not torch.equal(one, many)


def test_unknown_layer_says_how_many_there_are(model, tokens):
    with pytest.raises(LayerError, match="random has 3 layers, 0 to 2; got 3"):
        model.hidden_states(tokens, PROMPTS, [0, 3])


def test_too_long_a_clip_is_refused(model):
    with pytest.raises(ValueError, match="at most 30 s"):
        model.generate(["a piece"], [0], 31.0)


def test_one_seed_per_prompt(model):
    with pytest.raises(ValueError, match="one seed per prompt"):
        model.generate(PROMPTS, [0], 0.3)


def test_a_codec_takes_many_clips_as_it_takes_few(model):
    audio = torch.randn(6, 1, 3200, generator=torch.Generator().manual_seed(0)) * 0.1
    together = model.encode(audio)
    assert torch.equal(together, torch.cat([model.encode(clip[None]) for clip in audio]))
    sound = model.decode(together)
    assert sound.shape[0] == 6
    torch.testing.assert_close(sound[5:], model.decode(together[5:]))
