import importlib
import logging
import sys
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import torch

from sonoscope.contracts import read_json
from sonoscope.contracts.musetok import BARS, LATENTS, SCORES
from sonoscope.corpora import engraved
from sonoscope.musetok import vocabulary as v
from sonoscope.musetok.corpus import CorpusError, midi_items
from sonoscope.musetok.model import MuseTok, initialise
from sonoscope.scorecard import read
from sonoscope.settings.musetok import Encoding, Geometry, Scores, TrainMuseTok
from sonoscope.settings.training import Optimiser
from sonoscope.symbolic.causes import Causes
from sonoscope.symbolic.composer import compose
from sonoscope.train import musetok as training
from sonoscope.train.musetok_corpus import training_scores, work_of
from sonoscope.train.musetok_measures import accuracy_rows, commonest_tokens, token_hits

SMALL = Geometry(
    dim=16, heads=2, dim_feedforward=16, encoder_layers=1, decoder_layers=1, dim_latent=8, codebooks=2, codes=8
)
SHORT = TrainMuseTok(
    corpus=Scores(composer=None, pieces=10, held_out=0.3),
    geometry=SMALL,
    continuous_steps=2,
    optimiser=Optimiser(steps=4, batch=2, warmup=1, checkpoint_every=2),
)


def script(name):
    return importlib.import_module(f"musetok.{name}")


@pytest.fixture(scope="module")
def scores():
    return training_scores(SHORT.corpus, 5)[0]


@pytest.fixture(scope="module")
def sides(scores):
    return training.read_side(scores, "train"), training.read_side(scores, "held_out")


def test_scores_are_split_by_work(scores):
    SCORES.check(scores)
    groups = scores.groupby("split")["split_group"].agg(set)
    assert groups["train"].isdisjoint(groups["held_out"])
    assert (scores["split"] == "held_out").sum() == 3
    assert work_of("bach/bwv248.5.mxl") == work_of("bach/bwv248.12-2.mxl") == "bach/bwv248"
    assert work_of("bach/choraleAnalyses.mxl") == "bach/choraleAnalyses.mxl"


def test_transposition_moves_pitches_alone(sides):
    piece = sides[0][0]
    moved = training.transpose(piece, 2)
    assert moved is not None
    before, after = ([v.NAMES[t] for bar in bars for t in bar] for bars in (piece, moved))
    for a, b in zip(before, after, strict=True):
        if a.startswith("Note_Pitch"):
            assert int(b.rpartition("_")[2]) == int(a.rpartition("_")[2]) + 2
        else:
            assert a == b
    assert training.transpose([np.array([v.PITCHES[108]], np.int16)], 1) is None


def test_batches_say_which_bar_each_token_is_of(sides):
    stretches = training.draw(sides[0], 3, 2, 6, torch.Generator().manual_seed(0))
    batch = training.collate(stretches)
    assert batch.bars.shape[0] == 6
    for row, stretch in enumerate(stretches):
        for k, bar in enumerate(stretch):
            assert batch.stretch[row][batch.bar[row] == k][: len(bar)].tolist() == bar.tolist()


def test_a_killed_training_goes_on_as_if_nothing_had_happened(sides, tmp_path, monkeypatch):
    whole = training.train_musetok(*sides, SHORT, tmp_path / "a.pt", 1)
    draw = training.draw
    calls = []

    def killed(*arguments):
        calls.append(1)
        if len(calls) == 4:  # the monitor's batch, then the third step
            raise KeyboardInterrupt
        return draw(*arguments)

    monkeypatch.setattr(training, "draw", killed)
    with pytest.raises(KeyboardInterrupt):
        training.train_musetok(*sides, SHORT, tmp_path / "b.pt", 1)
    monkeypatch.undo()
    resumed = training.train_musetok(*sides, SHORT, tmp_path / "b.pt", 1)
    for name, tensor in whole.state_dict().items():
        assert torch.allclose(tensor, resumed.state_dict()[name], atol=1e-6), name


def test_training_learns(sides, tmp_path, caplog):
    caplog.set_level(logging.INFO, "sonoscope")
    optimiser = Optimiser(steps=60, batch=8, learning_rate=5e-3, warmup=5, checkpoint_every=20)
    training.train_musetok(*sides, SHORT.model_copy(update={"optimiser": optimiser}), tmp_path / "c.pt", 1)
    losses = [float(r.message.split(" ce ")[1].split()[0]) for r in caplog.records if " ce " in r.message]
    assert losses[-1] < 0.8 * losses[0]


def test_accuracy_counts_every_token_once(sides):
    model = initialise(MuseTok(SMALL), 0).eval()
    counts = token_hits(model, sides[1], commonest_tokens(sides[0]))
    tokens = sum(len(bar) - 1 for piece in sides[1] for bar in piece)  # the first of a bar is given, not written
    assert counts[3].sum() == tokens
    assert (counts[:3] <= counts[3]).all()
    kinds = [v.TYPE_OF[bar[1:]] for piece in sides[1] for bar in piece]
    assert counts[3].sum(0).tolist() == np.bincount(np.concatenate(kinds), minlength=len(v.TYPES)).tolist()
    rows = {r.name: r for r in accuracy_rows(counts, ["a", "b", "c"], 0, "here")}
    assert "world.musetok.token_accuracy.bar" not in rows  # none is written where a stretch is one bar
    every = rows["world.musetok.token_accuracy.all"]
    assert every.value == pytest.approx(counts[0].sum() / tokens)
    assert every.null == pytest.approx(counts[1].sum() / tokens)
    assert every.low is not None and every.high is not None and every.low <= every.value <= every.high


def test_from_scores_to_latents(tmp_path):
    scores, weights = tmp_path / "scores.parquet", tmp_path / "fit/model.safetensors"
    script("collect_scores").main(scores, tmp_path / "left_out.json", SHORT.corpus, 5)
    script("fit_musetok").main(scores, weights, SHORT, 5)
    assert sorted(p.name for p in weights.parent.iterdir()) == ["config.json", "model.safetensors"]
    script("measure_musetok").main(scores, weights, tmp_path / "scorecard.json", 5)
    names = {row.name for row in read(tmp_path / "scorecard.json")}
    assert {"world.musetok.token_accuracy.pitch", "world.musetok.note_f1"} <= names

    folder = tmp_path / "midi"
    (folder / "deep").mkdir(parents=True)
    for k in range(2):
        (folder / f"deep/{k}.mid").write_bytes(compose(Causes(), k, bars=4).dumps_midi())
    (folder / "broken.mid").write_bytes(b"MThd")
    (folder / "notes.txt").write_text("no music")
    found = [tmp_path / name for name in ("latents.safetensors", "bars.parquet", "skipped.json")]
    script("musetok_latents").main(folder, weights, *found, "ours", Encoding())
    arrays, header = LATENTS.read(found[0])
    bars = BARS.read(found[1])
    assert len(bars) == len(arrays["codes"]) == 8
    assert bars["piece_id"].unique().tolist() == ["deep/0.mid", "deep/1.mid"]
    assert bars["second"].is_monotonic_increasing is False  # it begins anew with each piece
    assert header["model"] == "ours"
    assert [item["item"] for item in read_json(found[2])] == ["broken.mid"]


def test_a_corpus_may_be_a_table(tmp_path, scores):
    SCORES.write(tmp_path / "scores.parquet", scores)
    assert [name for name, _ in midi_items(tmp_path / "scores.parquet")] == scores["piece_id"].tolist()
    with pytest.raises(CorpusError, match="expected MIDI files"):
        midi_items(_empty(tmp_path))
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(CorpusError, match="expected columns piece_id and midi, found a"):
        midi_items(tmp_path / "other.parquet")


def _empty(folder):
    (folder / "empty").mkdir()
    return folder / "empty"


def test_real_scores_need_their_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "music21", None)
    with pytest.raises(engraved.MissingMusic21Error, match=r"pip install -r envs/training\.txt"):
        list(engraved.read_engraved("bach", []))


def test_a_pickup_is_filled_up():
    music21 = pytest.importorskip("music21")
    assert isinstance(music21, ModuleType)
    part = music21.stream.Part()
    for number, notes in ((0, ["C4"]), (1, ["D4", "E4", "F4"])):
        measure = music21.stream.Measure(number=number)
        if number == 0:
            measure.append(music21.meter.TimeSignature("3/4"))
        measure.append([music21.note.Note(n, quarterLength=1) for n in notes])
        part.append(measure)
    score = engraved._to_symusic(music21.stream.Score([part]))
    assert [(n.time, n.pitch) for n in score.tracks[0].notes] == [(960, 60), (1440, 62), (1920, 64), (2400, 65)]
    assert [(s.time, s.numerator) for s in score.time_signatures] == [(0, 3)]
