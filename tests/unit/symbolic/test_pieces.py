import pytest

from sonoscope.symbolic.causes import Causes
from sonoscope.symbolic.composer import compose
from sonoscope.symbolic.cues import affect_of, quadrant_of
from sonoscope.symbolic.instruments import HELD_OUT
from sonoscope.symbolic.midi import read_midi
from sonoscope.symbolic.pieces import PIECES, pair_table, piece_table
from sonoscope.symbolic.prompts import LEVELS


def causes_in(row):
    names = ("mode", "key", "tempo", "metre", "register", "density", "articulation", "dynamics", "progression", "drums")
    return Causes(**{n: row[n] for n in names}, programs=tuple(row["programs"]))


@pytest.fixture(scope="module")
def table():
    return piece_table(120, seed=5, drums=0.3)


def test_rows_tell_the_whole_truth(table):
    for _, row in table.iterrows():
        causes = causes_in(row)
        assert compose(causes, row.seed, bars=row.n_bars).dumps_midi() == row.midi
        assert (row.valence, row.arousal) == affect_of(causes)
        assert row.quadrant == quadrant_of(row.valence, row.arousal)
        assert read_midi(row.midi).to("second").end() <= row.seconds + 1e-3


def test_table_survives_its_file(table, tmp_path):
    PIECES.write(tmp_path / "pieces.parquet", table)
    again = PIECES.read(tmp_path / "pieces.parquet")
    assert again.drop(columns="programs").equals(table.drop(columns="programs"))
    assert [list(p) for p in again.programs] == list(table.programs)


def test_all_levels_and_both_modes_occur(table):
    assert set(table.level) == set(LEVELS)
    assert set(table["mode"]) == {"major", "minor"}
    assert (table.emotion == "").equals(table.level.isin(["cue", "neutral"]))


def test_held_out_instruments_stay_out(table):
    assert not {p for row in table.programs for p in row} & {i.program for i in HELD_OUT}


def test_a_piece_does_not_depend_on_how_many_follow(table):
    assert piece_table(3, seed=5, drums=0.3).equals(table.head(3))


def test_other_seeds_give_other_pieces(table):
    assert not set(piece_table(20, seed=6).midi) & set(table.midi)


def test_seconds_set_the_length():
    table = piece_table(20, seed=0, seconds=4.0)
    assert (table.seconds >= 4.0).all()


def test_pairs_differ_in_one_cause_and_share_a_split_group():
    table = pair_table(6, 0, "mode", ["major", "minor"], bars=4)
    assert len(table) == 12
    for _, two in table.groupby("split_group"):
        first, second = (causes_in(row) for _, row in two.iterrows())
        assert (first.mode, second.mode) == ("major", "minor")
        assert (
            two.drop(columns=["piece_id", "prompt", "mode", "valence", "quadrant", "midi", "programs"])
            .drop_duplicates()
            .shape[0]
            == 1
        )
