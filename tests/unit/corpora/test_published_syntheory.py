import shutil
from functools import cache

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sonoscope.audio.files import read_audio
from sonoscope.contracts.world import CLIPS
from sonoscope.corpora.published_syntheory import PublishedError, _clip, published_table
from sonoscope.statistics import grouped_split, refuse_overlap
from sonoscope.symbolic import syntheory
from sonoscope.symbolic.corpus import syntheory_table
from sonoscope.symbolic.midi import read_midi

RATE = 8000
OURS = ["clip_id", "midi", "prompt", "is_silent", "render_id", "split_group"]


@pytest.fixture(scope="module")
def composed():
    return {
        concept: syntheory_table(concept, RATE, 3, "faithful", 36)
        for concept in ("notes", "chords", "simple_progressions", "time_signatures")
    }


@pytest.fixture(scope="module")
def published(composed, tmp_path_factory):
    """A stand-in in the layout of the hub: a folder per concept, shards in it, audio and labels alone."""
    folder = tmp_path_factory.mktemp("syntheory")
    for concept, table in composed.items():
        (folder / concept).mkdir()
        rows = table.drop(columns=OURS)
        for shard, part in enumerate(np.array_split(np.arange(len(rows)), 2)):
            name = f"train-{shard:05d}-of-00002.parquet"
            pq.write_table(pa.Table.from_pandas(rows.iloc[part], preserve_index=False), folder / concept / name)
    return folder


def rewrite(folder, concept, change):
    """Give the first shard other rows."""
    path = folder / concept / "train-00000-of-00002.parquet"
    rows = change(pq.read_table(path).to_pylist())
    pq.write_table(pa.Table.from_pylist(rows), path)


@pytest.fixture
def copy(published, tmp_path):
    shutil.copytree(published, tmp_path / "s")
    return tmp_path / "s"


@pytest.mark.parametrize("concept", ["notes", "chords", "simple_progressions"])
def test_the_published_set_gives_the_table_that_is_composed(published, composed, concept):
    table, skipped = published_table(str(published), concept, RATE, 0, "faithful")
    assert skipped == []
    expected = composed[concept].sort_values("clip_id", ignore_index=True)
    found = table[expected.columns]
    pd.testing.assert_frame_equal(found.drop(columns="audio"), expected.drop(columns="audio"), check_dtype=False)
    ours, theirs = (read_audio(t.audio[5]["bytes"])[0] for t in (found, expected))
    assert np.array_equal(ours, theirs)


def test_crops_of_a_render_are_told_apart_and_stay_together(published, tmp_path):
    table, skipped = published_table(str(published), "time_signatures", RATE, 0)
    assert skipped == [] and table.clip_id.is_unique and len(table) == 36
    split = grouped_split(len(table), np.random.default_rng(0), table.split_group)
    sides = np.full(len(table), "train", dtype=object)
    sides[split.validation], sides[split.test] = "validation", "test"
    refuse_overlap(sides, render=table.render_id)
    CLIPS.write(tmp_path / "a.parquet", table)
    assert len(CLIPS.read(tmp_path / "a.parquet")) == 36


def test_corrected_leaves_out_the_triads_that_register_gives_away(published, composed):
    table, skipped = published_table(str(published), "chords", RATE, 0, "corrected")
    shifted = composed["chords"].query("chord_type == 'aug' and root_note_pitch_class in (6, 7, 8)")
    assert len(shifted) and len(table) == 36 - len(shifted) and len(skipped) == len(shifted)
    assert all("octave above" in s.reason for s in skipped)


def test_the_compact_subset_is_taken_out_of_more(copy):
    def change(rows):
        rows[0] |= {"midi_program_num": 7, "midi_program_name": "Clavinet"}
        rows[1] |= {"midi_note_val": 24, "octave": 2, "root_note_name": "C", "root_note_pitch_class": 0}
        return rows

    rewrite(copy, "notes", change)
    assert len(published_table(str(copy), "notes", RATE, 0)[0]) == 34
    whole, _ = published_table(str(copy), "notes", RATE, 0, size="full")
    assert len(whole) == 36 and "Clavinet" in set(whole.midi_program_name)
    assert len(published_table(str(copy), "notes", RATE, 0, max_clips=24)[0]) == 24


def test_published_audio_is_stereo_at_another_rate(copy):
    import io

    import soundfile

    stream = io.BytesIO()
    time = np.arange(4 * 44_100) / 44_100
    soundfile.write(stream, np.stack([np.sin(2 * np.pi * 440 * time) * g for g in (0.4, 0.2)], 1), 44_100, format="WAV")
    rewrite(
        copy, "notes", lambda rows: [{**rows[0], "audio": {"bytes": stream.getvalue(), "path": "x.wav"}}, *rows[1:]]
    )
    table, skipped = published_table(str(copy), "notes", RATE, 0)
    assert skipped == []
    levels = [np.abs(read_audio(a["bytes"])[0]).max() for a in table.audio]
    changed = int(np.argmin(np.abs(np.array(levels) - 0.3)))
    audio, rate = read_audio(table.audio[changed]["bytes"])
    assert rate == RATE and len(audio) == 4 * RATE
    assert np.argmax(np.abs(np.fft.rfft(audio))) / 4 == pytest.approx(440, abs=0.5)


def test_damage_gets_a_line_each(copy):
    def change(rows):
        rows[0]["audio"] = {"bytes": rows[0]["audio"]["bytes"][:200], "path": "cut"}
        rows[1]["audio"] = {"bytes": b"", "path": "none"}
        rows[2]["midi_note_val"] = None
        rows[3] = dict(rows[4])
        rows[5]["midi_note_val"] = 10**6
        return rows

    rewrite(copy, "notes", change)
    table, skipped = published_table(str(copy), "notes", RATE, 0, size="full")
    assert len(table) == 31 and len(skipped) == 5
    reasons = " / ".join(s.reason for s in skipped)
    assert "found none" in reasons and "stand twice" in reasons and "audio" in reasons


def test_what_is_not_the_published_set_is_refused(published, copy, tmp_path):
    with pytest.raises(PublishedError, match=r"expected scales/train-\*\.parquet"):
        published_table(str(published), "scales", RATE, 0)
    rewrite(copy, "notes", lambda rows: [{k: v for k, v in r.items() if k != "midi_note_val"} for r in rows])
    shutil.copy(copy / "notes" / "train-00000-of-00002.parquet", copy / "notes" / "train-00001-of-00002.parquet")
    with pytest.raises(PublishedError, match="expected column midi_note_val"):
        published_table(str(copy), "notes", RATE, 0)


@pytest.mark.parametrize("concept", syntheory.CONCEPTS)
def test_labels_lead_back_to_the_clip(concept):
    for clip in syntheory.compose(concept, 0, "faithful")[::7]:
        found = _clip(concept, {"audio": None, **clip.labels})
        assert (found.render_id, found.split_group, found.labels) == (clip.render_id, clip.split_group, clip.labels)
        assert np.array_equal(found.parts[0].pitch, clip.parts[0].pitch)


@cache
def first_labels(concept):
    return syntheory.compose(concept, 0)[0].labels


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(syntheory.CONCEPTS),
    st.dictionaries(
        st.sampled_from(["midi_note_val", "midi_program_num", "play_style_name", "root_note_name", "chord_progression",
                         "mode", "bpm", "click_config_name", "interval", "inversion"]),
        st.none() | st.integers(-5, 200) | st.text(max_size=8),
    ),
)  # fmt: skip
def test_labels_are_understood_or_refused(concept, changes):
    labels = first_labels(concept) | changes
    try:
        clip = _clip(concept, labels)
    except (ValueError, KeyError, TypeError, AttributeError):
        return
    assert clip.render_id


def test_full_has_as_many_clips_as_are_published():
    published = {
        "notes": 9936, "intervals": 39744, "scales": 15456, "chords": 13248, "simple_progressions": 20976,
        "tempos": 4025, "time_signatures": 1200,
    }  # fmt: skip
    for concept, count in published.items():
        clips = syntheory.compose(concept, size="full")
        assert len(clips) == count and len({c.clip_id for c in clips}) == count
    assert len({c.labels["midi_program_num"] for c in syntheory.compose("notes", size="full")}) == 92


def test_scores_come_back_from_the_table(published):
    table, _ = published_table(str(published), "notes", RATE, 0, max_clips=24)
    for row in table.itertuples():
        assert set(read_midi(row.midi).tracks[0].notes.numpy()["pitch"]) == {row.midi_note_val}
