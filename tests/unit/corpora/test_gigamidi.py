import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sonoscope.corpora.gigamidi import CATEGORY, COMPOSED_STYLES, SCHEMA, SPLITS, compose_gigamidi, load_gigamidi


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gigamidi")
    compose_gigamidi(folder, files=30, seed=0)
    return folder


def test_the_composed_corpus_is_read_whole(folder):
    skipped = []
    files = list(load_gigamidi(folder, skipped))
    assert skipped == []
    assert len(files) == len({f.md5 for f in files}) == 30
    assert {f.split for f in files} == set(SPLITS)
    assert {s for f in files for s in f.styles} <= set(COMPOSED_STYLES)
    assert 0 < sum(not f.keeps_a_grid for f in files) < 15
    assert {f.category for f in files} == {1, 2}
    assert len(list(load_gigamidi(folder, skipped, split="train"))) == sum(f.split == "train" for f in files)


def test_shards_have_the_published_columns(folder):
    for path in folder.rglob("*.parquet"):
        assert pq.read_schema(path).equals(SCHEMA)


def rows(folder):
    return [r for p in sorted(folder.rglob("*.parquet")) for r in pq.read_table(p).to_pylist()]


def test_metadata_is_measured_from_the_music(folder):
    for file, row in zip(load_gigamidi(folder, []), rows(folder), strict=True):
        velocity = np.concatenate([t.notes.numpy()["velocity"] for t in file.score.tracks])
        assert row["total_notes"] == len(velocity)
        assert row["avg_velocity"] == pytest.approx(velocity.astype(float).mean())
        assert len(row["NOMML"]) == row["num_tracks"]


def test_records_with_bytes_and_path_are_read_too(folder, tmp_path):
    first = rows(folder)[0]
    record = {"md5": first["md5"], "music": {"bytes": first["music"], "path": "a.mid"}}
    pq.write_table(pa.Table.from_pylist([record]), tmp_path / "test-00000-of-00001.parquet")
    (file,) = load_gigamidi(tmp_path, [])
    assert (file.split, file.category, file.styles) == ("test", -1, ())


def test_damage_costs_a_line_each(folder, tmp_path):
    good = rows(folder)
    bad = [
        {**good[1], "music": b""},
        {**good[2], "music": good[2]["music"][:60]},
        {**good[3], "music": None},
        {**good[4], CATEGORY: 0},
        good[0],
    ]
    pq.write_table(pa.Table.from_pylist([good[0], *bad, good[5]], schema=SCHEMA), tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_bytes(b"PAR1 and then nothing")
    (tmp_path / "c.parquet").write_bytes(b"")
    pq.write_table(pa.table({"md5": ["x"]}), tmp_path / "d.parquet")
    skipped = []
    files = list(load_gigamidi(tmp_path, skipped))
    assert [f.md5 for f in files] == [good[0]["md5"], good[5]["md5"]]
    said = [(s.item, s.reason) for s in skipped]
    assert [item for item, _ in said] == [*(r["md5"] for r in bad), "b.parquet", "c.parquet", "d.parquet"]
    for (_, reason), expected in zip(
        said,
        ["0 bytes", "cut short", "NoneType", "drums only", "twice", "Parquet", "Parquet", "md5 and music"],
        strict=True,
    ):
        assert expected in reason


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected Parquet shards"):
        next(load_gigamidi(tmp_path, []))
