import shutil
from pathlib import Path

import pytest
from toy import build, snakemake


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Path:
    """The toy workflow after an uninterrupted run. Not to be changed."""
    folder = build(tmp_path_factory.mktemp("toy") / "workflow")
    snakemake(folder)
    return folder


@pytest.fixture
def copy(finished, tmp_path) -> Path:
    """A copy of the finished toy workflow, to be changed."""
    return Path(shutil.copytree(finished, tmp_path / "workflow", symlinks=True))
