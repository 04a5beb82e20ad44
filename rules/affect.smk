"""
Affect: valence and arousal of every bar, from MuseTok's latents to annotated corpora and their analysis.

REQUIRED INPUTS:
    none; affect.emopia.folder, affect.vgmidi.folder and affect.gigamidi.folder name real corpora in place of composed ones

OUTPUTS:
    <results>/world/{emopia,vgmidi,gigamidi}/                       composed corpora in the published layouts
    <results>/affect/encode_annotated/{corpus}/latents/{split}/*.safetensors, clips.parquet
    <results>/affect/label_clips/{corpus}/labels.json, truth.json   valence and arousal of clips or bars
    <results>/affect/train_heads/{corpus}/*.safetensors             a self-describing model of every variant
    <results>/affect/train_heads/{corpus}/predictions.parquet       bars of unseen songs; so do fit_baselines' predictions
    <results>/affect/evaluate_affect/{corpus}/                      metrics, differences, reliability, seeds, scorecard.json
    <results>/affect/repeat_folds/{corpus}/                         songs divided anew: repeats.parquet, scorecard.json
    <results>/affect/probe_heads/, measure_affect/, interrupt_annotation/   edits, speed, exactly once: scorecard.json each
    <results>/affect/annotate_shard/{shard}/songs.parquet           annotations of one share of the files
    <results>/affect/merge_annotations/annotations.csv              md5, bar_number, valence, arousal
    <results>/affect/merge_annotations/annotations.parquet, songs.parquet, skipped.json
    <results>/affect/analyse_annotations/                           styles, correlations, course, examples with audio

STEPS: compose_emopia, compose_vgmidi, compose_gigamidi · encode_annotated · label_clips · train_heads, fit_baselines,
repeat_folds · evaluate_affect, probe_heads · annotate_shard · merge_annotations · analyse_annotations; measure_affect and
interrupt_annotation stand beside

annotate_shard keeps its work below <results>/affect/annotate_shard/parts, where nothing is declared: a killed job, a
grown corpus or another number of shards finds there what is done. It can be deleted at any time.

The long chain from corpus to analysis goes first: left to the end, it would run alone while other cores wait.
"""

from sonoscope.settings.affect import ANNOTATED


localrules:
    affect,
    annotate,


rule affect:
    """Valence and arousal per bar: trained, judged against baselines and nulls, annotated, analysed by style."""
    input:
        expand("<results>/affect/evaluate_affect/{corpus}/scorecard.json", corpus=ANNOTATED),
        expand("<results>/affect/repeat_folds/{corpus}/scorecard.json", corpus=SETTINGS.affect.repeated),
        "<results>/affect/probe_heads/scorecard.json",
        "<results>/affect/measure_affect/scorecard.json",
        "<results>/affect/interrupt_annotation/scorecard.json",
        analysis="<results>/affect/analyse_annotations/summary.json",


rule annotate:
    """Valence and arousal of every bar of the files that affect.gigamidi.folder names: annotations.csv and .parquet."""
    input:
        "<results>/affect/merge_annotations/annotations.csv",
        "<results>/affect/merge_annotations/annotations.parquet",


rule compose_emopia:
    """Composed piano clips in EMOPIA's layout."""
    output:
        corpus=directory("<results>/world/emopia"),
    log:
        "<logs>/compose_emopia.log",
    benchmark:
        "<benchmarks>/compose_emopia.jsonl"
    priority: 1
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(15),
    params:
        settings=sections("affect.emopia"),
        seed=seed("emopia"),
        code=code("affect/compose_emopia"),
    script:
        "../workflow_scripts/affect/compose_emopia.py"


rule compose_vgmidi:
    """Composed piano pieces in VGMIDI's layout, with raters."""
    output:
        corpus=directory("<results>/world/vgmidi"),
    log:
        "<logs>/compose_vgmidi.log",
    benchmark:
        "<benchmarks>/compose_vgmidi.jsonl"
    priority: 1
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(15),
    params:
        settings=sections("affect.vgmidi"),
        seed=seed("vgmidi"),
        code=code("affect/compose_vgmidi"),
    script:
        "../workflow_scripts/affect/compose_vgmidi.py"


rule compose_gigamidi:
    """Composed multi-track files in GigaMIDI's shards."""
    output:
        corpus=directory("<results>/world/gigamidi"),
    log:
        "<logs>/compose_gigamidi.log",
    benchmark:
        "<benchmarks>/compose_gigamidi.jsonl"
    priority: 1
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(15),
    params:
        settings=sections("affect.gigamidi"),
        seed=seed("gigamidi"),
        code=code("affect/compose_gigamidi"),
    script:
        "../workflow_scripts/affect/compose_gigamidi.py"


rule encode_annotated:
    """Every bar of an annotated corpus: MuseTok's vectors, features by hand, and the control of random weights."""
    input:
        folder=lambda wildcards: SETTINGS.affect.corpus(wildcards.corpus, Path(RESULTS)),
        weights=SETTINGS.musetok.weights(Path(RESOURCES) / "models", Path(DOWNLOADS)),
    output:
        clips="<results>/affect/encode_annotated/{corpus}/clips.parquet",
        latents=directory("<results>/affect/encode_annotated/{corpus}/latents"),
        skipped="<results>/affect/encode_annotated/{corpus}/skipped.json",
    log:
        "<logs>/encode_annotated/{corpus}.log",
    benchmark:
        "<benchmarks>/encode_annotated/{corpus}.jsonl"
    wildcard_constraints:
        corpus="|".join(ANNOTATED),
    priority: 1
    conda:
        "../envs/sonoscope.yaml"
    threads: 2  # files are read side by side
    resources:
        gpu=card,
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        model=section("musetok.name"),
        settings=sections("musetok.encoding", "affect.reading"),
        seed=seed("untrained"),
        code=code("affect/encode_annotated"),
    script:
        "../workflow_scripts/affect/encode_annotated.py"


rule label_clips:
    """Labels of an annotated corpus by the map of the settings or from its raters, their agreement, a composed truth."""
    input:
        folder=lambda wildcards: SETTINGS.affect.corpus(wildcards.corpus, Path(RESULTS)),
        clips="<results>/affect/encode_annotated/{corpus}/clips.parquet",
    output:
        labels="<results>/affect/label_clips/{corpus}/labels.json",
        truth="<results>/affect/label_clips/{corpus}/truth.json",
        raters="<results>/affect/label_clips/{corpus}/raters.json",
    log:
        "<logs>/label_clips/{corpus}.log",
    benchmark:
        "<benchmarks>/label_clips/{corpus}.jsonl"
    wildcard_constraints:
        corpus="|".join(ANNOTATED),
    priority: 1
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        settings=sections("affect.labels"),
        seed=seed("raters"),
        code=code("affect/label_clips"),
    script:
        "../workflow_scripts/affect/label_clips.py"


rule train_heads:
    """Heads of all variants: predictions of songs that they did not learn from, and a model of each to keep."""
    input:
        clips="<results>/affect/encode_annotated/{corpus}/clips.parquet",
        latents="<results>/affect/encode_annotated/{corpus}/latents",
        labels="<results>/affect/label_clips/{corpus}/labels.json",
        truth="<results>/affect/label_clips/{corpus}/truth.json",
    output:
        predictions="<results>/affect/train_heads/{corpus}/predictions.parquet",
        members="<results>/affect/train_heads/{corpus}/members.parquet",
        history="<results>/affect/train_heads/{corpus}/history.parquet",
        bundles=[
            f"<results>/affect/train_heads/{{corpus}}/{variant}.safetensors"
            for variant in SETTINGS.affect.training.compare
        ],
    log:
        "<logs>/train_heads/{corpus}.log",
    benchmark:
        "<benchmarks>/train_heads/{corpus}.jsonl"
    priority: 1
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        settings=sections("affect.training", "affect.labels", "affect.evaluation.level"),
        seed=seed("heads"),
        code=code("affect/train_heads"),
    script:
        "../workflow_scripts/affect/train_heads.py"


rule fit_baselines:
    """What the heads have to beat, on the same songs: constants, a formula, regressions on features by hand."""
    input:
        clips="<results>/affect/encode_annotated/{corpus}/clips.parquet",
        latents="<results>/affect/encode_annotated/{corpus}/latents",
        labels="<results>/affect/label_clips/{corpus}/labels.json",
        truth="<results>/affect/label_clips/{corpus}/truth.json",
    output:
        predictions="<results>/affect/fit_baselines/{corpus}/predictions.parquet",
    log:
        "<logs>/fit_baselines/{corpus}.log",
    benchmark:
        "<benchmarks>/fit_baselines/{corpus}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        settings=sections("affect.training"),
        seed=seed("heads"),
        code=code("affect/fit_baselines"),
    script:
        "../workflow_scripts/affect/fit_baselines.py"


rule repeat_folds:
    """The heads and the regression again on other divisions of the songs: repeated cross-validation by song."""
    input:
        clips="<results>/affect/encode_annotated/{corpus}/clips.parquet",
        latents="<results>/affect/encode_annotated/{corpus}/latents",
        labels="<results>/affect/label_clips/{corpus}/labels.json",
        truth="<results>/affect/label_clips/{corpus}/truth.json",
    output:
        repeats="<results>/affect/repeat_folds/{corpus}/repeats.parquet",
        rows="<results>/affect/repeat_folds/{corpus}/scorecard.json",
    log:
        "<logs>/repeat_folds/{corpus}.log",
    benchmark:
        "<benchmarks>/repeat_folds/{corpus}.jsonl"
    wildcard_constraints:
        corpus="|".join(ANNOTATED),
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        settings=sections("affect.training", "affect.repeats", "affect.evaluation.level", "affect.evaluation.resamples"),
        seed=seed("heads"),
        code=code("affect/repeat_folds"),
    script:
        "../workflow_scripts/affect/repeat_folds.py"


rule evaluate_affect:
    """Every measure of all predictions of one corpus, with intervals over songs, and its scorecard."""
    input:
        heads="<results>/affect/train_heads/{corpus}/predictions.parquet",
        members="<results>/affect/train_heads/{corpus}/members.parquet",
        baselines="<results>/affect/fit_baselines/{corpus}/predictions.parquet",
        truth="<results>/affect/label_clips/{corpus}/truth.json",
        raters="<results>/affect/label_clips/{corpus}/raters.json",
    output:
        metrics="<results>/affect/evaluate_affect/{corpus}/metrics.parquet",
        differences="<results>/affect/evaluate_affect/{corpus}/differences.parquet",
        reliability="<results>/affect/evaluate_affect/{corpus}/reliability.parquet",
        quadrants="<results>/affect/evaluate_affect/{corpus}/quadrants.parquet",
        seeds="<results>/affect/evaluate_affect/{corpus}/seeds.parquet",
        rows="<results>/affect/evaluate_affect/{corpus}/scorecard.json",
    log:
        "<logs>/evaluate_affect/{corpus}.log",
    benchmark:
        "<benchmarks>/evaluate_affect/{corpus}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        settings=sections("affect.evaluation"),
        seed=seed("affect"),
        code=code("affect/evaluate_affect"),
    script:
        "../workflow_scripts/affect/evaluate_affect.py"


rule probe_heads:
    """What one edit of mode, tempo, loudness or octave does to the predictions of every model."""
    input:
        bundles=[
            f"<results>/affect/train_heads/{SETTINGS.affect.annotate.trained_on}/{variant}.safetensors"
            for variant in SETTINGS.affect.training.compare
        ],
        weights=SETTINGS.musetok.weights(Path(RESOURCES) / "models", Path(DOWNLOADS)),
    output:
        probes="<results>/affect/probe_heads/probes.parquet",
        rows="<results>/affect/probe_heads/scorecard.json",
    log:
        "<logs>/probe_heads.log",
    benchmark:
        "<benchmarks>/probe_heads.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(4000),
        runtime=growing(20),
    params:
        settings=sections("musetok.encoding", "affect.reading", "affect.evaluation.probes"),
        seed=seed("probes"),
        control_seed=seed("untrained"),
        code=code("affect/probe_heads"),
    script:
        "../workflow_scripts/affect/probe_heads.py"


rule measure_affect:
    """Speed of reading and encoding, side by side with the published rules written out."""
    input:
        weights=SETTINGS.musetok.weights(Path(RESOURCES) / "models", Path(DOWNLOADS)),
    output:
        speed="<results>/affect/measure_affect/speed.json",
        rows="<results>/affect/measure_affect/scorecard.json",
    log:
        "<logs>/measure_affect.log",
    benchmark:
        "<benchmarks>/measure_affect.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(4000),
        runtime=growing(20),
    params:
        settings=sections("musetok.encoding", "affect.evaluation.compared_files"),
        seed=seed("affect"),
        code=code("affect/measure_affect"),
    script:
        "../workflow_scripts/affect/measure_affect.py"


rule annotate_shard:
    """Valence and arousal of every bar of one share of the files; a killed job goes on where it was."""
    input:
        corpus=affect_corpus("gigamidi"),
        bundle=affect_head(),
        weights=SETTINGS.musetok.weights(Path(RESOURCES) / "models", Path(DOWNLOADS)),
    output:
        songs="<results>/affect/annotate_shard/{shard}/songs.parquet",
    log:
        "<logs>/annotate_shard/{shard}.log",
    benchmark:
        "<benchmarks>/annotate_shard/{shard}.jsonl"
    priority: 1
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(8000),
        runtime=growing(720),
    params:
        source=affect_source,
        settings=sections("musetok.encoding", "affect.reading", "affect.annotate"),
        state=lambda wildcards: affect_state(),
        code=code("affect/annotate_shard"),
    script:
        "../workflow_scripts/affect/annotate_shard.py"


rule merge_annotations:
    """All annotations in one table, after a check that every file stands in it exactly once."""
    input:
        corpus=affect_corpus("gigamidi"),
        shards=[
            f"<results>/affect/annotate_shard/{shard}/songs.parquet"
            for shard in range(SETTINGS.affect.annotate.shards)
        ],
        bundle=affect_head(),
    output:
        bars="<results>/affect/merge_annotations/annotations.parquet",
        csv="<results>/affect/merge_annotations/annotations.csv",
        songs="<results>/affect/merge_annotations/songs.parquet",
        skipped="<results>/affect/merge_annotations/skipped.json",
    log:
        "<logs>/merge_annotations.log",
    benchmark:
        "<benchmarks>/merge_annotations.jsonl"
    priority: 1
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        source=affect_source,
        settings=sections("affect.annotate.csv", "affect.reading.off_grid"),
        code=code("affect/merge_annotations"),
    script:
        "../workflow_scripts/affect/merge_annotations.py"


rule interrupt_annotation:
    """Annotation killed again and again must give the bytes of annotation left alone."""
    input:
        bundle=affect_head(),
        weights=SETTINGS.musetok.weights(Path(RESOURCES) / "models", Path(DOWNLOADS)),
    output:
        rows="<results>/affect/interrupt_annotation/scorecard.json",
    log:
        "<logs>/interrupt_annotation.log",
    benchmark:
        "<benchmarks>/interrupt_annotation.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(4000),
        runtime=growing(20),
    params:
        settings=sections("musetok.encoding", "affect.reading"),
        seed=seed("interruption"),
        code=code("affect/interrupt_annotation"),
    script:
        "../workflow_scripts/affect/interrupt_annotation.py"


rule analyse_annotations:
    """Styles, correlations and the course of songs, songs being the unit; and songs to look at and to hear."""
    input:
        corpus=affect_corpus("gigamidi"),
        bars="<results>/affect/merge_annotations/annotations.parquet",
        songs="<results>/affect/merge_annotations/songs.parquet",
        skipped="<results>/affect/merge_annotations/skipped.json",
    output:
        styles="<results>/affect/analyse_annotations/styles.parquet",
        correlations="<results>/affect/analyse_annotations/correlations.parquet",
        course="<results>/affect/analyse_annotations/course.parquet",
        summary="<results>/affect/analyse_annotations/summary.json",
        examples="<results>/affect/analyse_annotations/examples.parquet",
        audio=directory("<results>/affect/analyse_annotations/audio"),
    log:
        "<logs>/analyse_annotations.log",
    benchmark:
        "<benchmarks>/analyse_annotations.jsonl"
    priority: 1
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        source=affect_source,
        settings=sections("affect.analysis"),
        seed=seed("analysis"),
        code=code("affect/analyse_annotations"),
    script:
        "../workflow_scripts/affect/analyse_annotations.py"
