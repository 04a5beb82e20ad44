"""What the rules of the real Snakefile declare, as JSON on standard output (called as a program)."""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def describe() -> list[dict]:
    """Parse the Snakefile and list its rules."""
    from snakemake.api import SnakemakeApi
    from snakemake.settings.types import (
        ConfigSettings,
        DeploymentSettings,
        OutputSettings,
        ResourceSettings,
        StorageSettings,
        WorkflowSettings,
    )

    with SnakemakeApi(OutputSettings(quiet={"all"})) as api:
        workflow = api.workflow(
            resource_settings=ResourceSettings(cores=2),
            config_settings=ConfigSettings(),
            storage_settings=StorageSettings(),
            workflow_settings=WorkflowSettings(),
            deployment_settings=DeploymentSettings(),
            snakefile=ROOT / "Snakefile",
        )._workflow
        return [_rule(rule, workflow) for rule in workflow.rules]


def _rule(rule, workflow) -> dict:
    constrained = set(rule.wildcard_constraints) | set(workflow.wildcard_constraints)
    return {
        "name": rule.name,
        "docstring": rule.docstring,
        "file": Path(str(rule.snakefile)).name,
        "script": rule.script,
        "does_something": not rule.norun,
        "inputs": list(rule.input.keys()),
        "outputs": list(rule.output.keys()),
        "output_paths": [str(p) for p in rule.output],
        "unnamed_inputs": len(rule.input) - sum(_length(v) for v in dict(rule.input.items()).values()),
        "log": [str(p) for p in rule.log],
        "benchmark": str(rule.benchmark) if rule.benchmark else None,
        "wildcards": sorted(rule.wildcard_names),
        "unconstrained": sorted(rule.wildcard_names - constrained),
        "params": list(rule.params.keys()),
        "resources": sorted(rule.resources.keys()),
        "conda": bool(rule.conda_env),
    }


def _length(value) -> int:
    return 1 if isinstance(value, str) or callable(value) else len(value)


if __name__ == "__main__":
    json.dump(describe(), sys.stdout)
