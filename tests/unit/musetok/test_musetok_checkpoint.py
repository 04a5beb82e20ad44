import pickle
from pathlib import Path

import pytest
import torch
from published import shapes, small

from sonoscope.musetok import vocabulary as v
from sonoscope.musetok.checkpoint import (
    CheckpointError,
    check_dictionary,
    geometry_of,
    load_folder,
    read_published,
    rename,
    save_folder,
)
from sonoscope.musetok.loading import load_musetok
from sonoscope.musetok.model import MuseTok, initialise
from sonoscope.settings.musetok import PUBLISHED_GEOMETRY, Geometry

HERE = Path("model.pt")
SMALL = Geometry(
    dim=16, heads=2, dim_feedforward=32, encoder_layers=3, decoder_layers=3, dim_latent=8, codebooks=4, codes=20,
    decoder_bars=16, dropout=0.1,
)  # fmt: skip


def saved(path, content):
    torch.save(content, path)
    return path


def test_published_shapes_are_recognised():
    published = {name: torch.empty(shape, device="meta") for name, shape in shapes().items()}
    assert len(published) == 339
    ours = rename(published, HERE)
    assert geometry_of(ours, 8, 16, HERE) == PUBLISHED_GEOMETRY
    with torch.device("meta"):
        model = MuseTok(PUBLISHED_GEOMETRY)
    assert {n: t.shape for n, t in model.state_dict().items()} == {n: t.shape for n, t in ours.items()}
    template = sum(t.numel() for n, t in published.items() if n.startswith("encoder.tr_encoder_layer."))
    assert sum(p.numel() for p in model.parameters()) + template == 79_375_144


@pytest.mark.parametrize("wrap", [dict, lambda state: {"model_state_dict": state}])
def test_a_checkpoint_of_the_published_form_is_read(tmp_path, wrap):
    state = small()
    model = read_published(saved(tmp_path / "model.pt", wrap(state)), heads=2)
    assert model.geometry == SMALL
    assert not model.training
    assert torch.equal(model.encoder[2].linear1.weight, state["encoder.tr_encoder.layers.2.linear1.weight"])
    assert torch.equal(model.decoder[1].norm2.bias, state["decoder.decoder_layers.1.norm2.bias"])
    assert torch.equal(model.quantiser.levels[3].codebook(), small_codebook(state, 3))
    assert torch.equal(model.from_latent.weight, state["decoder.seg_emb_proj.weight"])


def small_codebook(state, level):
    prefix = f"residual_sim_vq.layers.{level}"
    return state[f"{prefix}.frozen_codebook"] @ state[f"{prefix}.code_transform.weight"].T


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"tokens": 210}, "variant with velocities"),
        ({"tokens": 100}, "expected 168 embeddings, one per token, found 100"),
        ({"feedforward": 30}, None),
    ],
)
def test_other_sizes(tmp_path, change, says):
    path = saved(tmp_path / "model.pt", small(**change))
    if says is None:
        assert read_published(path, heads=2).geometry.dim_feedforward == 30
        return
    with pytest.raises(CheckpointError, match=says):
        read_published(path, heads=2)


def without(state, *names):
    return {n: t for n, t in state.items() if not n.startswith(names)}


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda s: without(s, "token_emb"), "missing or misshapen"),
        (lambda s: without(s, "residual_sim_vq.layers.1."), "without gaps, found"),
        (lambda s: without(s, "decoder.decoder_layers"), "without gaps"),
        (lambda s: without(s, "decoder.decoder_layers.1.norm1"), "do not fit one shape"),
        (lambda s: s | {"residual_vq.layers.0.x": torch.zeros(1)}, "only models with ResidualSimVQ"),
        (lambda s: s | {"dec_out_proj.bias": torch.zeros(9)}, "do not fit one shape"),
        (lambda s: [1, 2], "expected a state dict, found list"),
        (lambda s: {"epoch": 3}, "expected a state dict"),
    ],
)
def test_damage_is_named(tmp_path, damage, says):
    path = saved(tmp_path / "model.pt", damage(small()))
    with pytest.raises(CheckpointError, match=says) as caught:
        read_published(path, heads=2)
    assert str(path) in str(caught.value)


class Evil:
    def __reduce__(self):
        return (Path.touch, (Path("/tmp/must-not-exist-musetok"),))


@pytest.mark.parametrize(
    "write", [lambda p: torch.save({"w": Evil()}, p), lambda p: p.write_bytes(b"\x80\x04nonsense")]
)
def test_code_and_nonsense_are_refused(tmp_path, write):
    write(tmp_path / "model.pt")
    with pytest.raises(CheckpointError, match="expected tensors and plain containers only"):
        read_published(tmp_path / "model.pt")
    assert not Path("/tmp/must-not-exist-musetok").exists()


def test_the_published_dictionary_is_only_compared(tmp_path):
    path = tmp_path / "dictionary.pkl"
    path.write_bytes(pickle.dumps((v.IDS, dict(enumerate(v.NAMES))), protocol=pickle.HIGHEST_PROTOCOL))
    check_dictionary(path)
    path.write_bytes(pickle.dumps((v.IDS | {"Note_Pitch_60": 0}, {})))
    with pytest.raises(CheckpointError, match="1 tokens differ from MuseTok's, such as Note_Pitch_60"):
        check_dictionary(path)
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(CheckpointError, match="which a dictionary of tokens has no use for"):
        check_dictionary(path)
    for content in (b"", b"garbage", pickle.dumps([1])):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match="expected"):
            check_dictionary(path)


def test_our_folder_goes_round(tmp_path):
    model = initialise(MuseTok(SMALL), 3).eval()
    save_folder(tmp_path, model)
    back = load_folder(tmp_path)
    assert back.geometry == SMALL
    for name, tensor in model.state_dict().items():
        assert torch.equal(back.state_dict()[name], tensor.half().float()), name
    loaded, revision = load_musetok(tmp_path / "model.safetensors")
    assert loaded.geometry == SMALL
    assert len(revision) == 12
    (tmp_path / "model.safetensors").write_bytes(b"short")
    with pytest.raises(CheckpointError, match=r"expected config\.json and model\.safetensors"):
        load_folder(tmp_path)
