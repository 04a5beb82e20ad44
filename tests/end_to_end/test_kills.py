"""A slice of the real workflow, killed at random moments and done in shares, beside the same in one go."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.workflow

FOLDER = "results/tiny/latents/random/syntheory-notes"
KILLS, SEED = 3, 10
SHARES = {1: "{}", 7: "{encode: 2, capture: 7}"}


def command(folder, shares, *options):
    return [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)),
        *("--cores", "2", *options, "--config", "preset=tiny", "world={max_clips: 40}", "musicgen={batch: 6}"),
        *(f"shares={SHARES[shares]}", "--", f"{FOLDER}/hidden_states.safetensors"),
    ]


def environment():
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SONOSCOPE_", "PYTEST_"))}
    return kept | {"OMP_NUM_THREADS": "1", "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}"}


def call(folder, shares, *options):
    done = subprocess.run(command(folder, shares, *options), env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]


def outcome(folder):
    return {n: (folder / FOLDER / n).read_bytes() for n in ("tokens.safetensors", "hidden_states.safetensors")}


def killed(folder, shares, seconds):
    """Start a run and kill it with all its jobs after a while, unless it ends before; whether it was killed."""
    process = subprocess.Popen(
        command(folder, shares), env=environment(), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        process.wait(seconds)
        return False
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True


@pytest.mark.row("scale.shard_invariance")
def test_shares_and_kills_leave_the_same_bytes(tmp_path, record_property):
    whole, shared = tmp_path / "whole", tmp_path / "shared"
    call(whole, 1)
    draw, kills = random.Random(SEED), 0
    for _ in range(KILLS):
        kills += killed(shared, 7, draw.uniform(4, 25))
        call(shared, 7, "--unlock")
    call(shared, 7)
    assert kills == KILLS, "the run ended before it could be killed often enough"
    assert len(list((shared / FOLDER / "shares").glob("*/hidden_states.safetensors"))) == 7
    assert outcome(shared) == outcome(whole)
    assert not list(shared.rglob("kept*"))
