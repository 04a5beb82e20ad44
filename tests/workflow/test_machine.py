"""`snakemake doctor` and `snakemake fetch_models`, as a user calls them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests" / "unit" / "fetch"))

from loopback import COMMIT, Server  # noqa: E402

pytestmark = pytest.mark.workflow

SMALL = {"state_dict.bin": b"lm" * 300_000, "compression_state_dict.bin": b"codec" * 100}
PARTS = {"config.json": b"{}", "model.safetensors": b"w" * 1000}


def call(folder: Path, *arguments: str, config: dict | None = None, **variables: str) -> subprocess.CompletedProcess:
    own = folder / "own.yaml"
    own.write_text(yaml.safe_dump({"preset": "tiny", **(config or {})}))
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("HF_", "SONOSCOPE_", "SNAKEMAKE_"))}
    command = [
        *(sys.executable, "-m", "snakemake", "--cores", "2", "--directory", str(folder)),
        *("--snakefile", str(ROOT / "Snakefile"), "--workflow-profile", str(ROOT / "profiles" / "default")),
        *("--configfile", str(own), "--", *arguments),
    ]
    environment = kept | {"OMP_NUM_THREADS": "1"} | variables
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


@pytest.fixture
def hub():
    with Server() as server:
        server.files |= {f"facebook/musicgen-small/{n}": c for n, c in SMALL.items()}
        for repo in ("google-t5/t5-base", "facebook/encodec_32khz"):
            server.files |= {f"{repo}/{n}": c for n, c in PARTS.items()}
        yield server


def test_models_are_fetched_over_a_bad_line_and_not_twice(hub, tmp_path):
    hub.breaks, hub.break_after = 2, 500
    config = {"fetch": {"models": ["musicgen-small"]}}
    done = call(tmp_path, "fetch_models", config=config, HF_ENDPOINT=hub.url)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "resources" / "downloads" / "models"
    for name, content in SMALL.items():
        assert (folder / "musicgen-small" / name).read_bytes() == content
    record = json.loads((folder / "musicgen-small" / "fetched.json").read_text())
    assert record["commit"] == COMMIT
    assert (folder / "hub" / "models--t5-base" / "snapshots" / COMMIT / "config.json").read_bytes() == b"{}"
    for model in ("musicgen-small", "t5-base", "encodec_32khz"):
        assert f"{model}: " in done.stdout  # the page at the end
    hub.asked.clear()
    again = call(tmp_path, "fetch_models", config=config, HF_ENDPOINT=hub.url)
    assert again.returncode == 0, again.stderr
    assert "musicgen-small: 2 files" in again.stdout
    assert "fetch_model:" not in again.stderr
    # without its record, which the workflow deletes before it makes it again, nothing is asked of the network either
    (folder / "musicgen-small" / "fetched.json").unlink()
    assert call(tmp_path, "fetch_models", config=config, HF_ENDPOINT=hub.url).returncode == 0
    assert hub.asked == []


def test_a_model_that_is_not_there_fails_with_one_sentence_and_nothing_asked_for_says_so(hub, tmp_path):
    failed = call(tmp_path, "fetch_models", config={"fetch": {"folders": {"mimi": "nowhere"}}}, HF_ENDPOINT=hub.url)
    assert failed.returncode != 0
    assert "fetch.folders.mimi" in failed.stderr
    assert "expected a folder, found none" in failed.stderr
    empty = call(tmp_path, "fetch_models")
    assert empty.returncode == 0, empty.stderr
    assert "there is nothing to fetch" in empty.stdout


def test_the_doctor_looks_anew_and_shows_its_page(tmp_path):
    for _ in range(2):
        done = call(tmp_path, "doctor")
        assert done.returncode == 0, done.stderr
        assert "# This machine" in done.stdout
        assert "musicgen-large" in done.stdout
    found = json.loads((tmp_path / "results" / "tiny" / "doctor.json").read_text())
    assert found["devices"][-1]["place"] == "cpu"
    assert all(rate["gflops"] > 0 for rate in found["rates"])
