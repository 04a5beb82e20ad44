"""Histories: always in the table, and in Weights & Biases where that is asked for."""

import sys
from types import ModuleType

import pytest

from sonoscope.affect.tracking import Tracker
from sonoscope.errors import SonoscopeError


class StandIn(ModuleType):
    """What the tracker calls of wandb, written down."""

    def __init__(self):
        super().__init__("wandb")
        self.calls = []

    def init(self, **about):
        self.calls.append(("init", about))
        return self

    def log(self, values, step):
        self.calls.append(("log", step, values))

    def finish(self):
        self.calls.append(("finish",))


def course(kind, rows):
    with Tracker(kind, "both", 1, 7, rows) as tracker:
        tracker.note(1, 0.5, 0.6)
        tracker.note(2, 0.4, 0.55)


def test_a_run_is_logged_offline_and_finished(monkeypatch):
    wandb, rows = StandIn(), []
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    course("wandb", rows)
    assert [c[0] for c in wandb.calls] == ["init", "log", "log", "finish"]
    about = wandb.calls[0][1]
    assert about["mode"] == "offline"
    assert about["config"] == {"model": "both", "fold": 1, "seed": 7}
    assert wandb.calls[2] == ("log", 2, {"training_loss": 0.4, "validation_loss": 0.55})
    assert rows[1] == {"model": "both", "fold": 1, "seed": 7, "epoch": 2, **wandb.calls[2][2]}


def test_the_environment_says_whether_it_is_online_and_errors_finish_the_run(monkeypatch):
    wandb = StandIn()
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    monkeypatch.setenv("WANDB_MODE", "online")
    with pytest.raises(ZeroDivisionError), Tracker("wandb", "m", 0, 0, []):
        _ = 1 / 0
    assert wandb.calls[0][1]["mode"] == "online"
    assert wandb.calls[-1] == ("finish",)


def test_by_default_wandb_is_not_touched(monkeypatch):
    wandb, rows = StandIn(), []
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    course("none", rows)
    assert wandb.calls == []
    assert len(rows) == 2


def test_without_the_package_the_error_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(SonoscopeError, match="pip install wandb, or set it to none"):
        Tracker("wandb", "m", 0, 0, [])
