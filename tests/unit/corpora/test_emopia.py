import csv

import pytest

from sonoscope.corpora.emopia import CLIPS, compose_emopia, load_emopia
from sonoscope.corpora.skipped import skipped_frame


@pytest.fixture
def folder(tmp_path):
    compose_emopia(tmp_path, songs=12, seed=0, seconds=6.0)
    return tmp_path


def reasons(skipped):
    return {s.item: s.reason for s in skipped}


def test_the_composed_corpus_is_read_whole(folder):
    table, skipped = load_emopia(folder)
    assert skipped == []
    assert len(table) == len(list((folder / "midis").iterdir()))
    assert set(table.split) == {"train", "val", "test"}
    assert table.groupby("song_id").split.nunique().max() == 1
    assert table.groupby("song_id").size().between(2, 4).all()
    CLIPS.check(table)


def test_the_same_seed_writes_the_same_corpus(folder, tmp_path_factory):
    again = tmp_path_factory.mktemp("again")
    compose_emopia(again, songs=12, seed=0, seconds=6.0)
    files = sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
    assert [(folder / p).read_bytes() for p in files] == [(again / p).read_bytes() for p in files]


def test_labels_are_the_truth_but_for_the_stated_noise(tmp_path):
    compose_emopia(tmp_path, songs=60, seed=1, seconds=2.0, label_noise=0.2)
    with (tmp_path / "truth.csv").open() as file:
        rows = list(csv.DictReader(file))
    wrong = [r for r in rows if r["ID"][1] != quadrant(float(r["valence"]), float(r["arousal"]))]
    assert {r["ID"] for r in wrong} == {r["ID"] for r in rows if r["label_is_noise"] == "1"}
    assert 0.1 < len(wrong) / len(rows) < 0.3


def quadrant(valence, arousal):
    return {(True, True): "1", (False, True): "2", (False, False): "3", (True, False): "4"}[valence >= 0, arousal >= 0]


def test_song_ids_may_hold_separators(tmp_path, folder):
    source = next((folder / "midis").iterdir())
    other = tmp_path / "other"
    (other / "midis").mkdir(parents=True)
    for name in ("Q4_FyK_c-TIcCA_0", "Q2_L3_TadjSQQ0_12"):
        (other / "midis" / f"{name}.mid").write_bytes(source.read_bytes())
    table, skipped = load_emopia(other)
    assert skipped == []
    assert table[["song_id", "segment", "quadrant", "split"]].to_numpy().tolist() == [
        ["L3_TadjSQQ0", 12, 2, ""],
        ["FyK_c-TIcCA", 0, 4, ""],
    ]


def test_damage_costs_a_line_each_and_nothing_else(folder):
    names = sorted(p.stem for p in (folder / "midis").iterdir())
    empty, cut, renamed, gone, unlabelled, contradicted = names[:6]
    midis = folder / "midis"
    (midis / f"{empty}.mid").write_bytes(b"")
    (midis / f"{cut}.mid").write_bytes((midis / f"{cut}.mid").read_bytes()[:100])
    (midis / f"{renamed}.mid").rename(midis / "song.mid")
    (midis / f"{gone}.mid").unlink()
    rows = (folder / "label.csv").read_text().splitlines()
    rows = [r for r in rows if not r.startswith(unlabelled)]
    rows = [r.replace(f",{r.split(',')[1]},", ",9,") if r.startswith(contradicted) else r for r in rows]
    (folder / "label.csv").write_bytes(("\ufeff" + "\n".join(rows).replace("ID,4Q", " ID , 4Q")).encode())
    table, skipped = load_emopia(folder)
    said = reasons(skipped)
    assert set(said) == {empty, cut, "song", renamed, gone, unlabelled, contradicted}
    assert "0 bytes" in said[empty]
    assert "cut short" in said[cut]
    assert "expected a name" in said["song"]
    assert "no MIDI file" in said[gone]
    assert "label.csv does not name it" in said[unlabelled]
    assert "says quadrant 9" in said[contradicted]
    assert len(table) == len(names) - 6
    assert len(skipped_frame(skipped)) == 7


@pytest.mark.parametrize("content", [b"\xff\xfe\x00bad", b"clip,emotion\na,b\n", b""])
def test_an_unreadable_label_file_costs_a_line(folder, content):
    (folder / "label.csv").write_bytes(content)
    table, skipped = load_emopia(folder)
    assert [s.item for s in skipped] == ["label.csv"]
    assert len(table) > 0


def test_a_song_divided_by_the_split_is_left_out(folder):
    lists = {s: (folder / "split" / f"{s}_clip.csv") for s in ("train", "val")}
    moved = lists["train"].read_text().splitlines()[1]
    lists["train"].write_text(lists["train"].read_text().replace(moved + "\n", ""))
    lists["val"].write_text(lists["val"].read_text() + moved + "\n")
    song = moved.split(",")[1][3:14]
    table, skipped = load_emopia(folder)
    assert reasons(skipped)[song].startswith("the split lists divide this song")
    assert song not in set(table.song_id)


def test_a_wrong_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected a folder midis"):
        load_emopia(tmp_path)
