"""`make soak`: preset tiny, killed thirty times at random moments, ends with the bytes of a run that was left alone.

Not part of the test suite, which kills a slice three times (tests/end_to_end/test_kills.py) and the whole once
(tests/end_to_end).
"""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "end_to_end"))

from test_tiny import call, command, environment, files

KILLS, SEED = int(os.environ.get("SOAK_KILLS", "30")), int(os.environ.get("SOAK_SEED", "0"))
SHORTEST, LONGEST = 5.0, 45.0
"""Seconds after which a run is killed."""


def killed(folder, seconds):
    process = subprocess.Popen(
        command(folder), env=environment(), start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        return process.wait(seconds) is None
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True


@pytest.mark.row("scale.kills_survived")
def test_every_kill_is_survived(tmp_path, record_property):
    whole = tmp_path / "whole"
    call(whole)
    expected, draw, survived, run = files(whole), random.Random(SEED), 0, 0
    while survived < KILLS:
        folder, kills = tmp_path / f"run{run}", 0
        while survived + kills < KILLS and killed(folder, draw.uniform(SHORTEST, LONGEST)):
            kills += 1
            call(folder, "--unlock")
        call(folder)
        found = files(folder)
        assert found.keys() == expected.keys()
        assert [name for name in expected if found[name] != expected[name]] == []
        survived, run = survived + kills, run + 1
        print(f"{survived} of {KILLS} kills survived, run {run}")  # noqa: T201
    record_property("value", survived)
