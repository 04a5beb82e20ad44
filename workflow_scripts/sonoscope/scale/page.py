"""The page about full scale: jobs, hours and storage, computed from plans and measured constants."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sonoscope.files import replacing
from sonoscope.scale.estimate import Estimate, annotation, embeddings, speech, steering
from sonoscope.scale.scenarios import LIMIT, SCENARIOS, Plan, Scenario, plan

WORKERS = 256
"""Jobs at once that the last column assumes."""

_INTRO = """\
# At full scale

Heavy rules divide their work into jobs by configuration alone, and one job merges what they made. How many jobs there
are changes no result: a test compares the bytes of 1, 2 and 7. `examples/full_scale.yaml` is the configuration behind
this page, which `python workflow_scripts/docs/write_scale_page.py` computes: the jobs from dry runs, the hours and
bytes from the constants below, which `python workflow_scripts/docs/measure_constants.py` measured with the shipped
models.

**No graphics card was at hand when this was written.** Hours are those of one CPU core. The column for the published
model multiplies the language model's share by its parameters over those of the shipped one, which supposes that a
core reaches the same rate on large matrices as on small ones (it usually does better); it says why a card is needed,
not what one takes. `snakemake doctor` measures the rate of your own.
"""


def write_page(
    path: Path, measured: Mapping[str, Any], clips: int, generated: int, planned: Callable[[Scenario], Plan] = plan
) -> None:
    """Write the page.

    Parameters
    ----------
    measured : mapping
        What `measure_constants` wrote.
    clips : int
        Clips of SynTheory's seven concepts.
    generated : int
        Clips that the experiments of steering ask for.
    planned : callable, optional
        How a scenario is planned.
    """
    constants = {name: float(entry["value"]) for name, entry in measured["constants"].items()}
    plans = {scenario.name: planned(scenario) for scenario in SCENARIOS}
    estimates = {s.name: _estimate(s, constants, clips, generated) for s in SCENARIOS}
    text = [_INTRO, "## Jobs, hours, bytes\n", _overview(plans, estimates), "", _formulas(estimates), ""]
    text += ["## Jobs by rule\n", _rules(plans), "", "## Constants\n", _constants(measured)]
    with replacing(path) as temporary:
        temporary.write_text("\n".join(text) + "\n", encoding="utf-8")


def _estimate(scenario: Scenario, constants: Mapping[str, float], clips: int, generated: int) -> Estimate:
    if "steering" in scenario.targets:
        return steering(constants, clips, generated)
    if "annotate" in scenario.targets:
        return annotation(constants)
    return speech(constants) if "exp1" in scenario.targets else embeddings(constants)


def _overview(plans: Mapping[str, Plan], estimates: Mapping[str, Estimate]) -> str:
    head = ["run", "what", "jobs", "planned in (CPU s)", "core hours, shipped", "core hours, published size"]
    head += ["heavy jobs", "core minutes per heavy job", f"hours on {WORKERS} cores", "storage (GB)"]
    rows = []
    for scenario in SCENARIOS:
        found, e = plans[scenario.name], estimates[scenario.name]
        heavy = sum(found.jobs.get(rule, 0) for rule in scenario.heavy)
        published = "" if e.published_hours is None else f"{e.published_hours:,.0f}"
        rows.append(
            [scenario.name, e.items, f"{found.total:,}", f"{found.seconds:.1f}", f"{e.hours:,.1f}", published,
             f"{heavy:,}", f"{60 * e.hours / max(heavy, 1):.1f}", f"{e.hours / WORKERS:,.2f}", f"{e.gigabytes:,.1f}"]
        )  # fmt: skip
    slowest = max(found.seconds for found in plans.values())
    said = f"Each plan is made in under {LIMIT:.0f} s; the slowest took {slowest:.1f} s of processor time here."
    return table(head, rows) + f"\n\n{said}"


def _formulas(estimates: Mapping[str, Estimate]) -> str:
    return "\n".join(f"- {name}: {e.formula}" for name, e in estimates.items())


def _rules(plans: Mapping[str, Plan]) -> str:
    names = sorted({rule for found in plans.values() for rule in found.jobs})
    rows = [[f"`{rule}`", *(f"{found.jobs.get(rule, 0) or ''}" for found in plans.values())] for rule in names]
    return table(["rule", *plans], rows)


def _constants(measured: Mapping[str, Any]) -> str:
    machine = measured["machine"]
    rows = [
        [name, f"{e['value']:.3g}", f"{e['least']:.3g} to {e['most']:.3g}", str(e["n"]), e["unit"]]
        for name, e in measured["constants"].items()
    ]
    about = (
        f"On {machine['cpu']}, one thread, {machine['date']}, torch {machine['versions'].get('torch', '?')}; processor "
        f"time, which other programs hardly lengthen (load of the machine: {machine['load']} on {machine['cores']})."
    )
    return about + "\n\n" + table(["constant", "median", "least to most", "n", "unit"], rows)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first column stands left, numbers stand right."""
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])
