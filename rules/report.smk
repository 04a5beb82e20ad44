"""
What a researcher reads: the scorecard of the run, and its report.

REQUIRED INPUTS:
    <results>/steering/…                             what the pages show; a study that is missing says how to make it
    <results>/attribution/…                          scores, judgement and clips of the attribution study
    <results>/{study}/…/scorecard.json               rows of the studies and of the workflow itself
    <resources>/models/{model}/scorecard.json        rows of the shipped models, measured when they were trained

OUTPUTS:
    <results>/scorecard.json                         all rows
    <results>/scorecard.md                           the same for reading; the terminal shows it at the end
    <results>/report/index.html                      the report, with its pages, sound, figures and data
    <results>/report_now/index.html                  the same of whatever lies on disk
    <results>/report_measures/scorecard.json         how fast the report opens, what it weighs; in the next scorecard

STEPS: gather_scorecard · scorecard · report · report_now · measure_report
"""

from sonoscope.report import assets

PAGES = assets.digest()  # templates and styles are code too, which the hash of a script does not see


localrules:
    gather_scorecard,
    scorecard,
    report,
    report_now,
    measure_report,


rule gather_scorecard:
    """The scorecard rows of all studies in one file."""
    input:
        parts=rules.steering.input
        + affect_scorecards()
        + rules.dynamics.input
        + rules.attribution.input
        + interpretability_results("{rule}/{model}/scorecard.json")
        + world_scorecards()
        + shipped_scorecards()
        + rules.measure_noop.output,
        measured=if_there(f"{RESULTS}/report_measures/scorecard.json"),
    output:
        rows="<results>/scorecard.json",
    log:
        "<logs>/gather_scorecard.log",
    benchmark:
        "<benchmarks>/gather_scorecard.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(500),
        runtime=growing(5),
    params:
        code=code("report/gather_scorecard"),
    script:
        "../workflow_scripts/report/gather_scorecard.py"


# It declares neither output nor benchmark, so that it runs, and the table is printed, whenever it is asked for.
rule scorecard:
    """All targets and bars of the run, met or not, as a table on the terminal and in scorecard.md."""
    input:
        rows="<results>/scorecard.json",
    log:
        "<logs>/scorecard.log",
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(500),
        runtime=growing(5),
    params:
        table=f"{RESULTS}/scorecard.md",
        code=code("report/scorecard"),
    script:
        "../workflow_scripts/report/scorecard.py"


rule report:
    """One site that plays, draws and explains the results of the run; brings them up to date first."""
    input:
        scorecard="<results>/scorecard.json",
        affect=rules.affect.input.analysis,
        steering=[
            steering_results(f"{rule_folder}/{{model}}/{{experiment}}/{name}")
            for rule_folder, name in (
                ("generate_steered", "clips.parquet"),
                ("generate_steered", "audio"),
                ("score_steered", "scores.parquet"),
                ("score_steered", "traces.parquet"),
                ("analyse_steering", "dose_response.parquet"),
                ("analyse_steering", "matched.parquet"),
                ("analyse_steering", "divergences.parquet"),
                ("analyse_steering", "layer_scores.parquet"),
                ("analyse_steering", "cosines.parquet"),
            )
        ],
        classifications=classifications("classification.parquet"),
        attribution=attribution_results("judge_attribution/{model}/judgement.parquet")
        + attribution_results("score_attribution/{model}/scores.parquet")
        + attribution_results("score_attribution/{model}/pair_scores.parquet")
        + attribution_results("generate_queries/{model}/audio"),
        interpretability=interpretability_results("{rule}/{model}/scorecard.json") + interpretability_tables(),
    output:
        site=report(directory("<results>/report"), htmlindex="index.html", category="Report"),
    log:
        "<logs>/report.log",
    benchmark:
        "<benchmarks>/report.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 2
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        preset=SETTINGS.preset,
        settings=section("report"),
        today=SETTINGS.model_dump(mode="json"),
        code=f"{code('report/report')}-{PAGES}",
    script:
        "../workflow_scripts/report/report.py"


# It declares neither input nor output, so that it runs whenever it is asked for and makes nothing else run.
rule report_now:
    """The report of what lies on disk, whole or not, current or not; computes nothing."""
    log:
        "<logs>/report_now.log",
    conda:
        "../envs/sonoscope.yaml"
    threads: 2
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        site=f"{RESULTS}/report_now",
        results=RESULTS,
        preset=SETTINGS.preset,
        settings=section("report"),
        today=SETTINGS.model_dump(mode="json"),
        code=f"{code('report/report_now')}-{PAGES}",
    script:
        "../workflow_scripts/report/report_now.py"


# Nobody asks for its rows: the report would have to be made before the scorecard that it shows. Those that are there
# stand in the next scorecard.
rule measure_report:
    """How fast the report opens and is made again, what it weighs, asks for and bars; needs Chromium for most of it."""
    input:
        site=rules.report.output.site,
    output:
        scorecard="<results>/report_measures/scorecard.json",
    log:
        "<logs>/measure_report.log",
    benchmark:
        "<benchmarks>/measure_report.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: all_cores()  # nothing runs beside it that would disturb the clock
    resources:
        mem_mb=growing(3000),
        runtime=growing(10),
    params:
        preset=SETTINGS.preset,
        settings=section("report"),
        today=SETTINGS.model_dump(mode="json"),
        code=f"{code('report/measure_report')}-{PAGES}",
    script:
        "../workflow_scripts/report/measure_report.py"
