"""Sonoscope looks inside generative audio models. This file is the table of contents; see README.md."""

from snakemake.utils import min_version

min_version("9.12")


configfile: f"{workflow.basedir}/config.yaml"


include: "rules/common.smk"


pathvars:
    results=RESULTS,
    downloads=DOWNLOADS,
    resources=RESOURCES,
    logs=f"{RESULTS}/logs",
    benchmarks=f"{RESULTS}/benchmarks",


include: "rules/doctor.smk"
include: "rules/fetch.smk"
include: "rules/phase0.smk"
include: "rules/corpora.smk"
include: "rules/latents.smk"
include: "rules/steering.smk"
include: "rules/interpretability.smk"
include: "rules/training.smk"
include: "rules/world.smk"
include: "rules/musetok.smk"
include: "rules/speech.smk"
include: "rules/affect.smk"
include: "rules/dynamics.smk"
include: "rules/dynamics_bottlenecks.smk"
include: "rules/dynamics_directions.smk"
include: "rules/dynamics_rollouts.smk"
include: "rules/attribution.smk"


localrules:
    all,
    studies,


rule studies:
    """The results of every study, before they are gathered."""
    input:
        rules.steering.input,
        rules.affect.input,
        rules.dynamics.input,
        rules.attribution.input,
        rules.interpretability.input,


include: "rules/tables.smk"
include: "rules/report.smk"


rule all:
    """Every study's results, the scorecard and the report."""
    default_target: True
    input:
        rules.report.output,


onstart:
    check_results()
    show_remaining()


onsuccess:
    show_pages(*(f"{RESULTS}/{page}.md" for page in ("doctor", "fetched_models", "fetched_corpora", "scorecard")))
    tell(f"done; results are in {RESULTS}{newest_report()}")


onerror:
    tell(f"stopped; the logs of the failed jobs are under {RESULTS}/logs, that of this call is {log}")
    tell("to resume, give the same command again: finished work is kept")
