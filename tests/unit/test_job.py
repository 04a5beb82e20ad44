"""The doors of a script that need no Snakemake; tests/workflow has the others."""

import json
import logging
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Literal

import pytest
from pydantic import BaseModel, Field

from sonoscope import cli, job, manifest
from sonoscope.errors import SonoscopeError
from sonoscope.signature import fit


class Steering(BaseModel):
    coefficient: float = Field(0.4, ge=0)
    layers: list[int] = [8]


class NoDefaults(BaseModel):
    alpha: float


def main(
    clips: Path, out: Path, settings: Steering, schedule: Literal["flat", "cosine"] = "flat", threads: int = 1
) -> None:
    """Steer."""
    out.write_text(json.dumps({"clips": str(clips), **settings.model_dump(), "schedule": schedule, "threads": threads}))


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    """A job changes the logging and the environment of its process; put both back."""
    top = logging.getLogger()
    handlers, level = top.handlers[:], top.level
    monkeypatch.setattr(os, "environ", os.environ.copy())
    yield
    top.handlers[:] = handlers
    top.setLevel(level)
    logging.captureWarnings(False)


def snakemake(**more):
    given = {
        "rule": "steer",
        "input": {"clips": "c.parquet"},
        "output": {},
        "wildcards": {},
        "params": {"settings": {"coefficient": 1}, "code": "abc"},
        "threads": 2,
        "resources": {"gpu": 1},
        "log": [],
    } | more
    named = {k: Named(given[k]) for k in ("input", "output", "wildcards", "params")}
    return SimpleNamespace(**given | named)


class Named(dict):
    """Like Snakemake's lists with names: iterates over values."""

    def __iter__(self):
        return iter([x for v in self.values() for x in ([v] if isinstance(v, str) else v)])

    def items(self):
        return list(super().items())


def test_a_job_gives_its_names_converted(tmp_path):
    (tmp_path / "c.parquet").write_text("x")
    given = snakemake(input={"clips": str(tmp_path / "c.parquet")}, output={"out": str(tmp_path / "out.json")})
    assert job.Job(given).run(main) == 0
    assert json.loads((tmp_path / "out.json").read_text()) == {
        "clips": str(tmp_path / "c.parquet"),
        "coefficient": 1.0,
        "layers": [8],
        "schedule": "flat",
        "threads": 2,
    }
    record = json.loads((tmp_path / "out.json.provenance.json").read_text())
    assert record["code"] == "abc"
    assert "code" not in record["params"]
    assert os.environ["OMP_NUM_THREADS"] == "2"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            {"input": {"clip": "c"}, "output": {"out": "o"}},
            "main needs clips; the rule gives threads, attempt, clip, out",
        ),
        ({"output": {"clips": "o"}}, "'clips' is named by input and by output of the rule; rename one"),
        ({"wildcards": {"threads": "3"}}, "'threads' is named by Snakemake and by wildcards"),
        (
            {"output": {"out": "o"}, "params": {"settings": {"coefficient": -1, "layers": "x"}, "schedule": "flat"}},
            "settings.coefficient: input should be greater than or equal to 0, got -1; settings.layers: ",
        ),
    ],
)
def test_a_job_that_does_not_fit_fails_with_one_sentence(more, said, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("SONOSCOPE_RESULTS", str(tmp_path))
    assert job.Job(snakemake(**more)).run(main) == 1
    started, failed = manifest.read(tmp_path / manifest.NAME)
    assert (started["event"], failed["event"]) == ("started", "failed")
    assert said in failed["error"]
    assert f"steer{' 3' if 'wildcards' in more else ''}: {failed['error']}" in capfd.readouterr().err


def test_second_attempt_is_counted(tmp_path, monkeypatch):
    monkeypatch.setenv("SONOSCOPE_RESULTS", str(tmp_path))
    monkeypatch.setenv("SONOSCOPE_INVOCATION", "one")

    def note(attempt: int) -> None:
        seen.append(attempt)
        raise SonoscopeError("again")

    seen: list[int] = []
    for _ in range(2):
        job.Job(snakemake()).run(note)
    assert seen == [1, 2]


def test_jobs_stay_offline_unless_they_fetch(monkeypatch):
    constants = SimpleNamespace(HF_HUB_OFFLINE=False)
    monkeypatch.setitem(job.sys.modules, "huggingface_hub.constants", constants)
    job._allow_network(False)
    assert os.environ["HF_HUB_OFFLINE"] == "1" and constants.HF_HUB_OFFLINE is True
    job._allow_network(True)
    assert os.environ["HF_HUB_OFFLINE"] == "0" and constants.HF_HUB_OFFLINE is False


def test_command_line_takes_json_yaml_lists_and_defaults(tmp_path):
    yaml = tmp_path / "s.yaml"
    yaml.write_text("coefficient: 2\nlayers: [1, 2]\n")
    words = ["--clips", "c", "--out", "o"]
    assert cli.parse(main, words)["settings"] == Steering()
    assert cli.parse(main, [*words, "--settings", str(yaml)])["settings"] == Steering(coefficient=2, layers=[1, 2])
    assert cli.parse(main, [*words, "--settings", '{"coefficient": 2}'])["settings"].coefficient == 2

    def many(parts: list[Path], names: list[str], alpha: float | None = None) -> None: ...

    values = cli.parse(many, ["--parts", "a", "b", "--names", '["x", "y"]', "--alpha", "0.5"])
    assert values == {"parts": [Path("a"), Path("b")], "names": ["x", "y"], "alpha": 0.5}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--schedule", "round"], "schedule: input should be 'flat' or 'cosine', got 'round'"),
        (["--settings", '{"coefficient": "much"}'], "settings.coefficient: input should be a valid number"),
        (["--settings", "{not json}"], "settings: not valid JSON"),
    ],
)
def test_command_line_errors_are_sentences(words, said):
    with pytest.raises(SonoscopeError, match=said):
        cli.parse(main, ["--clips", "c", "--out", "o", *words])


def test_settings_without_defaults_must_be_given(capsys):
    def needs(settings: NoDefaults) -> None: ...

    with pytest.raises(SystemExit):
        cli.parse(needs, [])
    assert "--settings" in capsys.readouterr().err


def test_help_names_types_and_defaults(capsys):
    with pytest.raises(SystemExit):
        cli.parse(main, ["--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "Steer." in text
    assert "Steering, as JSON or a YAML file (default: all defaults)" in text
    assert "Literal['flat', 'cosine'] (default: flat)" in text


def test_parameters_need_types():
    def bare(x): ...

    with pytest.raises(TypeError, match="'x' needs"):
        fit(bare, {"x": 1})
