"""The environment for conda users is that of pip users."""

import shlex
from pathlib import Path

import pytest
import yaml

ENVS = Path(__file__).resolve().parents[2] / "envs"


def lines(name: str) -> list[str]:
    path = ENVS / name
    if not path.exists():
        pytest.skip(f"{name} is not here")
    stripped = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
    return [line for line in stripped if line and not line.startswith("-")]


def test_conda_lists_the_requirements():
    dependencies = yaml.safe_load((ENVS / "sonoscope.yaml").read_text())["dependencies"]
    pip = next(d["pip"] for d in dependencies if isinstance(d, dict))
    assert sorted(pip) == sorted(lines("requirements.txt"))


def test_post_deploy_installs_what_pip_users_install_without_dependencies():
    words = shlex.split((ENVS / "sonoscope.post-deploy.sh").read_text(), comments=True)
    assert sorted(w for w in words if "==" in w) == sorted(lines("no-deps.txt"))
