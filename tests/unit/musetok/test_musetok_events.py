"""MIDI to bars of tokens: worked examples, equality with the rules written out, and what the rules leave open."""

import numpy as np
import pytest
import symusic

from sonoscope.musetok import vocabulary as v
from sonoscope.musetok.events import read_bars, seconds_at, to_bars
from sonoscope.musetok.metres import written_as
from sonoscope.musetok.quantise import Notes, quantise
from sonoscope.musetok.reference import read_with_miditoolkit, read_with_mido, slow_events
from sonoscope.musetok.writing import UnwritableMidiError
from sonoscope.settings.musetok import PUBLISHED, Events
from sonoscope.symbolic.causes import Causes
from sonoscope.symbolic.composer import compose
from sonoscope.symbolic.cues import random_causes
from sonoscope.symbolic.midi import NotMidiError
from sonoscope.symbolic.varied import metre, random_score, raw_notes

WHOLE = PUBLISHED.model_copy(update={"long_bars": "keep"})


def score_of(*tracks, metres=((0, 4, 4),), resolution=480, drums=()):
    """Tracks as text like ``"0-480:60 480-960:64"``."""
    score = symusic.Score(resolution)
    for time, numerator, denominator in metres:
        score.time_signatures.append(symusic.TimeSignature(time, numerator, denominator))
    for k, text in enumerate(tracks):
        track = symusic.Track(is_drum=k in drums)
        for note in text.split():
            span, pitch = note.split(":")
            start, end = map(int, span.split("-"))
            track.notes.append(symusic.Note(start, end - start, int(pitch), 64))
        score.tracks.append(track)
    return score


def short(bars):
    """``"0 60 480, 12 64 480"`` per bar; the metre and the ends are checked elsewhere."""
    found = []
    for names in bars.names:
        values = [name.rpartition("_")[2] for name in names if name.startswith(("Beat", "Note"))]
        found.append(", ".join(" ".join(values[i : i + 3]) for i in range(0, len(values), 3)))
    return found


EXAMPLES = {
    "A": (score_of("0-480:60 480-960:64"), ["0 60 480, 12 64 480"]),
    "A2": (score_of("0-480:60 0-480:67 0-480:64"), ["0 67 480, 0 64 480, 0 60 480"]),
    "A3": (score_of("0-480:60 1-480:67 2-480:64"), ["0 60 480, 0 67 480, 0 64 480"]),
    "B": (score_of("4800-5280:60 5760-6240:62"), ["24 60 480", "0 62 480"]),
    "C": (score_of("960-2880:60"), ["24 60 1920", ""]),
    "C3": (score_of("0-5760:36 0-480:60 480-960:62"), ["0 60 480, 0 36 1920, 12 62 480"]),
    "D": (score_of("0-480:60 1919-2400:64"), ["0 60 480", "0 64 480"]),
    "E": (score_of("0-160:60 160-320:62 320-480:64"), ["0 60 160, 4 62 160, 8 64 160"]),
    "E2": (score_of("0-160:60 160-320:62 960-1440:64"), ["0 60 120, 3 62 240, 24 64 480"]),
    "F": (score_of("0-960:60 480-1440:64 1440-1920:67"), ["0 60 480, 12 64 960, 36 67 480"]),
    "F2": (score_of("0-1000:60 600-1440:64 1440-1920:67"), ["0 60 960, 15 64 720, 36 67 480"]),
    "F3": (score_of("0-960:60 480-1440:64"), ["0 60 960, 12 64 960"]),
    "H": (score_of("0-480:60", "0-120:36 240-360:42", drums=(1,)), ["0 60 480, 0 36 120, 6 42 120"]),
    "I": (score_of("0-480:60 1440-1920:62", metres=((0, 3, 4),)), ["0 60 480", "0 62 480"]),
    "J": (score_of("0-480:60 3360-3840:62", metres=((0, 4, 4), (1920, 3, 4))), ["0 60 480", "36 62 480"]),
    "K": (score_of("0-96:60 96-192:64", resolution=96), ["0 60 480, 12 64 480"]),
    "M": (score_of("0-7680:60 7680-8160:62"), ["0 60 1920", "", "", "", "0 62 480"]),
    "N": (
        score_of("20-140:60 40-160:61 60-180:62 100-220:63 140-260:64 200-320:65 220-340:66"),
        "0 0 2 2 3 4 6",
    ),
    "O": (score_of("0-480:60 3840-4320:62"), ["0 60 480", "", "0 62 480"]),
}
"""The sheet's examples. N names the places on the grid before the triplets are looked for."""


@pytest.mark.parametrize("name", [n for n in EXAMPLES if n != "N"])
def test_worked_examples(name):
    score, expected = EXAMPLES[name]
    assert short(to_bars(score, PUBLISHED)) == expected


def test_worked_example_of_ties_on_the_grid():
    bars = to_bars(EXAMPLES["N"][0], WHOLE)
    assert bars.names == slow_events(raw_notes(EXAMPLES["N"][0]), 480, 4, 4)[0]


def test_every_bar_begins_and_ends_as_it_should():
    bars = to_bars(EXAMPLES["M"][0], PUBLISHED).names
    assert [b[0] for b in bars] == ["Bar_None"] * 5
    assert [b[-1] for b in bars] == ["Time_Signature_4/4"] * 4 + ["EOS_None"]
    assert bars[1] == ["Bar_None", "Time_Signature_4/4"]
    assert to_bars(EXAMPLES["M"][0], Events()).names[-1][-1] == "Time_Signature_4/4"


def test_pitch_beyond_the_piano():
    score = score_of("0-480:20 0-480:60 480-960:125")
    with pytest.raises(UnwritableMidiError, match=r"song\.mid: expected pitches 21 to 108, found 2 .* such as 20"):
        to_bars(score, PUBLISHED, "song.mid")
    dropped = to_bars(score, Events())
    assert short(dropped) == ["0 60 480"]
    assert dropped.left_out == {"notes beyond the piano's keys": 2}
    assert short(to_bars(score, Events(pitches="fold"))) == ["0 60 480, 0 32 480, 12 101 480"]


@pytest.mark.parametrize("part", range(10))
def test_equal_to_the_rules_written_out(part):
    for seed in range(60 * part, 60 * part + 60):
        score = random_score(seed)
        bars = to_bars(score, WHOLE)
        expected, first = slow_events(raw_notes(score), score.ticks_per_quarter, *metre(score))
        assert bars.names == expected, seed
        assert bars.number[0] == first, seed


@pytest.mark.parametrize("read", [read_with_mido, read_with_miditoolkit])
def test_equal_to_the_rules_written_out_from_bytes(read):
    if read is read_with_miditoolkit:
        pytest.importorskip("miditoolkit")
    rng = np.random.default_rng(4)
    contents = [random_score(1000 + seed).dumps_midi() for seed in range(60)]
    contents += [compose(random_causes(rng, drums=True), seed, bars=4).dumps_midi() for seed in range(10)]
    for content in contents:
        notes, resolution, first = read(content)
        assert read_bars(content, WHOLE).names == slow_events(notes, resolution, *first)[0]


def test_equal_on_composed_pieces():
    rng = np.random.default_rng(3)
    for seed in range(60):
        score = compose(random_causes(rng, drums=bool(seed % 2)), seed, bars=4)
        bars = to_bars(score, WHOLE)
        assert bars.names == slow_events(raw_notes(score), score.ticks_per_quarter, *metre(score))[0]


def test_from_bytes_and_from_a_path(tmp_path):
    content = compose(Causes(), 0, bars=4).dumps_midi()
    (tmp_path / "a.mid").write_bytes(content)
    from_bytes, from_path = read_bars(content, Events()), read_bars(tmp_path / "a.mid", Events())
    assert from_bytes.names == from_path.names
    assert len(from_bytes) == 4
    with pytest.raises(NotMidiError):
        read_bars(b"RIFF....WAVEfmt ", Events())


def test_bars_are_reached_by_place():
    bars = to_bars(EXAMPLES["O"][0], PUBLISHED)
    assert [b.tolist() for b in bars] == [bars[k].tolist() for k in range(3)]
    assert bars[-1].tolist() == bars[2].tolist()
    with pytest.raises(IndexError, match="bar 3 of 3"):
        bars[3]


def test_drums_are_left_out_and_counted():
    bars = to_bars(EXAMPLES["H"][0], Events())
    assert short(bars) == ["0 60 480"]
    assert bars.left_out == {"notes of drums": 2}
    with pytest.raises(UnwritableMidiError, match="only drums"):
        to_bars(score_of("0-120:36", drums=(0,)), Events())


def test_bars_begin_anew_at_a_change_of_metre():
    score = score_of("0-480:60 1920-2400:62 3360-3840:64", metres=((0, 4, 4), (1920, 3, 4)))
    bars = to_bars(score, Events())
    assert [n[-1] for n in bars.names] == ["Time_Signature_4/4", "Time_Signature_3/4", "Time_Signature_3/4"]
    assert short(bars) == ["0 60 480", "0 62 480", "0 64 480"]
    assert (bars.tick.tolist(), bars.number.tolist()) == ([0, 1920, 3360], [0, 1, 2])
    assert bars.second.tolist() == [0.0, 2.0, 3.5]
    assert bars.numerator.tolist() == [4, 3, 3]


def test_a_note_just_before_a_change_of_metre_belongs_to_it():
    score = score_of("0-480:60 1890-2400:62", metres=((0, 4, 4), (1920, 3, 4)))
    assert short(to_bars(score, Events())) == ["0 60 480", "0 62 480"]


def test_a_short_first_metre_is_a_pickup():
    score = score_of("0-480:60 480-960:62", metres=((0, 1, 4), (480, 4, 4)))
    bars = to_bars(score, Events())
    assert short(bars) == ["36 60 480", "0 62 480"]
    assert (bars.tick.tolist(), bars.second.tolist()) == ([-1440, 480], [0.0, 0.5])


@pytest.mark.parametrize(
    ("metre", "written"),
    [
        ((12, 8), ((6, 8), 2)),
        ((9, 8), ((3, 8), 3)),
        ((6, 4), ((3, 4), 2)),
        ((3, 2), ((2, 4), 3)),
        ((4, 2), ((2, 2), 2)),
        ((4, 8), ((2, 4), 1)),
        ((5, 4), None),
        ((7, 8), None),
    ],
)
def test_metres_that_were_not_trained_on(metre, written):
    assert written_as(metre) == written


def test_a_metre_without_a_form_is_left_out_and_counted():
    score = score_of("0-480:60 2400-2880:62", metres=((0, 5, 4), (2400, 4, 4)))
    bars = to_bars(score, Events())
    assert short(bars) == ["0 62 480"]
    assert bars.left_out == {"notes in 5/4": 1}
    assert bars.number.tolist() == [1]
    with pytest.raises(UnwritableMidiError, match="no token for 5/4"):
        to_bars(score, PUBLISHED)
    with pytest.raises(UnwritableMidiError, match="1 notes in 7/8"):
        to_bars(score_of("0-480:60", metres=((0, 7, 8),)), Events())


def test_a_crowded_bar_keeps_its_outer_voices_and_its_metre():
    notes = " ".join(f"{k * 120}-{k * 120 + 120}:{p}" for k in range(16) for p in (40, 50, 60, 70))
    score = score_of(f"{notes} 1920-2400:60")
    bars = to_bars(score, Events())
    assert (bars.n_notes.tolist(), bars.n_kept.tolist()) == ([64, 1], [42, 1])
    assert len(bars[0]) == 128
    assert bars.names[0][-1] == "Time_Signature_4/4"
    kept = [int(name.rpartition("_")[2]) for name in bars.names[0] if name.startswith("Note_Pitch")]
    assert (kept.count(40), kept.count(70)) == (16, 16)
    cut = to_bars(score, PUBLISHED)
    assert (len(cut[0]), cut.n_kept.tolist()) == (128, [42, 1])
    assert cut.names[0] == to_bars(score, WHOLE).names[0][:128]


def test_distance_from_the_grid_tells_played_music():
    rng = np.random.default_rng(0)
    times = np.sort(rng.integers(0, 1920 * 8, 400))
    played = to_bars(score_of(" ".join(f"{t}-{t + 100}:60" for t in times)), Events())
    assert 12 < played.shift.mean() < 22
    assert to_bars(EXAMPLES["A"][0], Events()).shift.tolist() == [0.0]


def test_seconds_follow_the_tempo():
    score = score_of("0-480:60")
    score.tempos.append(symusic.Tempo(960, 60.0))
    score.tempos.append(symusic.Tempo(1920, 240.0))
    assert seconds_at(score, np.array([-5, 0, 480, 960, 1440, 1920, 2400])) == pytest.approx(
        [0, 0, 0.5, 1.0, 2.0, 3.0, 3.25], abs=1e-5
    )


def test_bars_that_are_no_whole_eighths_are_refused():
    one = Notes(*(np.array([k]) for k in (0, 480, 60, 64)))
    with pytest.raises(ValueError, match="whole eighth notes"):
        quantise(one, 500)


@pytest.mark.parametrize("seed", range(40))
def test_any_score_gives_whole_bars_or_a_reason(seed):
    rng = np.random.default_rng(seed)
    score = random_score(seed)
    for _ in range(rng.integers(0, 5)):
        score.time_signatures.append(
            symusic.TimeSignature(int(rng.integers(0, 9000)), int(rng.integers(1, 13)), int(2 ** rng.integers(0, 5)))
        )
    try:
        bars = to_bars(score, Events())
    except UnwritableMidiError:
        return
    assert all(bar[0] == v.BAR and v.TYPES[v.TYPE_OF[bar[-1]]] == "time_signature" for bar in bars)
    assert all(len(bar) == 3 * kept + 2 <= 128 for bar, kept in zip(bars, bars.n_kept, strict=True))
    assert (np.diff(bars.number) > 0).all()
    assert (np.diff(bars.tick) >= 0).all()
    assert bars.n_notes.sum() + sum(bars.left_out.values()) == score.note_num()
