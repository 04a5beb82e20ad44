"""The model that comes with the repository."""

import re
from pathlib import Path

import pytest
import torch

from sonoscope.musetok.checkpoint import load_folder
from sonoscope.musetok.events import read_bars
from sonoscope.scorecard import read
from sonoscope.settings.musetok import Events, MuseTok
from sonoscope.symbolic.pieces import piece_table
from sonoscope.train.musetok_measures import commonest_tokens, token_hits

FOLDER = Path(__file__).resolve().parents[3] / "resources/models/sonoscope-musetok"
CARD_TEXT = (FOLDER / "README.md").read_text()
CARD = {"beat": "token_accuracy.position", "end": "token_accuracy.eos", "all tokens": "token_accuracy.all"}


@pytest.fixture(scope="module")
def model():
    return load_folder(FOLDER)


def test_its_shape_is_the_default_one(model):
    assert model.geometry == MuseTok().training.geometry
    assert MuseTok().weights(FOLDER.parent, Path("downloads")) == str(FOLDER / "model.safetensors")
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(0.89e6, rel=0.01)


def test_it_gives_bars_back_that_it_has_never_seen(model):
    table = piece_table(12, 987654, bars=4)
    pieces = [list(read_bars(midi, Events(end=True))) for midi in table["midi"]]
    own, wrong, common, total = token_hits(model, pieces, commonest_tokens(pieces)).sum((1, 2)) / 1.0
    assert own / total > 0.6
    assert own / total > max(wrong, common) / total + 0.2


def test_its_card_says_what_was_measured():
    rows = {row.name.removeprefix("world.musetok."): row for row in read(FOLDER / "scorecard.json")}
    lines = re.findall(r"^\| ([a-z ,1F]+?) \| (\d\.\d+) \| (\d\.\d+) – (\d\.\d+) \|", CARD_TEXT, re.M)
    assert len(lines) == len(rows) == 7
    for name, *numbers in lines:
        key = "note_f1" if name.startswith("notes") else CARD.get(name, f"token_accuracy.{name.replace(' ', '_')}")
        row = rows[key]
        assert [float(x) for x in numbers] == pytest.approx([row.value, row.low, row.high], abs=6e-4), name


def test_weights_are_finite_and_small(model):
    assert all(torch.isfinite(t).all() for t in model.state_dict().values())
    assert (FOLDER / "model.safetensors").stat().st_size < 3e6
