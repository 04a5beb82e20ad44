import os
import signal
import subprocess
import sys
import time

import pytest

from sonoscope import lease, storage

HOLD = """
import sys, time
from pathlib import Path
from sonoscope.lease import acquire
from sonoscope.manifest import append
folder, wanted, total, seconds = Path(sys.argv[1]), *map(float, sys.argv[2:])
slots = acquire(int(wanted), int(total), folder / "locks", poll=0.01)
append(folder / "diary", {"event": "got", "slots": slots})
time.sleep(seconds)
append(folder / "diary", {"event": "gave", "slots": slots})
"""


def hold(folder, wanted, total, seconds):
    words = [sys.executable, "-c", HOLD, folder, str(wanted), str(total), str(seconds)]
    return subprocess.Popen(words, env=os.environ | {"PYTHONPATH": str(storage.WORKFLOW / "workflow_scripts")})


def diary(folder):
    from sonoscope.manifest import read

    return list(read(folder / "diary"))


def test_no_slot_is_ever_held_twice(tmp_path):
    for process in [hold(tmp_path, wanted, 3, 0.05) for wanted in (1, 2, 1, 2, 1, 3)]:
        assert process.wait(30) == 0
    held: set[int] = set()
    for line in diary(tmp_path):
        if line["event"] == "got":
            assert not held & set(line["slots"])
            held |= set(line["slots"])
        else:
            held -= set(line["slots"])
    assert len(diary(tmp_path)) == 12


def test_slot_is_freed_when_its_holder_is_killed(tmp_path):
    first = hold(tmp_path, 1, 1, 60)
    while not diary(tmp_path):
        time.sleep(0.01)
    second = hold(tmp_path, 1, 1, 0)
    time.sleep(0.3)
    assert second.poll() is None
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert second.wait(10) == 0


def test_more_cards_than_there_are_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="asks for 3 cards, the machine has 2"):
        lease.acquire(3, 2, tmp_path)


@pytest.mark.parametrize(
    ("set_to", "cards", "wanted", "seen"),
    [("5", 4, 1, "5"), (None, 4, 0, ""), (None, 1, 1, None), (None, 0, 1, None), (None, 4, 2, "0,1")],
)
def test_which_cards_a_job_sees(monkeypatch, tmp_path, set_to, cards, wanted, seen):
    for name in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"):
        monkeypatch.setenv(name, "")  # so that it is restored
        monkeypatch.delenv(name)
    if set_to is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", set_to)
    monkeypatch.setattr(lease, "cards", lambda: cards)
    monkeypatch.setattr(lease, "_held", [])
    monkeypatch.setattr(lease.tempfile, "gettempdir", lambda: str(tmp_path))
    lease.show_leased_cards(wanted)
    assert os.environ.get("CUDA_VISIBLE_DEVICES") == seen
