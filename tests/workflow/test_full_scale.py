"""Full scale is planned in a minute, in jobs that are not too many."""

import pytest

from sonoscope.scale.scenarios import LIMIT, SCENARIOS, Scenario, plan
from sonoscope.settings.attribution import Attribution

pytestmark = pytest.mark.workflow


def test_all_full_scale_runs_are_planned_in_a_minute():
    if "shards" not in Attribution.model_fields:
        pytest.skip("attribution is not divided into jobs here")
    targets = tuple(target for scenario in SCENARIOS for target in scenario.targets)
    config = {key: value for scenario in SCENARIOS for key, value in scenario.config.items()}
    found = plan(Scenario("all at once", targets, (), config))
    assert found.seconds < LIMIT
    assert 3000 < found.total < 20_000
    for scenario in SCENARIOS:
        assert sum(found.jobs.get(rule, 0) for rule in scenario.heavy) >= 200, scenario.name
