import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import try_to_load_from_cache
from loopback import COMMIT

from sonoscope.fetch import models, record, space
from sonoscope.fetch.errors import FetchError
from sonoscope.fetch.models import bring, link

SMALL = {"state_dict.bin": b"lm" * 5000, "compression_state_dict.bin": b"codec" * 100, "README.md": b"card"}
T5 = {"config.json": b"{}", "model.safetensors": b"t5" * 900, "spiece.model": b"sp", "tf_model.h5": b"not wanted"}


@pytest.fixture
def hub(server):
    server.files |= {f"facebook/musicgen-small/{n}": c for n, c in SMALL.items()}
    server.files["facebook/musicgen-small/pytorch_model.bin"] = b"not wanted"
    server.files |= {f"google-t5/t5-base/{n}": c for n, c in T5.items()}
    return server


def test_a_model_comes_whole_with_its_record(hub, client, tmp_path):
    hub.breaks, hub.break_after = 2, 3000
    folder = tmp_path / "musicgen-small"
    fetched = bring("musicgen-small", folder, "audiocraft", client)
    assert {f.name: (folder / f.name).read_bytes() for f in fetched.files} == SMALL
    assert fetched.commit == COMMIT
    assert fetched.revision == "main"
    assert all(f.published == f"sha256:{f.sha256}" for f in fetched.files)
    assert sorted(p.name for p in folder.iterdir()) == sorted([*SMALL, models.LEDGER])


def test_a_second_call_asks_nothing(hub, client, tmp_path):
    first = bring("musicgen-small", tmp_path / "m", "audiocraft", client)
    hub.asked.clear()
    assert bring("musicgen-small", tmp_path / "m", "audiocraft", client) == first
    assert hub.asked == []


def test_a_damaged_file_alone_is_fetched_again(hub, client, tmp_path):
    bring("musicgen-small", tmp_path / "m", "audiocraft", client)
    (tmp_path / "m" / "state_dict.bin").write_bytes(b"LM" * 5000)  # same length
    hub.asked.clear()
    bring("musicgen-small", tmp_path / "m", "audiocraft", client)
    assert [a.path.rsplit("/", 1)[1] for a in hub.gets("/resolve/")] == ["state_dict.bin"]
    assert (tmp_path / "m" / "state_dict.bin").read_bytes() == SMALL["state_dict.bin"]


def test_libraries_find_the_model_by_name(hub, client, tmp_path):
    bring("t5-base", tmp_path / "t5-base", "audiocraft", client)
    for repo in ("t5-base", "google-t5/t5-base"):
        found = try_to_load_from_cache(repo, "model.safetensors", cache_dir=tmp_path / models.CACHE)
        assert isinstance(found, str)
        assert Path(found).read_bytes() == T5["model.safetensors"]
    assert not (tmp_path / "t5-base" / "tf_model.h5").exists()


def test_the_storage_place_can_be_moved(hub, client, tmp_path):
    bring("t5-base", tmp_path / "old" / "t5-base", "audiocraft", client)
    (tmp_path / "old").rename(tmp_path / "new")
    found = try_to_load_from_cache("t5-base", "config.json", cache_dir=tmp_path / "new" / models.CACHE)
    assert isinstance(found, str)


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "C:\\x", "a\\b", "", "x\n.bin", "state_dict.bin.part"])
def test_a_listing_that_leaves_the_folder_is_refused(hub, client, tmp_path, name):
    hub.extra_names = [name]
    with pytest.raises(FetchError, match="would not stay inside"):
        bring("musicgen-small", tmp_path / "m", "audiocraft", client)
    assert hub.gets("/resolve/") == []


def test_a_link_that_leads_out_is_refused(hub, client, tmp_path):
    hub.files["google-t5/t5-base/model/../x"] = b""
    hub.files.pop("google-t5/t5-base/model/../x")
    (tmp_path / "m").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "m" / "model-a").symlink_to(tmp_path / "outside")
    hub.files["google-t5/t5-base/model-a/b.safetensors"] = b"x"
    with pytest.raises(FetchError, match="leads out"):
        bring("t5-base", tmp_path / "m", "audiocraft", client)
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_repository_that_is_not_there(server, client, tmp_path):
    with pytest.raises(FetchError, match=r"does not exist \(status 404\).*fetch.folders"):
        bring("mimi", tmp_path / "mimi", "audiocraft", client)


def test_a_repository_without_the_weights(server, client, tmp_path):
    server.files["kyutai/mimi/config.json"] = b"{}"
    with pytest.raises(FetchError, match=r"expected model\*.safetensors or pytorch_model\*.bin, found config.json"):
        bring("mimi", tmp_path / "mimi", "audiocraft", client)


def test_torch_weights_are_taken_only_for_want_of_safetensors(server, client, tmp_path):
    server.files |= {"kyutai/mimi/config.json": b"{}", "kyutai/mimi/pytorch_model.bin": b"w"}
    fetched = bring("mimi", tmp_path / "mimi", "audiocraft", client)
    assert [f.name for f in fetched.files] == ["config.json", "pytorch_model.bin"]


def test_a_full_disk_is_noticed_before_anything_is_fetched(hub, client, tmp_path, monkeypatch):
    monkeypatch.setattr(space, "MARGIN", 10**18)
    with pytest.raises(FetchError, match=rf"to {tmp_path}/m and .* must stay free.*free .* or set another"):
        bring("musicgen-small", tmp_path / "m", "audiocraft", client)
    assert hub.gets("/resolve/") == []


def test_the_shortfall_is_exact(tmp_path):
    with pytest.raises(FetchError, match="free 500 B"):
        space.require(tmp_path, 1000, "m", free=lambda place: space.MARGIN + 500)
    space.require(tmp_path, 1000, "m", free=lambda place: space.MARGIN + 1000)


def test_a_folder_is_used_in_place(tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    for name, content in SMALL.items():
        (mine / name).write_bytes(content)
    fetched = link("musicgen-small", mine, tmp_path / "models" / "small", "audiocraft")
    assert (tmp_path / "models" / "small" / "state_dict.bin").read_bytes() == SMALL["state_dict.bin"]
    assert (fetched.source, fetched.origin) == ("folder", str(mine))
    cache = tmp_path / "models" / models.CACHE
    found = try_to_load_from_cache("facebook/musicgen-small", "state_dict.bin", cache_dir=cache)
    assert isinstance(found, str)
    assert Path(found).read_bytes() == SMALL["state_dict.bin"]
    assert sorted(p.name for p in mine.iterdir()) == sorted(SMALL)


def test_a_download_after_a_folder_leaves_the_folder_alone(hub, client, tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    for name in SMALL:
        (mine / name).write_bytes(b"another version")
    link("musicgen-small", mine, tmp_path / "m", "audiocraft")
    bring("musicgen-small", tmp_path / "m", "audiocraft", client)
    assert (tmp_path / "m" / "state_dict.bin").read_bytes() == SMALL["state_dict.bin"]
    assert (mine / "state_dict.bin").read_bytes() == b"another version"


def test_a_folder_that_lacks_a_file_is_an_error_that_names_it(tmp_path):
    (tmp_path / "state_dict.bin").write_bytes(b"")
    with pytest.raises(FetchError, match=r"fetch.folders.musicgen-small.*expected compression_state_dict.bin, found"):
        link("musicgen-small", tmp_path, tmp_path / "m", "audiocraft")
    with pytest.raises(FetchError, match="expected a folder"):
        link("mimi", tmp_path / "absent", tmp_path / "m", "audiocraft")


def test_the_record_is_a_contract(hub, client, tmp_path):
    path = tmp_path / "m" / "fetched.json"
    bring("musicgen-small", tmp_path / "m", "audiocraft", client).write(path)
    assert "musicgen-small: 3 files" in record.overview({path.parent: record.read(path)})
    content = json.loads(path.read_text())
    del content["files"][0]["sha256"]
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"files\.0\.sha256"):
        record.read(path)


def test_transformers_loads_a_fetched_codec_by_its_published_name_offline(server, client, tmp_path):
    program = """
import sys, torch
from transformers import EncodecConfig, EncodecModel
if sys.argv[1] == "save":
    torch.manual_seed(0)
    EncodecModel(EncodecConfig(num_filters=2, hidden_size=8, num_lstm_layers=1)).save_pretrained(sys.argv[2])
else:
    model = EncodecModel.from_pretrained("facebook/encodec_32khz")
    print("sum", float(sum(p.double().sum() for p in EncodecModel.from_pretrained(sys.argv[2]).parameters())
                       - sum(p.double().sum() for p in model.parameters())))
"""
    published = tmp_path / "published"
    offline = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(tmp_path / models.CACHE), "OMP_NUM_THREADS": "1"}

    def python(*arguments):
        command = [sys.executable, "-c", program, *map(str, arguments)]
        return subprocess.run(command, env=offline, capture_output=True, text=True, check=True).stdout

    python("save", published)
    server.files |= {f"facebook/encodec_32khz/{p.name}": p.read_bytes() for p in published.iterdir()}
    bring("encodec_32khz", tmp_path / "encodec_32khz", "audiocraft", client)
    assert "sum 0.0" in python("load", published)
