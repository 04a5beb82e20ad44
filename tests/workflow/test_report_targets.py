"""The report as a target: the state on disk without running anything, and Snakemake's own report around it."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from toy import ROOT, environment

pytestmark = pytest.mark.workflow

SNAKEFILE = """
rule report:
    output:
        site=report(directory("results/toy/report"), htmlindex="index.html", category="Report"),
    script:
        "draw.py"
"""
DRAW = """
from pathlib import Path
from sonoscope.report.results import Results
from sonoscope.report.site import build

build(Path(snakemake.output.site), Results(Path("results/toy")))
"""


def call(folder: Path, *words: str, storage: Path | None = None) -> subprocess.CompletedProcess:
    named = environment() | {"PYTHONPATH": str(ROOT / "workflow_scripts")}
    if storage:
        named["SONOSCOPE_STORAGE"] = str(storage)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--nolock", *words]
    return subprocess.run(command, cwd=folder, env=named, capture_output=True, text=True)


def test_report_now_runs_nothing_else(tmp_path):
    done = call(ROOT, "--dry-run", "report_now", storage=tmp_path)
    assert done.returncode == 0, done.stderr
    assert set(re.findall(r"^(?:local)?rule (\w+):", done.stdout + done.stderr, re.MULTILINE)) == {"report_now"}


def test_report_now_of_nothing_names_the_target_of_every_study(tmp_path):
    done = call(ROOT, "report_now", storage=tmp_path)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "results/demo/report_now/index.html").read_text()
    for study in ("steering", "interpretability", "affect", "attribution", "dynamics"):
        assert f"<code>snakemake {study}</code>" in page
    assert not (tmp_path / "results/demo/report").exists()


def test_snakemakes_own_report_holds_the_site(tmp_path):
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "draw.py").write_text(DRAW)
    assert call(tmp_path).returncode == 0
    done = call(tmp_path, "--report", "report.zip")
    assert done.returncode == 0, done.stderr
    names = zipfile.ZipFile(tmp_path / "report.zip").namelist()
    assert any(n.endswith("report.html") for n in names)
    assert any(n.endswith("assets/style.css") for n in names) and any(n.endswith("/scorecard.html") for n in names)
