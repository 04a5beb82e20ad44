from collections import Counter

import numpy as np
import pytest

from sonoscope.contracts.world import CLIPS
from sonoscope.symbolic import describe, syntheory
from sonoscope.symbolic.corpus import syntheory_table
from sonoscope.symbolic.instruments import HELD_OUT, INSTRUMENTS
from sonoscope.symbolic.notes import part, to_score

SIZES = {
    "notes": 720, "intervals": 864, "scales": 672, "chords": 864, "simple_progressions": 912, "tempos": 410,
    "time_signatures": 240,
}  # fmt: skip


@pytest.fixture(scope="module")
def world():
    return {concept: syntheory.compose(concept) for concept in syntheory.CONCEPTS}


def test_sizes(world):
    assert {concept: len(clips) for concept, clips in world.items()} == SIZES
    assert sum(SIZES.values()) == 4682


@pytest.mark.parametrize("concept", syntheory.CONCEPTS)
def test_ids_are_unique_and_stable(world, concept):
    ids = [clip.clip_id for clip in world[concept]]
    assert len(set(ids)) == len(ids)
    assert ids == [clip.clip_id for clip in syntheory.compose(concept)]


@pytest.mark.parametrize("concept", syntheory.CONCEPTS)
def test_every_value_of_the_label_is_there(world, concept):
    values = Counter(clip.labels[syntheory.LABEL[concept]] for clip in world[concept])
    expected = {
        "notes": 12, "intervals": 12, "scales": 7, "chords": 4, "simple_progressions": 19, "tempos": 41,
        "time_signatures": 8,
    }  # fmt: skip
    assert len(values) == expected[concept]
    assert len(set(values.values())) == 1  # balanced


@pytest.mark.parametrize("concept", ["notes", "intervals", "scales", "chords", "simple_progressions"])
def test_tonal_clips_fill_four_seconds(world, concept):
    for clip in world[concept]:
        (notes,) = clip.parts
        assert float((notes.onset + notes.duration).max()) * 60 / clip.bpm == pytest.approx(4.0)
        assert notes.onset.min() == 0
        assert (notes.velocity == 64).all()


def test_notes_sound_what_their_labels_say(world):
    for clip in world["notes"]:
        assert (clip.parts[0].pitch == clip.labels["midi_note_val"]).all()
        assert clip.labels["midi_note_val"] % 12 == clip.labels["root_note_pitch_class"]


def test_intervals(world):
    for clip in world["intervals"]:
        notes = clip.parts[0]
        low, high = int(notes.pitch.min()), int(notes.pitch.max())
        assert high - low == clip.labels["interval"]
        if clip.labels["play_style_name"] == "UNISON":
            assert Counter(notes.onset.tolist()).most_common(1)[0][1] == 2
        else:
            first = low if clip.labels["play_style_name"] == "UP" else high
            assert int(notes.pitch[0]) == first


def test_scales_hold_their_mode_only(world):
    for clip in world["scales"]:
        pitches = clip.parts[0].pitch
        root = syntheory.tonic(syntheory.PITCH_CLASSES.index(clip.labels["root_note_name"]))
        steps = sorted({int(p - root) % 12 for p in pitches})
        assert steps == list(syntheory.MODES[clip.labels["mode"]])
        assert (np.diff(pitches) > 0).all() == (clip.labels["play_style_name"] == "UP")


def test_chord_quality_and_inversion(world):
    for clip in world["chords"]:
        pitches = sorted(set(clip.parts[0].pitch.tolist()))
        root = clip.labels["root_note_pitch_class"]
        assert {(p - root) % 12 for p in pitches} == set(syntheory.CHORDS[clip.labels["chord_type"]])
        bass = {5: 0, 6: 1, 64: 2}[clip.labels["inversion"]]
        assert (pitches[0] - root) % 12 == syntheory.CHORDS[clip.labels["chord_type"]][bass]


def root_octaves(octave):
    lowest = {}
    for clip in syntheory.compose("chords", octave=octave):
        if clip.labels["inversion"] == 5:
            lowest[clip.labels["root_note_pitch_class"], clip.labels["chord_type"]] = int(clip.parts[0].pitch.min())
    return lowest


def test_register_gives_chord_type_away_only_in_the_faithful_set():
    corrected, faithful = root_octaves("corrected"), root_octaves("faithful")
    for root in range(12):
        assert len({corrected[root, quality] for quality in syntheory.CHORDS}) == 1
    raised = {root for root in range(12) if faithful[root, "aug"] == corrected[root, "aug"] + 12}
    assert raised == {6, 7, 8}


def test_two_progression_classes_are_the_same_music(world):
    """A known property of the published classes: ionian 6415 in C and aeolian 1637 in A sound the same chords."""

    def chords(key, label):
        clip = next(
            c for c in world["simple_progressions"]
            if c.labels["key_note_name"] == key and c.labels["chord_progression"] == label
        )  # fmt: skip
        return [frozenset((clip.parts[0].pitch[3 * k : 3 * k + 3] % 12).tolist()) for k in range(4)]

    assert chords("C", "ionian-(6, 4, 1, 5)") == chords("A", "aeolian-(1, 6, 3, 7)")


def test_clicks_keep_time_and_accent_the_downbeat(world):
    for clip in world["tempos"][:: len(world["tempos"]) // 20]:
        notes = clip.parts[0]
        assert np.allclose(np.diff(notes.onset), 1.0)
        assert (notes.velocity[::4] == 100).all()
        assert clip.bpm == clip.labels["bpm"]
    for clip in world["time_signatures"]:
        notes, beats = clip.parts[0], clip.labels["time_signature_beats"]
        assert np.flatnonzero(notes.velocity == 100).tolist() == list(range(0, len(notes.velocity), beats))
        assert np.allclose(np.diff(notes.onset), 4 / clip.labels["time_signature_subdivision"])


def test_crops_of_one_render_stay_in_one_group(world):
    for concept in ("tempos", "time_signatures"):
        groups = {}
        for clip in world[concept]:
            groups.setdefault(clip.render_id, set()).add(clip.split_group)
        assert all(len(g) == 1 for g in groups.values())
        assert Counter(Counter(c.render_id for c in world[concept]).values()) == {2: len(groups)}


def test_held_out_instruments_are_in_no_corpus(world):
    used = {clip.labels["midi_program_num"] for concept in syntheory.CONCEPTS[:5] for clip in world[concept]}
    assert used == {i.program for i in INSTRUMENTS}
    assert not used & {i.program for i in HELD_OUT}


def test_unknown_concept_names_the_known_ones():
    with pytest.raises(ValueError, match="notes, intervals"):
        syntheory.compose("colours")


@pytest.mark.parametrize("concept", syntheory.CONCEPTS)
def test_prompts_tell_values_apart(world, concept):
    label = syntheory.LABEL[concept]
    said = {}
    for clip in world[concept]:
        said.setdefault(describe.prompt(concept, clip.labels), set()).add(str(clip.labels[label]))
    assert all(len(values) == 1 for values in said.values())
    assert set(describe.open_prompts(concept, 12)).isdisjoint(said)


def test_tables_fit_their_contract_and_repeat(tmp_path):
    one, two = (syntheory_table("time_signatures", 8000, 5, "corrected", 24) for _ in range(2))
    CLIPS.write(tmp_path / "a.parquet", one)
    CLIPS.write(tmp_path / "b.parquet", two)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    back = CLIPS.read(tmp_path / "a.parquet")
    assert len(back) == 24
    assert not back["is_silent"].any()
    assert {"time_signature", "reverb_level", "render_id"} <= set(back)


def test_datasets_reads_the_table(tmp_path):
    """The published data set's schema: an Audio feature that the datasets library recognises."""
    from datasets import Dataset

    CLIPS.write(tmp_path / "a.parquet", syntheory_table("tempos", 8000, 0, "corrected", 24))
    rows = Dataset.from_parquet(str(tmp_path / "a.parquet"), cache_dir=str(tmp_path))
    assert rows.features["audio"].keys() == {"bytes", "path"}
    assert rows[0]["audio"]["bytes"][:4] == b"fLaC"


def test_pitches_outside_midi_are_refused():
    with pytest.raises(ValueError, match=r"\[0, 127\]"):
        part(0, 1, 128, 64)


def test_score_is_in_ticks_of_480():
    score = to_score([part([0, 0.5], 0.5, [60, 62], [10, 20], 5)], 100, (3, 4))
    notes = score.tracks[0].notes.numpy()
    assert notes["time"].tolist() == [0, 240]
    assert notes["duration"].tolist() == [240, 240]
    assert (score.tempos[0].qpm, score.time_signatures[0].numerator, score.tpq) == (pytest.approx(100), 3, 480)
