"""
Tables: what the workflow says about itself, the table of results and its own cost.

REQUIRED INPUTS:
    the results of all studies (measure_noop); whatever lies in <results> (results_table)

OUTPUTS:
    <results>/foundation/measure_noop/scorecard.json                    seconds of a call with nothing to do, of the run
    <results>/results_table.csv, results_table.md, failed_jobs.csv      one row per job and number

STEPS: measure_noop · results_table (runs each time it is asked for)
"""


localrules:
    results_table,
    measure_noop,


rule measure_noop:
    """Seconds that a call with nothing to do takes, and the wall clock of this run."""
    input:
        rules.studies.input,
    output:
        scorecard="<results>/foundation/measure_noop/scorecard.json",
    log:
        "<logs>/foundation/measure_noop.log",
    benchmark:
        "<benchmarks>/foundation/measure_noop.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: all_cores()  # nothing runs beside it that would disturb the clock
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        target="studies",
        config=lambda wildcards, output: dict(config),  # as a function of the output it is not tracked: any key would count
        run_name=SETTINGS.folder,
        preset=SETTINGS.preset,
        settings=section("foundation"),
        code=code("foundation/measure_noop"),
    script:
        "../workflow_scripts/foundation/measure_noop.py"


# It declares neither output nor benchmark (which Snakemake counts as an output), so that it runs whenever it is asked
# for: what it reads is the state on disk.
rule results_table:
    """All jobs of this run with settings, costs and numbers, as results_table.csv and results_table.md."""
    log:
        "<logs>/results_table.log",
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        results=RESULTS,
        settings=section("results_table"),
        code=code("tables/results_table"),
    script:
        "../workflow_scripts/tables/results_table.py"
