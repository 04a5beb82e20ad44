"""Optional packages and programs: whether they are there, and what each would add."""

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_SCRIPTS = Path(__file__).resolve().parents[2]
_SECONDS = 120


@dataclass(frozen=True)
class Tool:
    """Something that Sonoscope runs without."""

    name: str
    kind: Literal["package", "program"]
    adds: str
    fragile: bool = False
    """Whether it is known to be installed and yet not to load; then it is imported to see."""
    distribution: str = ""
    """Name of the package where it is installed from, if it is another."""


OPTIONAL = (
    Tool("ffmpeg", "program", "reads and writes audio in compressed formats such as MP3 and AAC"),
    Tool("fluidsynth", "program", "a second synthesizer to compare renderings with"),
    Tool("espeak-ng", "program", "a second source of synthetic speech; the bundled library serves otherwise"),
    Tool("sbatch", "program", "runs the workflow on a SLURM cluster (profiles/slurm)"),
    Tool("nvidia-smi", "program", "shows what else runs on the NVIDIA cards"),
    Tool("conda", "program", "makes the environments of envs/ by itself (--sdm conda)"),
    Tool("git", "program", "records in each result which commit it was made with"),
    Tool("xformers", "package", "its attention kernels in MusicGen; torch's own serve otherwise", fragile=True),
    Tool("torchaudio", "package", "chroma conditioning of the melody models", fragile=True),
    Tool("spacy", "package", "MusicGen variants that normalise their prompts", fragile=True),
    Tool("demucs", "package", "splits off the melody that the melody models are given"),
    Tool("faiss", "package", "fast nearest neighbours over very many gradient embeddings", True, "faiss-cpu"),
    Tool("wandb", "package", "a copy of training curves on a dashboard"),
    Tool("moshi", "package", "Mimi by its makers' own code; transformers serves otherwise"),
    Tool("pocket_tts", "package", "the codec of pocket-tts", distribution="pocket-tts"),
    Tool("espeakng_loader", "package", "synthetic speech without installing anything", distribution="espeakng-loader"),
    Tool("tinysoundfont", "package", "rendering of scores"),
)
"""What is looked for."""


@dataclass(frozen=True)
class Found:
    """What was found of an optional tool."""

    name: str
    kind: str
    state: Literal["here", "broken", "absent"]
    detail: str
    """Version or path, or why it does not load."""
    adds: str


Import = Callable[[str], str]
"""Runs Python statements in a fresh process; returns "" or the last line of the error."""


def look(tool: Tool, try_import: Import | None = None) -> Found:
    """Look for one tool."""
    detail = _program(tool) if tool.kind == "program" else _package(tool)
    if not detail:
        return Found(tool.name, tool.kind, "absent", "", tool.adds)
    problem = (try_import or in_fresh_process)(f"import {tool.name}") if tool.fragile else ""
    return Found(tool.name, tool.kind, "broken" if problem else "here", problem or detail, tool.adds)


def audiocraft_problem(try_import: Import | None = None) -> str:
    """Import audiocraft as the workflow does; "" if it works, else why not."""
    statements = "from sonoscope.musicgen import compat; compat.install(); from audiocraft.models import MusicGen"
    return (try_import or in_fresh_process)(statements)


def soundfonts() -> list[str]:
    """Find General-MIDI soundfonts: the one in the pretty_midi package, and what the system has."""
    package = importlib.util.find_spec("pretty_midi")
    folders = [Path(package.origin).parent] if package and package.origin else []
    folders += [Path("/usr/share/sounds/sf2"), Path("/usr/share/sounds/sf3"), Path("/usr/share/soundfonts")]
    return [str(path) for folder in folders for path in sorted(folder.glob("*.sf[23]"))]


def in_fresh_process(statements: str) -> str:
    """Run ``statements``; a crash in C code then harms nobody else."""
    path = os.pathsep.join(filter(None, [str(_SCRIPTS), os.environ.get("PYTHONPATH", "")]))
    environment = {**os.environ, "PYTHONPATH": path, "HF_HUB_OFFLINE": "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-c", statements],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"did not load within {_SECONDS} s"
    if done.returncode == 0:
        return ""
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return lines[-1] if lines else f"exit status {done.returncode}"


def _program(tool: Tool) -> str:
    return shutil.which(tool.name) or ""


def _package(tool: Tool) -> str:
    """Version of an installed package, "" if it is absent."""
    if importlib.util.find_spec(tool.name) is None:
        return ""
    try:
        return importlib.metadata.version(tool.distribution or tool.name)
    except importlib.metadata.PackageNotFoundError:
        return "version unknown"
