"""Annotation: every file once, whatever happens; bad files are listed; edits do what they must."""

import csv
import hashlib
import shutil
from dataclasses import replace

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from affect_fixtures import composed_clips, tiny_musetok

from sonoscope.affect.annotation import Annotator, annotate_units, gathered
from sonoscope.affect.bundle import load_bundle
from sonoscope.affect.fitting import Fitting, fit_variants
from sonoscope.affect.interruption import interrupt
from sonoscope.affect.merging import MergeError, merge
from sonoscope.affect.probes import UNSEEN, edited, probe, probe_rows
from sonoscope.affect.reading import read_song
from sonoscope.affect.sources import Source, SourceError
from sonoscope.contracts.affect import BARS, PROBES, SONG_TABLE, SONGS
from sonoscope.corpora.gigamidi import CATEGORY, compose_gigamidi
from sonoscope.settings.affect import BarReading, TrainAffect
from sonoscope.settings.musetok import Encoding, Events
from sonoscope.symbolic.causes import Causes
from sonoscope.symbolic.composer import compose

FILES = 12
WIDTHS = {"valence": 0.4, "arousal": None}


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles")
    settings = TrainAffect(compare=["both", "latents"], folds=2, epochs=3)
    fit_variants(Fitting(composed_clips(12), settings, 16, {"model": "t", "revision": "r"}, {}, 0.6, 0), folder, folder)
    return {p.stem: load_bundle(p) for p in folder.glob("*.safetensors")}


@pytest.fixture(scope="module")
def annotator(bundles):
    return Annotator(tiny_musetok(), bundles["both"], Encoding(), BarReading())


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gigamidi")
    compose_gigamidi(folder, FILES, 0)
    return folder


def run(source, annotator, folder, shards=1, songs=3):
    """Annotate on several jobs and merge; gives the paths of the tables and the skipped files."""
    tables = []
    for shard in range(shards):
        units = list(source.units(songs, shard, shards))
        annotate_units(source, units, annotator, folder / "parts")
        tables.append(folder / f"{shard}.parquet")
        SONGS.write(tables[-1], gathered(units, folder / "parts"))
    files = [folder / name for name in ("bars.parquet", "bars.csv", "songs.parquet")]
    return files, merge(tables, source.count(), WIDTHS, 12.0, *files)


def test_the_table_of_bars_is_as_asked(corpus, annotator, tmp_path):
    (bars, table, songs), skipped = run(Source(str(corpus)), annotator, tmp_path)
    assert skipped == []
    with table.open() as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["md5", "bar_number", "valence", "arousal"]
    frame = BARS.read(bars)
    assert len(rows) - 1 == len(frame)
    assert [r[0] for r in rows[1:]] == frame.md5.tolist()
    assert np.allclose([float(r[2]) for r in rows[1:]], frame.valence, atol=1e-6)
    assert np.allclose(frame.valence_high - frame.valence, 0.4)
    assert frame.arousal_high.isna().all()
    assert frame.groupby("md5").valence.std().min() > 0
    known = SONG_TABLE.read(songs)
    assert known.md5.nunique() == FILES
    assert (known.n_bars == frame.groupby("md5", sort=False).size().to_numpy()).all()


def test_one_job_gives_the_bytes_of_five(corpus, annotator, tmp_path):
    source = Source(str(corpus))
    one, _ = run(source, annotator, tmp_path / "one")
    five, _ = run(source, annotator, tmp_path / "five", shards=5, songs=2)
    for a, b in zip(one, five, strict=True):
        if a.suffix == ".csv":
            assert a.read_bytes() == b.read_bytes()
        else:
            assert pq.read_table(a).equals(pq.read_table(b))


def test_killed_at_any_time_nothing_is_lost_or_done_twice(corpus, annotator, tmp_path):
    source = Source(str(corpus))
    found = interrupt(source, list(source.units(2)), annotator, tmp_path, 4, 1)
    assert found.kills > 0
    assert found.exactly_once, found


def test_a_corpus_that_grows_is_done_where_it_grew(corpus, annotator, tmp_path):
    folder = tmp_path / "corpus"
    shutil.copytree(corpus, folder)
    held = folder / "validation" / "validation-00000-of-00002.parquet"
    away = held.rename(tmp_path / "away.parquet")
    run(Source(str(folder)), annotator, tmp_path)
    before = len(list((tmp_path / "parts").glob("*.parquet")))
    away.rename(held)
    begun = []
    source = Source(str(folder))
    annotate_units(source, list(source.units(3)), annotator, tmp_path / "parts", begun.append)
    assert {u.name for u in begun} == {"validation/validation-00000-of-00002.parquet"}
    assert len(list((tmp_path / "parts").glob("*.parquet"))) == before + len(begun)
    files, _ = run(source, annotator, tmp_path)
    assert SONG_TABLE.read(files[2]).md5.nunique() == FILES


def test_merge_refuses_gaps_and_repetitions(corpus, annotator, tmp_path):
    source = Source(str(corpus))
    run(source, annotator, tmp_path, shards=2)
    files = [tmp_path / "b.parquet", None, tmp_path / "s.parquet"]
    with pytest.raises(MergeError, match="missing"):
        merge([tmp_path / "0.parquet"], FILES, WIDTHS, 12.0, *files)
    with pytest.raises(MergeError, match="twice"):
        merge([tmp_path / "0.parquet", tmp_path / "1.parquet", tmp_path / "1.parquet"], FILES, WIDTHS, 12.0, *files)


def test_where_nothing_could_be_annotated_the_reasons_are_said(annotator, tmp_path):
    (tmp_path / "midi").mkdir()
    (tmp_path / "midi" / "silence.mid").write_bytes(b"")
    with pytest.raises(MergeError, match=r"found none of 1: silence\.mid: the file is empty"):
        run(Source(str(tmp_path / "midi")), annotator, tmp_path)


def bad_rows(good):
    """Rows of a shard in which nearly everything is wrong."""
    cut = {"no bytes": b"", "no MIDI": b"RIFF....WAVE", "cut short": good[:40], "header only": good[:14]}
    rows = [{"md5": name, "music": content} for name, content in cut.items()]
    rows.append({"md5": "drums", "music": good, CATEGORY: 0})
    rows += [{"md5": "good", "music": good}, {"md5": "good", "music": good}, {"md5": "null", "music": None}]
    return [{CATEGORY: 2, **row} for row in rows]


def test_bad_files_get_a_line_each(annotator, tmp_path):
    good = compose(Causes(), 0, bars=4).dumps_midi()
    (tmp_path / "c").mkdir()
    pq.write_table(pa.Table.from_pylist(bad_rows(good)), tmp_path / "c/x.parquet")
    (bars, _, _), skipped = run(Source(str(tmp_path / "c")), annotator, tmp_path)
    assert set(BARS.read(bars).md5) == {"good"}
    reasons = {s.item: s.reason for s in skipped}
    assert set(reasons) == {"no bytes", "no MIDI", "cut short", "header only", "drums", "good", "null"}
    assert "drums only" in reasons["drums"]
    assert "the same file stands in" in reasons["good"]
    assert "MThd" in reasons["no MIDI"]


def test_strange_files_do_not_stop_the_others(annotator, tmp_path):
    import symusic

    (tmp_path / "c").mkdir()
    for name, change in {"five": (5, 4), "seven": (7, 8), "plain": (4, 4)}.items():
        score = compose(Causes(), 0, bars=4)
        score.time_signatures[0] = symusic.TimeSignature(0, *change)
        (tmp_path / f"c/{name}.mid").write_bytes(score.dumps_midi())
    low = compose(Causes(), 1, bars=4).shift_pitch(-40)
    (tmp_path / "c/low.MID").write_bytes(low.dumps_midi())
    (tmp_path / "c/broken.midi").write_bytes(b"MThd")
    (tmp_path / "c/read.txt").write_text("no music")
    (_, _, songs), skipped = run(Source(str(tmp_path / "c")), annotator, tmp_path)
    names = set(SONG_TABLE.read(songs)["name"])
    assert "plain.mid" in names
    assert names | {s.file for s in skipped} == {"five.mid", "seven.mid", "plain.mid", "low.MID", "broken.midi"}


def test_a_folder_of_midi_files_is_a_corpus(annotator, tmp_path):
    (tmp_path / "c/deep").mkdir(parents=True)
    contents = [compose(Causes(tempo=t), 0, bars=4).dumps_midi() for t in (80, 120)]
    for k, content in enumerate(contents):
        (tmp_path / f"c/deep/{k}.mid").write_bytes(content)
    (bars, _, songs), _ = run(Source(str(tmp_path / "c")), annotator, tmp_path, songs=1)
    assert set(BARS.read(bars).md5) == {hashlib.md5(c).hexdigest() for c in contents}
    assert SONG_TABLE.read(songs).title.tolist() == ["0", "1"]


def test_shards_are_streamed_from_an_address(corpus, annotator, tmp_path):
    memory = fsspec.filesystem("memory")
    for path in corpus.rglob("*.parquet"):
        memory.pipe(f"/giga/{path.relative_to(corpus).as_posix()}", path.read_bytes())
    local, _ = run(Source(str(corpus)), annotator, tmp_path / "a")
    streamed, _ = run(Source("memory://giga"), annotator, tmp_path / "b")
    assert local[1].read_bytes() == streamed[1].read_bytes()


def test_the_older_form_of_the_shards_is_read(tmp_path):
    good = compose(Causes(), 0, bars=2).dumps_midi()
    pq.write_table(
        pa.Table.from_pylist([{"md5": "a", "music": {"bytes": good, "path": "a.mid"}}]), tmp_path / "x.parquet"
    )
    source = Source(str(tmp_path))
    assert [i.content for u in source.units(4) for i in source.items(u)] == [good]


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(SourceError, match="Parquet shards or MIDI files"):
        Source(str(tmp_path))


def test_edits_of_tempo_and_loudness_leave_the_tokens_and_so_the_latents():
    causes = Causes(tempo=80, dynamics=60)
    plain = read_song(compose(causes, 5, bars=8), Events(), BarReading()).bars.tokens
    for edit, changed in edited(causes).items():
        same = np.array_equal(read_song(compose(changed, 5, bars=8), Events(), BarReading()).bars.tokens, plain)
        assert same == (edit in UNSEEN), edit


def test_a_model_of_latents_alone_cannot_see_tempo_and_loudness(bundles):
    table = probe(bundles, tiny_musetok(), Encoding(), BarReading(), 4, 0, 1)
    PROBES.check(table)
    blind = table[(table.model == "latents") & table.edit.isin(UNSEEN)]
    assert (blind.change == 0).all()
    seeing = table[(table.model == "both") & table.edit.isin(UNSEEN)]
    assert (seeing.change != 0).all()
    rows = {r.name: r for r in probe_rows(table, ("x",))}
    assert rows["affect.counterfactual.latents_tempo"].met
    assert rows["affect.counterfactual.tempo"].baseline == 0


def test_smoothing_is_a_running_median(corpus, annotator):
    source = Source(str(corpus))
    unit = next(iter(source.units(2)))
    plain, smooth = (replace(annotator, smoothing=k).annotate(source.items(unit)) for k in (1, 5))
    assert np.std(np.diff(smooth.valence[0])) < np.std(np.diff(plain.valence[0]))
