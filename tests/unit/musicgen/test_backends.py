import json
import shutil

import pytest
import torch

from sonoscope.musicgen.checkpoint import read_package, save_folder
from sonoscope.musicgen.conversion import convert_folder
from sonoscope.musicgen.delay import delay, is_token, undelay
from sonoscope.musicgen.geometry import codec_config, lm_config
from sonoscope.musicgen.interface import Injection, LayerError, Sampling
from sonoscope.musicgen.lm_conversion import ConversionError
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.musicgen.random_model import LANGUAGE_MODEL
from sonoscope.musicgen.steering import captured
from sonoscope.musicgen.transformers_backend import load_transformers
from sonoscope.settings.geometry import CodecGeometry
from sonoscope.settings.musicgen import MusicGen
from sonoscope.train.codec import build_codec

PROMPTS = ["a repeated C on flute", "a taiko at 90 bpm", None]
SEEDS = [3, 4, 5]
GREEDY = Sampling(top_k=1)


@pytest.fixture(scope="module")
def converted(folder, tmp_path_factory):
    """The random model in transformers' layout. Not to be changed."""
    path = tmp_path_factory.mktemp("converted")
    convert_folder(folder, path)
    return path


@pytest.fixture(scope="module")
def other(converted):
    return load_transformers(converted, "random")


@pytest.fixture(scope="module")
def tokens(model):
    return model.generate(PROMPTS, SEEDS, 0.5)


def close(a, b):
    return float((a - b).abs().max()) < 1e-4


def test_geometry_is_the_same(model, other):
    for name in ("sample_rate", "frame_rate", "num_codebooks", "cardinality", "num_layers", "dim", "max_seconds"):
        assert getattr(model, name) == getattr(other, name), name


def test_logits_are_equal(model, other, tokens):
    found = other.logits(tokens, PROMPTS)
    assert close(found, model.logits(tokens, PROMPTS))
    frames = tokens.shape[-1]
    for rows, conditions in model._by_text_length(PROMPTS):
        with torch.no_grad():
            wanted = model.lm.compute_predictions(tokens[rows], [], condition_tensors=conditions)
        for k in range(4):  # frame t of codebook k is predicted at position t + k
            there = wanted.mask[0, k]
            assert close(found[rows][:, k, k : k + frames][:, there[: frames + 1 - k]], wanted.logits[:, k][:, there])


def test_greedy_tokens_are_equal_over_200_steps(model, other):
    ours, theirs = (m.generate(PROMPTS, SEEDS, 4.0, GREEDY) for m in (model, other))
    assert ours.shape[-1] == 200
    assert torch.equal(ours, theirs)


def test_sampled_tokens_are_equal_for_equal_seeds(other, tokens):
    assert torch.equal(other.generate(PROMPTS, SEEDS, 0.5), tokens)


def test_hidden_states_of_every_layer_are_equal(model, other, tokens):
    layers = range(model.num_layers)
    assert close(model.hidden_states(tokens, PROMPTS, layers), other.hidden_states(tokens, PROMPTS, layers))


def test_layers_are_those_of_the_librarys_own_list(other, tokens):
    """Entry i + 1 of transformers' list is the output of block i; its last one has been normalised after that."""
    columns = delay(tokens[:1], other.special)[..., : tokens.shape[-1] + 1]
    ((_, condition),) = other._by_text_length([None])
    decoder = other.model.decoder
    listed = decoder(
        input_ids=columns.flatten(0, 1), encoder_hidden_states=condition, output_hidden_states=True, use_cache=False
    ).hidden_states
    ours = other.hidden_states(tokens[:1], [None], range(other.num_layers))
    assert len(listed) == other.num_layers + 1
    assert all(close(listed[layer + 1], ours[:, layer]) for layer in range(other.num_layers - 1))
    assert not close(listed[-1], ours[:, -1])
    assert close(listed[-1], decoder.model.decoder.layer_norm(ours[:, -1]))


def test_nll_is_equal(model, other, tokens):
    assert close(model.nll(tokens, PROMPTS), other.nll(tokens, PROMPTS))


@pytest.mark.parametrize("branch", ["both", "cond", "null"])
def test_steering_is_equal(model, other, tokens, branch):
    delta = 8 * torch.randn(3, 2, 32, generator=torch.Generator().manual_seed(0))
    gate = torch.rand(3, 29, generator=torch.Generator().manual_seed(1)) < 0.5
    injection = Injection((0, 2), delta, torch.linspace(0.2, 1, 29), gate, branch)
    before = [list(block._forward_hooks) for block in other.blocks]  # transformers leaves some of its own
    ours, theirs = (m.generate(PROMPTS, SEEDS, 0.5, injection=injection) for m in (model, other))
    assert torch.equal(ours, theirs)
    assert not torch.equal(ours, tokens)
    assert [list(block._forward_hooks) for block in other.blocks] == before


def test_codes_and_audio_are_equal(model, other):
    audio = 0.2 * torch.randn(2, 1, 8000, generator=torch.Generator().manual_seed(0))
    codes = model.encode(audio)
    assert torch.equal(codes, other.encode(audio))
    assert close(model.decode(codes), other.decode(codes))


def test_generation_visits_each_step_once_and_equals_replay(other):
    with captured(other.blocks, [2]) as store:
        tokens = other.generate(PROMPTS[:1], [7], 0.5)
    assert [call.shape[:2] for call in store[0]] == [(2, 1)] * (25 + 3)
    live = torch.cat(store[0], dim=1)
    for row, prompt in ((0, PROMPTS[0]), (1, None)):
        replayed = other.hidden_states(tokens, [prompt], [2])[:, 0]
        assert torch.allclose(live[row : row + 1, :26], replayed, atol=1e-4)


def test_rows_do_not_depend_on_their_batch(other, tokens):
    for row in range(3):
        alone = other.generate(PROMPTS[row : row + 1], SEEDS[row : row + 1], 0.5)
        assert torch.equal(alone[0], tokens[row])


def test_what_is_refused(other, tokens):
    with pytest.raises(LayerError, match="random has 3 layers"):
        other.hidden_states(tokens, PROMPTS, [3])
    with pytest.raises(ValueError, match="one seed per prompt"):
        other.generate(PROMPTS, [0], 0.3)
    with pytest.raises(ValueError, match="at most 30 s"):
        other.generate(["a piece"], [0], 31.0)


@pytest.mark.parametrize("shape", [{"lstm_layers": 2}, {"filters": 4, "ratios": (4, 4), "lstm_layers": 1}])
def test_codecs_of_other_shapes(model, folder, tmp_path, shape):
    """Recurrent layers and other strides, beside the session's codec without recurrent layers."""
    geometry = CodecGeometry(dim=16, cardinality=64, **{"filters": 2, **shape})
    codec = build_codec(geometry, 1).eval()
    with torch.no_grad():
        for parameter in codec.parameters():
            parameter.copy_(parameter.half())
    # k-means is the only thing that spreads codebooks of a random codec; any spread will do here
    for layer in codec.quantizer.vq.layers:
        layer._codebook.embed.copy_(torch.randn_like(layer._codebook.embed).half() / 30)
    shutil.copytree(folder / "text_encoder", tmp_path / "a" / "text_encoder")
    config = lm_config(LANGUAGE_MODEL, geometry.sample_rate, "text_encoder")
    save_folder(tmp_path / "a", codec, codec_config(geometry), model.lm, config)
    convert_folder(tmp_path / "a", tmp_path / "b")
    other = load_transformers(tmp_path / "b", "other")
    audio = 0.2 * torch.randn(1, 1, 6001, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        codes = codec.encode(audio)[0]
        assert torch.equal(codes, other.encode(audio))
        assert len(codes.unique()) > 8
        assert close(codec.decode(codes), other.decode(codes))


def edited(folder, destination, file, change):
    copy = shutil.copytree(folder, destination)
    package = read_package(copy / file)
    change(package)
    torch.save(package, copy / file)
    return copy


@pytest.mark.parametrize(
    ("file", "weight"),
    [
        ("state_dict.bin", "transformer.layers.1.linear1.weight"),
        ("compression_state_dict.bin", "quantizer.vq.layers.0._codebook.embed"),
    ],
)
def test_weights_of_another_shape_are_refused(folder, tmp_path, file, weight):
    def shorten(package):
        package["best_state"][weight] = package["best_state"][weight][:-1].clone()

    with pytest.raises(ConversionError, match=rf"{file}: expected shape .* found"):
        convert_folder(edited(folder, tmp_path / "copy", file, shorten), tmp_path / "out")
    assert not (tmp_path / "out" / "config.json").exists()


def test_missing_and_unknown_weights_are_named(folder, tmp_path):
    missing = edited(folder, tmp_path / "a", "state_dict.bin", lambda p: p["best_state"].pop("out_norm.bias"))
    with pytest.raises(ConversionError, match=r"layer_norm\.bias"):
        convert_folder(missing, tmp_path / "out")
    extra = edited(folder, tmp_path / "b", "state_dict.bin", lambda p: p["best_state"].update(novel=torch.ones(1)))
    with pytest.raises(ConversionError, match="novel has no counterpart"):
        convert_folder(extra, tmp_path / "out")


@pytest.mark.parametrize(
    ("file", "old", "new", "reason"),
    [
        ("state_dict.bin", "positional_embedding: sin", "positional_embedding: rope", "positional_embedding = 'sin'"),
        ("state_dict.bin", "- 1\n    - 2\n    - 3", "- 2\n    - 4\n    - 6", "expected delays"),
        ("compression_state_dict.bin", "norm: weight_norm", "norm: layer_norm", "seanet.norm"),
        ("compression_state_dict.bin", "activation: ELU", "activation: SiLU", "seanet.activation = 'ELU'"),
        ("compression_state_dict.bin", "renormalize: false", "renormalize: true", "encodec.renormalize = False"),
    ],
)
def test_what_transformers_cannot_express_is_said(folder, tmp_path, file, old, new, reason):
    def change(package):
        assert old in package["xp.cfg"]
        package["xp.cfg"] = package["xp.cfg"].replace(old, new)

    with pytest.raises(ConversionError, match=reason):
        convert_folder(edited(folder, tmp_path / "copy", file, change), tmp_path / "out")


def test_other_kinds_of_model_are_refused(converted, tmp_path):
    copy = shutil.copytree(converted, tmp_path / "copy")
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "model_type": "musicgen_melody"}))
    with pytest.raises(ConversionError, match="musicgen_melody"):
        load_transformers(copy, "melody")
    config["decoder"]["audio_channels"] = 2
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(ConversionError, match="mono"):
        load_transformers(copy, "stereo")


def test_the_layout_of_the_folder_chooses_the_backend(folder, converted):
    assert type(load_musicgen(folder / "state_dict.bin", "a")).__name__ == "AudiocraftMusicGen"
    assert type(load_musicgen(converted / "config.json", "b")).__name__ == "TransformersMusicGen"


def test_settings_name_the_file_of_the_backend(tmp_path):
    places = tmp_path / "shipped", tmp_path / "results", tmp_path / "downloads"
    assert MusicGen().file("random", *places).endswith("results/models/random/state_dict.bin")
    theirs = MusicGen(name="musicgen-small", backend="transformers")
    for name in ("random", "sonoscope-musicgen"):
        assert theirs.file(name, *places).endswith(f"results/models/transformers/{name}/config.json")
    assert theirs.file("musicgen-small", *places).endswith("downloads/models/musicgen-small/fetched.json")
    fetched = tmp_path / "downloads" / "models" / "musicgen-small"
    fetched.mkdir(parents=True)
    (fetched / "state_dict.bin").touch()  # fetched in audiocraft's layout
    assert theirs.file("musicgen-small", *places).endswith("transformers/musicgen-small/config.json")


def test_delay_and_back():
    tokens = torch.arange(2 * 3 * 5).view(2, 3, 5)
    sequence = delay(tokens, 99)
    assert sequence[0].tolist() == [
        [99, 0, 1, 2, 3, 4, 99, 99],
        [99, 99, 5, 6, 7, 8, 9, 99],
        [99, 99, 99, 10, 11, 12, 13, 14],
    ]
    assert torch.equal(undelay(sequence), tokens)
    assert torch.equal(is_token(3, 5), sequence[0] != 99)


def test_greedy_audio_is_that_of_the_librarys_own_loop(other):
    """An oracle: ``MusicgenForConditionalGeneration.generate`` on the same folder."""
    frames = 25
    words = other.tokenizer(PROMPTS[:1], return_tensors="pt")
    theirs = other.model.generate(**words, do_sample=False, guidance_scale=3.0, max_new_tokens=frames + 3)
    ours = other.decode(other.generate(PROMPTS[:1], [0], frames / other.frame_rate, GREEDY))
    assert theirs.shape == ours.shape
    assert close(theirs, ours)
