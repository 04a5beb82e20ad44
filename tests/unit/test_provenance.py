import os
from pathlib import Path

import pytest

from sonoscope import provenance


@pytest.mark.parametrize(
    ("output", "rule", "wildcards", "expected"),
    [
        (
            "r/steering/fit/small/notes/fit.safetensors",
            "fit",
            {"model": "small", "concept": "notes"},
            "provenance.json",
        ),
        (
            "r/steering/fit/notes/small/fit.safetensors",
            "fit",
            {"model": "small", "concept": "notes"},
            "provenance.json",
        ),
        ("r/hello/one.wav", "hello", {}, "provenance.json"),
        ("r/fit/fit/a/x.json", "fit", {"w": "a"}, "provenance.json"),
        ("r/latents/small/x-notes/t.st", "extract", {"model": "small", "concept": "notes"}, "t.st.provenance.json"),
        ("r/world/notes.parquet", "world", {"concept": "notes"}, "notes.parquet.provenance.json"),
        ("r/scorecard.json", "scorecard", {}, "scorecard.json.provenance.json"),
    ],
)
def test_name_of_the_sidecar(output, rule, wildcards, expected):
    path = Path(output)
    assert provenance.sidecar([path, path.with_name("other")], rule, wildcards) == path.parent / expected


def test_every_output_of_a_job_finds_its_own_sidecar(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for concept in ("notes", "tempos"):
        outputs = [Path(f"world/{concept}.parquet"), Path(f"world/{concept}.json")]
        path = provenance.sidecar(outputs, "world", {"concept": concept})
        provenance.write(path, {"wildcards": {"concept": concept}}, {}, outputs)
    for name in ("notes.parquet", "notes.json"):
        assert provenance.find(Path("world") / name)["wildcards"] == {"concept": "notes"}
        assert provenance.find(tmp_path / "world" / name)["wildcards"] == {"concept": "notes"}
    assert provenance.find(Path("world/chords.parquet")) is None


def test_digest_follows_content_not_time(tmp_path):
    file = tmp_path / "folder" / "a.txt"
    file.parent.mkdir()
    file.write_text("one")
    before = [provenance.digest(p) for p in (file, file.parent)]
    os.utime(file, (0, 0))
    assert [provenance.digest(p) for p in (file, file.parent)] == before
    file.write_text("three")
    after = [provenance.digest(p) for p in (file, file.parent)]
    assert after[0] != before[0] and after[1] != before[1]
    assert [d.partition(":")[0] for d in after] == ["sha256", "listing"]


def test_large_files_are_named_by_their_ends(tmp_path, monkeypatch):
    file = tmp_path / "large"
    file.write_bytes(b"a" * (3 << 20))
    monkeypatch.setattr(provenance, "LARGE", 1 << 20)
    first = provenance.digest(file)
    assert first.startswith("ends:")
    file.write_bytes(b"a" * (3 << 20) + b"b")
    assert provenance.digest(file) != first


def test_paths_are_written_relative_to_the_storage(tmp_path, monkeypatch):
    monkeypatch.setenv("SONOSCOPE_STORAGE", str(tmp_path))
    assert provenance.portable(tmp_path / "results/demo/x") == "results/demo/x"
    assert provenance.portable(Path("/elsewhere/x")) == "/elsewhere/x"


def test_commit_is_that_of_the_workflow_only(tmp_path):
    assert provenance.commit(tmp_path) == {}
