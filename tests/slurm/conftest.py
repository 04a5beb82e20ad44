import os
from collections.abc import Iterator

import pytest
from cluster import Cluster, cluster, missing_programs


@pytest.fixture(scope="session")
def slurm() -> Iterator[Cluster]:
    """A running cluster with one graphics card. Where SLURM is not installed, tests skip unless it is required."""
    if missing := missing_programs():
        reason = f"{', '.join(missing)} not found: apt-get install slurm-wlm slurm-wlm-basic-plugins munge"
        if os.environ.get("SONOSCOPE_REQUIRE_SLURM"):
            pytest.fail(reason)
        pytest.skip(reason)
    with cluster() as running:
        yield running
