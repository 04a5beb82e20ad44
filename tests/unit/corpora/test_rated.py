import csv
import shutil

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sonoscope.corpora.deam import AVERAGED, DYNAMIC, STATIC, compose_deam, load_deam
from sonoscope.corpora.pmemo import compose_pmemo, load_pmemo
from sonoscope.corpora.rated_files import float_of
from sonoscope.corpora.text import LabelFileError
from sonoscope.statistics import grouped_split, refuse_overlap

CLIPS = 12


@pytest.fixture(scope="module")
def pmemo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pmemo") / "PMEmo2019"
    compose_pmemo(folder, CLIPS, 17.0, 5)
    return folder


@pytest.fixture(scope="module")
def deam(tmp_path_factory):
    folder = tmp_path_factory.mktemp("deam")
    compose_deam(folder, CLIPS, 17.0, 5)
    return folder


@pytest.fixture
def pmemo_copy(pmemo, tmp_path):
    shutil.copytree(pmemo, tmp_path / "p")
    return tmp_path / "p"


@pytest.fixture
def deam_copy(deam, tmp_path):
    shutil.copytree(deam, tmp_path / "d")
    return tmp_path / "d"


def reasons(corpus):
    return {item: reason for item, reason, _ in corpus.skipped}


def truth(folder):
    table = pd.read_csv(folder / "truth.csv").rename(columns={"musicId": "clip_id", "song_id": "clip_id"})
    return table.astype({"clip_id": "str"})


@pytest.mark.parametrize(("name", "load"), [("pmemo", load_pmemo), ("deam", load_deam)])
def test_ratings_come_back_on_one_scale(name, load, request):
    folder = request.getfixturevalue(name)
    corpus = load(folder)
    clips = corpus.clips.merge(truth(folder), on="clip_id", suffixes=("", "_true"))
    assert len(clips) == len(corpus.clips) >= CLIPS - 3
    for d in ("valence", "arousal"):
        assert clips[d].between(-1, 1).all()
        # ten raters with a bias of .25 each: the mean is within .3 of the truth, and their spread is near .29
        assert (clips[d] - clips[f"{d}_true"]).abs().max() < 0.35
        assert clips[f"{d}_sd"].mean() == pytest.approx(0.29, abs=0.1)
        assert np.corrcoef(clips[d], clips[f"{d}_true"])[0, 1] > 0.9
    assert corpus.clips.seconds.to_numpy() == pytest.approx(17, abs=0.1)
    assert corpus.frames.time.min() == 15 and corpus.frames.time.max() == 16.5
    over_time = corpus.frames.groupby("clip_id").arousal.mean()
    assert np.corrcoef(over_time[clips.clip_id], clips.arousal)[0, 1] > 0.7


def test_pmemo_is_laid_out_as_published(pmemo):
    with (pmemo / "annotations" / "static_annotations.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["musicId", "Arousal(mean)", "Valence(mean)"], "arousal comes first"
    assert all(0 <= float(c) <= 1 for row in rows[1:] for c in row[1:])
    numbers = sorted(int(p.stem) for p in (pmemo / "chorus").glob("*.mp3"))
    assert numbers != list(range(1, len(numbers) + 1)), "numbers have gaps"
    assert (pmemo / "metadata.csv").read_text().startswith("musicId,fileName,title,artist,album,duration,chorus_start")
    parent = load_pmemo(pmemo.parent)
    assert parent.root == pmemo


def test_deam_is_laid_out_as_published(deam):
    first, second = ((deam / STATIC.format(part)).read_text().splitlines() for part in ("1_2000", "2000_2058"))
    assert first[0] == "song_id, valence_mean, valence_std, arousal_mean, arousal_std", "names have spaces before them"
    assert " valence_max_mean" in second[0] and second[0].index("max_mean") < second[0].index("arousal_mean")
    assert len(first) - 1 + len(second) - 1 == CLIPS and len(second) > 1
    corpus = load_deam(deam)
    late = corpus.clips[corpus.clips.clip_id.astype(int) > 2000].merge(
        truth(deam), on="clip_id", suffixes=("", "_true")
    )
    assert len(late) and (late.arousal - late.arousal_true).abs().max() < 0.35, "columns are found by name"
    dynamic = (deam / DYNAMIC / "arousal.csv").read_text().splitlines()[0]
    assert dynamic.startswith("song_id,sample_15000ms,sample_15500ms")


@pytest.mark.parametrize(("name", "load"), [("pmemo", load_pmemo), ("deam", load_deam)])
def test_artists_stay_together(name, load, request):
    clips = load(request.getfixturevalue(name)).clips
    assert clips.artist.nunique() == 4 and (clips.split_group == clips.artist).all()
    split = grouped_split(len(clips), np.random.default_rng(0), clips.split_group)
    sides = np.full(len(clips), "train", dtype=object)
    sides[split.validation], sides[split.test] = "validation", "test"
    refuse_overlap(sides, artist=clips.artist)


def damage(audio):
    """Cut one file, empty the next, take the third away; returns their numbers."""
    cut, empty, gone = audio[:3]
    cut.write_bytes(cut.read_bytes()[:300])
    empty.write_bytes(b"")
    gone.unlink()
    return cut.stem, empty.stem, gone.stem


def test_damage_to_pmemo_gets_a_line_each(pmemo_copy):
    labelled = load_pmemo(pmemo_copy).clips.clip_id.tolist()
    cut, empty, gone = damage([pmemo_copy / "chorus" / f"{n}.mp3" for n in labelled])
    static = pmemo_copy / "annotations" / "static_annotations.csv"
    static.write_text(static.read_text() + "900,0.5\n901,x,0.5\n902,0.5,7\n")
    (pmemo_copy / "metadata.csv").write_bytes(b"musicId,artist\n1,Beyonc\xe9\n")
    (pmemo_copy / "annotations" / "dynamic_annotations.csv").write_text("musicId,time\n1,2\n")
    corpus = load_pmemo(pmemo_copy)
    found = reasons(corpus)
    assert set(corpus.clips.clip_id) == set(labelled) - {cut, empty, gone}
    assert "expected" in found[empty] and ("truncated" in found[cut] or "expected" in found[cut])
    assert "no audio file" in found[gone]
    assert "from 0 to 1" in found["900"] and "'x'" in found["901"] and "'7'" in found["902"]
    assert "splits go by clip" in found["metadata.csv"] and (corpus.clips.split_group == corpus.clips.clip_id).all()
    assert "frameTime" in found["dynamic_annotations.csv"] and corpus.frames.empty


def test_damage_to_deam_gets_a_line_each(deam_copy):
    labelled = load_deam(deam_copy).clips.clip_id.tolist()
    cut, empty, gone = damage([deam_copy / "MEMD_audio" / f"{n}.mp3" for n in labelled])
    shutil.copy(deam_copy / "MEMD_audio" / f"{labelled[4]}.mp3", deam_copy / "MEMD_audio" / "77777.mp3")
    static = deam_copy / STATIC.format("1_2000")
    static.write_text(static.read_text() + "1500,9.5,1,5,1\n")
    (deam_copy / STATIC.format("2000_2058")).write_bytes(b"song_id, valence_mean\n2001,5\n")
    (deam_copy / DYNAMIC / "arousal.csv").write_bytes(b"\xff\xfe")
    corpus = load_deam(deam_copy)
    found = reasons(corpus)
    early = {n for n in labelled if int(n) <= 2000}
    assert set(corpus.clips.clip_id) == early - {cut, empty, gone}
    assert "no audio file" in found[gone] and "no annotation" in found["77777"] and "from 1 to 9" in found["1500"]
    assert "valence_std" in found["static_annotations_averaged_songs_2000_2058.csv"]
    assert "UTF-8" in found["arousal.csv"] and corpus.frames.empty


def test_without_labels_there_is_no_corpus(tmp_path, pmemo_copy):
    with pytest.raises(FileNotFoundError, match=r"static_annotations\.csv, as in PMEmo2019"):
        load_pmemo(tmp_path)
    with pytest.raises(FileNotFoundError, match="as in DEAM"):
        load_deam(tmp_path)
    (pmemo_copy / "annotations" / "static_annotations.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(LabelFileError, match="UTF-8"):
        load_pmemo(pmemo_copy)


def test_the_same_seed_gives_the_same_clips(pmemo, tmp_path):
    compose_pmemo(tmp_path, 2, 17.0, 5)
    for path in (tmp_path / "chorus").glob("*.mp3"):
        assert path.read_bytes() == (pmemo / "chorus" / path.name).read_bytes()


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=120), st.binary(max_size=120))
def test_no_bytes_in_deams_labels_break_the_loader(tmp_path, static, dynamic):
    for where, content in ((STATIC.format("1_2000"), static), (f"{DYNAMIC}/valence.csv", dynamic)):
        (tmp_path / where).parent.mkdir(parents=True, exist_ok=True)
        header = (
            b"song_id, valence_mean, valence_std, arousal_mean, arousal_std\n"
            if "static" in where
            else b"song_id,sample_15000ms\n"
        )
        (tmp_path / where).write_bytes(header + content)
    assert load_deam(tmp_path, decode=False).clips.empty
    assert (tmp_path / AVERAGED).is_dir()


@given(st.text(max_size=12))
def test_a_cell_is_a_number_in_its_range_or_an_error(cell):
    try:
        value = float_of(cell, 0, 1)
    except ValueError as error:
        assert "expected a number from 0 to 1" in str(error)
    else:
        assert value is not None and 0 <= value <= 1
