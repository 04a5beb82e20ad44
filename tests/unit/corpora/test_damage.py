"""Every loader of scores meets the same damaged files: each costs one line, the rest is read."""

import io
import shutil

import mido
import numpy as np
import pyarrow.parquet as pq
import pytest
import symusic
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sonoscope.corpora.emopia import compose_emopia, load_emopia
from sonoscope.corpora.gigamidi import SCHEMA, compose_gigamidi, load_gigamidi
from sonoscope.corpora.text import LabelFileError, read_rows
from sonoscope.corpora.vgmidi import compose_vgmidi, load_vgmidi
from sonoscope.symbolic.causes import Causes
from sonoscope.symbolic.composer import compose


def absurd_tempo():
    notes = mido.Message("note_on", note=60, velocity=64), mido.Message("note_off", note=60, time=480)
    file = mido.MidiFile(tracks=[mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=1), *notes])])
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def a_million_notes():
    n = 10**6 + 1
    track = symusic.Track(name="x", program=0, is_drum=False)
    onset = np.arange(n, dtype=np.int32)
    track.notes = symusic.Note.from_numpy(
        onset, np.full(n, 1, np.int32), np.full(n, 60, np.int8), np.full(n, 64, np.int8)
    )
    score = symusic.Score(480)
    score.tracks.append(track)
    return score.dumps_midi()


DAMAGE = {
    "zero bytes": (lambda: b"", "0 bytes"),
    "truncated": (lambda: compose(Causes(), 0, bars=2).dumps_midi()[:120], "cut short"),
    "another format": (lambda: b"RIFF____WAVEfmt ", "MThd"),
    "absurd tempo": (absurd_tempo, "quarter notes per minute"),
    "a million notes": (a_million_notes, "expected at most 1000000 notes"),
}


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpora")
    compose_emopia(folder / "emopia", songs=4, seed=0, seconds=4.0)
    compose_vgmidi(folder / "vgmidi", pieces=3, seed=0, raters=2)
    compose_gigamidi(folder / "gigamidi", files=4, seed=0, shards=1)
    return folder


def damage_emopia(folder, content):
    paths = sorted((folder / "midis").glob("*.mid"))
    paths[0].write_bytes(content)
    table, skipped = load_emopia(folder)
    return len(paths), len(table), skipped


def damage_vgmidi(folder, content):
    paths = sorted((folder / "labelled" / "midi").glob("*.mid"))
    paths[0].write_bytes(content)
    table, skipped = load_vgmidi(folder)
    return len(paths), table.piece_id.nunique(), skipped


def damage_gigamidi(folder, content):
    rows = [r for p in sorted(folder.rglob("*.parquet")) for r in pq.read_table(p).to_pylist()]
    shutil.rmtree(folder)
    folder.mkdir()
    rows[0]["music"] = content
    import pyarrow as pa

    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), folder / "train-00000-of-00001.parquet")
    skipped = []
    return len(rows), len(list(load_gigamidi(folder, skipped))), skipped


@pytest.mark.parametrize("kind", DAMAGE)
@pytest.mark.parametrize("corpus", ["emopia", "vgmidi", "gigamidi"])
def test_one_damaged_score_costs_one_line(corpora, tmp_path, corpus, kind):
    make, says = DAMAGE[kind]
    shutil.copytree(corpora / corpus, tmp_path / corpus)
    damage = {"emopia": damage_emopia, "vgmidi": damage_vgmidi, "gigamidi": damage_gigamidi}[corpus]
    before, after, skipped = damage(tmp_path / corpus, make())
    assert after == before - 1
    (line,) = skipped
    assert says in line.reason


def test_emopias_split_list_in_another_encoding_costs_a_line(corpora, tmp_path):
    shutil.copytree(corpora / "emopia", tmp_path / "e")
    (tmp_path / "e" / "split" / "val_clip.csv").write_bytes(b",clip_name\n0,caf\xe9.mid\n")
    table, skipped = load_emopia(tmp_path / "e")
    assert [s.item for s in skipped] == ["split/val_clip.csv"] and "UTF-8" in skipped[0].reason
    assert len(table)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(label=st.binary(max_size=150), split=st.binary(max_size=150))
def test_no_bytes_in_emopias_lists_break_the_loader(tmp_path, label, split):
    (tmp_path / "midis").mkdir(exist_ok=True)
    (tmp_path / "split").mkdir(exist_ok=True)
    (tmp_path / "midis" / "Q1_0vLPYiPN7qY_0.mid").write_bytes(compose(Causes(), 0, bars=2).dumps_midi())
    (tmp_path / "label.csv").write_bytes(b"ID,4Q\n" + label)
    (tmp_path / "split" / "test_clip.csv").write_bytes(b",clip_name\n" + split)
    table, skipped = load_emopia(tmp_path)
    assert len(table) + len(skipped) >= 1


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=300))
def test_no_bytes_break_the_loader_of_shards(tmp_path, content):
    (tmp_path / "a.parquet").write_bytes(content)
    skipped = []
    assert list(load_gigamidi(tmp_path, skipped)) == [] and len(skipped) == 1


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=300))
def test_a_label_file_is_read_or_refused(tmp_path, content):
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    try:
        rows = read_rows(path, ("a",))
    except LabelFileError as error:
        assert str(path) in str(error)
    else:
        assert all("a" in row for row in rows)
