import io

import mido
import numpy as np
import pytest
import symusic
from hypothesis import given, settings
from hypothesis import strategies as st

from sonoscope.symbolic import midi
from sonoscope.symbolic.causes import Causes
from sonoscope.symbolic.composer import compose
from sonoscope.symbolic.midi import (
    AbsurdMidiError,
    DamagedMidiError,
    EmptyMidiError,
    MidiError,
    NotMidiError,
    read_midi,
)

VALID = compose(Causes(drums=True), 0, bars=2).dumps_midi()


def written(*messages):
    file = mido.MidiFile(tracks=[mido.MidiTrack(messages)])
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


NOTE = (mido.Message("note_on", note=60, velocity=64, time=0), mido.Message("note_off", note=60, time=480))


def test_a_valid_file_is_read(tmp_path):
    path = tmp_path / "a.mid"
    path.write_bytes(VALID)
    assert read_midi(path) == read_midi(VALID) == symusic.Score.from_midi(VALID)


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        (b"", EmptyMidiError, "0 bytes"),
        (b"RIFF....WAVEfmt ", NotMidiError, "MThd"),
        (VALID[:9], DamagedMidiError, "cut short"),
        (VALID[: len(VALID) // 2], DamagedMidiError, "cut short"),
        (VALID[:12] + b"\0\0" + VALID[14:], AbsurdMidiError, "division"),
        (written(), EmptyMidiError, "no notes"),
        (written(mido.MetaMessage("set_tempo", tempo=1), *NOTE), AbsurdMidiError, "quarter notes per minute"),
        (written(mido.MetaMessage("set_tempo", tempo=0), *NOTE), AbsurdMidiError, "found inf"),
        (written(mido.MetaMessage("set_tempo", tempo=16777215), *NOTE), AbsurdMidiError, "found 3.57"),
        (written(mido.MetaMessage("time_signature", numerator=0, denominator=4), *NOTE), AbsurdMidiError, "0/4"),
        (
            written(*NOTE, NOTE[0], mido.Message("note_off", note=60, time=0xFFFFFFF)),
            AbsurdMidiError,
            "at most 86400 s",
        ),
    ],
)
def test_damage_is_named(content, error, says):
    with pytest.raises(error, match=says) as caught:
        read_midi(content, name="song.mid")
    assert "song.mid" in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_too_many_notes(monkeypatch):
    monkeypatch.setattr(midi, "MOST_NOTES", 10)
    with pytest.raises(AbsurdMidiError, match="at most 10 notes"):
        read_midi(VALID)


def test_a_million_notes_are_refused_for_real():
    score = symusic.Score(480)
    score.tracks.append(symusic.Track())
    n = 10**6 + 1
    column = np.arange(n, dtype=np.int32)
    ones = np.ones(n, np.int8)
    score.tracks[0].notes = symusic.Note.from_numpy(column, np.ones(n, np.int32), 60 * ones, 64 * ones)
    with pytest.raises(AbsurdMidiError, match="at most 1000000 notes, found 1000001"):
        read_midi(score.dumps_midi())


def read_or_refuse(content):
    try:
        score = read_midi(content)
    except MidiError:
        return
    assert score.note_num() > 0


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_random_bytes_are_refused(content):
    read_or_refuse(content)
    read_or_refuse(b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk" + content)


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, len(VALID) - 1), st.integers(0, 255)), max_size=12),
    st.integers(0, len(VALID)),
    st.binary(max_size=6),
)
def test_mutated_files_are_read_or_refused(changes, cut, inserted):
    content = bytearray(VALID)
    for place, value in changes:
        content[place] = value
    content[cut:cut] = inserted
    read_or_refuse(bytes(content))
    read_or_refuse(bytes(content[:cut]))
