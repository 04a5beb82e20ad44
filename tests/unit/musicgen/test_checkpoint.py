import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from sonoscope.musicgen.checkpoint import CheckpointError, load_folder, read_package
from sonoscope.musicgen.craft import ConditioningAttributes, builders
from sonoscope.musicgen.random_model import build_random_musicgen

ROOT = Path(__file__).resolve().parents[3]


def test_audiocraft_loads_the_folder_itself(folder, model, monkeypatch):
    """``MusicGen.get_pretrained`` on the folder gives the same codec and language model."""
    from audiocraft.models import MusicGen

    # a checkpoint names its text encoder by a path that audiocraft resolves from the working directory
    monkeypatch.chdir(folder)
    from sonoscope.musicgen.checkpoint import register_text_encoder

    register_text_encoder("text_encoder", 64)
    theirs = MusicGen.get_pretrained(str(folder), device="cpu")
    tokens = torch.randint(0, 64, (2, 4, 10))
    texts = [ConditioningAttributes(text={"description": "a repeated C on flute"})] * 2
    with torch.no_grad():
        ours, other = (lm.compute_predictions(tokens, texts).logits for lm in (model.lm, theirs.lm))
    assert torch.equal(ours.nan_to_num(), other.nan_to_num())
    assert torch.equal(model.decode(tokens), theirs.compression_model.decode(tokens, None))


def test_revision_follows_the_weights(folder, model, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    assert load_folder(copy, "copy").revision == model.revision
    package = torch.load(copy / "state_dict.bin", weights_only=True)
    next(iter(package["best_state"].values())).add_(1)
    torch.save(package, copy / "state_dict.bin")
    assert load_folder(copy, "copy").revision != model.revision


def test_weights_are_stored_in_half_precision(folder):
    states = read_package(folder / "state_dict.bin")["best_state"]
    assert {v.dtype for v in states.values() if v.is_floating_point()} == {torch.float16}


def test_missing_folder_says_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match="fetch_models"):
        load_folder(tmp_path, "musicgen-large")


class Evil:
    def __reduce__(self):
        return (Path.touch, (Path("evil"),))


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", pickle.dumps({"a": 1}), pickle.dumps(Evil())])
def test_damaged_or_unsafe_files_are_refused(folder, tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "state_dict.bin").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"state_dict\.bin"):
        load_folder(copy, "copy")
    assert not Path("evil").exists()


def test_truncated_file_is_refused(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    whole = (copy / "compression_state_dict.bin").read_bytes()
    (copy / "compression_state_dict.bin").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match=r"compression_state_dict\.bin"):
        load_folder(copy, "copy")


def test_a_file_of_other_content_is_refused(tmp_path):
    torch.save([1, 2, 3], tmp_path / "state_dict.bin")
    with pytest.raises(CheckpointError, match=r"best_state, xp\.cfg"):
        read_package(tmp_path / "state_dict.bin")


def test_published_geometry_can_be_built():
    """The loader's builders take MusicGen-small's own shape (on the meta device, without memory)."""
    from sonoscope.musicgen.geometry import lm_config
    from sonoscope.settings.geometry import LanguageModelGeometry

    small = LanguageModelGeometry(dim=1024, heads=16, layers=24, codebook_cardinality=2048)
    config = lm_config(small, 32000, "t5-base")
    config.conditioners = {}
    config.fuser.cross = []
    config.device = "meta"
    with torch.device("meta"):
        lm = builders.get_lm_model(config)
    assert len(lm.transformer.layers) == 24
    # without text: 4 d^2 attention and 8 d^2 feed-forward per layer, two norms, embeddings and heads
    assert sum(p.numel() for p in lm.parameters()) == pytest.approx(24 * 12 * 1024**2 + 2 * 4 * 2048 * 1024, rel=0.01)


def test_import_works_without_the_optional_packages():
    code = "import sonoscope.musicgen.craft as c, sys; print(c.version, 'torchaudio' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT / "workflow_scripts", check=True
    )
    assert done.stdout.split()[0] == "1.3.0"


def test_a_fetched_folder_loads_by_its_record(folder, model, tmp_path):
    from sonoscope.musicgen.loading import load_musicgen

    copy = shutil.copytree(folder, tmp_path / "copy")
    with pytest.raises(FileNotFoundError, match="fetch the model again"):
        load_musicgen(tmp_path / "fetched.json", "empty")
    assert load_musicgen(copy / "fetched.json", "copy").revision == model.revision


def test_unknown_models_are_named_in_one_sentence():
    from sonoscope.settings.musicgen import MusicGen

    with pytest.raises(ValueError, match="'musicgen-huge'"):
        MusicGen(name="musicgen-huge")
    assert MusicGen(name="musicgen-huge", folder="/data").folder == "/data"


def test_published_models_are_sampled_as_published_and_the_shipped_one_in_its_own_way():
    from sonoscope.settings.musicgen import MusicGen

    for name in ("random", "musicgen-large"):
        assert (MusicGen(name=name).temperature, MusicGen(name=name).guidance) == (1.0, 3.0)
    own = MusicGen()
    assert (own.temperature, own.guidance) == (0.3, 1.0)
    assert MusicGen(name="musicgen-small", guidance=2).guidance == 2
    assert MusicGen.model_validate(own.model_dump()) == own


def test_the_same_model_is_written_with_the_same_bytes(folder, tmp_path):
    build_random_musicgen(tmp_path / "elsewhere", seed=0)
    for name in ("compression_state_dict.bin", "text_encoder/model.safetensors", "text_encoder/tokenizer.json"):
        assert (tmp_path / "elsewhere" / name).read_bytes() == (folder / name).read_bytes()
    assert load_folder(tmp_path / "elsewhere", "a").revision == load_folder(folder, "b").revision
