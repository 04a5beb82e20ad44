"""A slice of the real workflow on a real SLURM, with the profile that users are given."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cluster import Cluster, Job, wait_for

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slurm

WORLD = "results/tiny/world/syntheory"
LATENTS = "results/tiny/latents/random"


def command(folder: Path, targets: tuple[str, ...], *options: str) -> list[str]:
    """Snakemake with the shipped profile, but quicker to look after its jobs than on a shared cluster."""
    return [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)),
        *("--workflow-profile", str(ROOT / "profiles/slurm"), "--slurm-init-seconds-before-status-checks", "3"),
        *("--latency-wait", "10", *options, "--config", "preset=tiny", "world={max_clips: 24}", "--", *targets),
    ]


def environment(slurm: Cluster) -> dict[str, str]:
    return slurm.environment | {"PATH": f"{Path(sys.executable).parent}:{slurm.environment['PATH']}"}


def call(
    slurm: Cluster, folder: Path, *targets: str, options: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(folder, targets, *options), env=environment(slurm), capture_output=True, text=True, timeout=400
    )


def jobs_since(slurm: Cluster, before: int) -> list[Job]:
    return slurm.jobs()[before:]


@pytest.mark.row("scale.slurm.finished")
@pytest.mark.row("scale.slurm.gpu_limited")
def test_finishes_and_cards_are_queued_for(slurm, tmp_path):
    before = len(slurm.jobs())
    targets = [f"{LATENTS}/syntheory-{concept}/tokens.safetensors" for concept in ("notes", "chords")]
    done = call(slurm, tmp_path, *targets)
    assert done.returncode == 0, done.stdout + done.stderr
    assert all((tmp_path / target).exists() for target in targets)
    jobs = jobs_since(slurm, before)
    assert {job.state for job in jobs} == {"COMPLETED"}
    first, second = sorted((job for job in jobs if job.gpus), key=lambda job: job.started)
    assert second.submitted < first.ended, "the second was not waiting, so this shows nothing"
    assert second.started >= first.ended


@pytest.mark.row("scale.slurm.oom_retried")
def test_out_of_memory_is_sent_again_with_more(slurm, tmp_path):
    before = len(slurm.jobs())
    target = f"{WORLD}/notes.parquet"
    done = call(slurm, tmp_path, target, options=("--set-resources", "compose_syntheory:mem_mb=120*attempt**3"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / target).exists()
    assert [job.state for job in jobs_since(slurm, before)] == ["FAILED", "COMPLETED"]


def test_log_of_a_failing_job_is_printed(slurm, tmp_path):
    model = tmp_path / "results/tiny/models/random"
    model.mkdir(parents=True)
    for name in ("state_dict.bin", "compression_state_dict.bin"):
        (model / name).write_bytes(b"not a checkpoint")
    target = f"{LATENTS}/syntheory-notes/tokens.safetensors"
    done = call(slurm, tmp_path, target, options=("--retries", "0"))
    assert done.returncode != 0
    assert "state_dict.bin: expected tensors and text only" in done.stdout + done.stderr
    assert not (tmp_path / target).exists()
    assert (tmp_path / f"{WORLD}/notes.parquet").exists()


@pytest.mark.row("scale.slurm.resumed")
def test_killed_driver_goes_on_without_losing_what_was_done(slurm, tmp_path):
    clips, target = tmp_path / f"{WORLD}/notes.parquet", f"{LATENTS}/syntheory-notes/tokens.safetensors"
    output = tmp_path / "driver.log"
    with output.open("wb") as log:
        driver = subprocess.Popen(command(tmp_path, (target,)), env=environment(slurm), stdout=log, stderr=log)
    try:
        wait_for(lambda: "2 of 3 steps" in output.read_text(), "two of three jobs are done", 240)
    finally:
        driver.send_signal(signal.SIGKILL)
        driver.wait()
    slurm.cancel_all()
    assert not (tmp_path / target).exists()
    written = clips.stat().st_mtime_ns
    unlock = call(slurm, tmp_path, target, options=("--unlock",))
    assert unlock.returncode == 0, unlock.stderr
    done = call(slurm, tmp_path, target)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / target).exists()
    assert clips.stat().st_mtime_ns == written


def test_interrupted_driver_takes_its_jobs_along(slurm, tmp_path):
    driver = subprocess.Popen(
        command(tmp_path, (f"{LATENTS}/syntheory-notes/tokens.safetensors",)), env=environment(slurm),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        # a shell that starts the tests in the background has them ignore interrupts, and their children too
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    wait_for(slurm.queue, "a job is in the queue", 240)
    driver.send_signal(signal.SIGINT)
    assert driver.wait(180) != 0
    wait_for(lambda: not slurm.queue(), "the queue is empty", 120)
    assert not list(tmp_path.glob(".snakemake/locks/*"))
