"""
Interpretability: does MusicGen represent emotion, or echo the prompt?

REQUIRED INPUTS:
    <results>/world/emotion_prompts/prompts.parquet     prompts that name emotions, or only their cues
    <results>/world/{corpus}/clips.parquet              rated clips, of the corpora that interpretability.corpora names
    the model that musicgen.name says

OUTPUTS, each below <results>/interpretability/{rule}/:
    compose_heard/                   pieces.parquet: rendered pieces, their causes, counterfactual versions
    capture_emotions/{model}/        heard, tokens, states.safetensors, clips.parquet, speed.json, shards/
    analyse_activations/{model}/     layers, probes, swaps, geometry, effects.parquet, scorecard.json
    train_dictionaries/{model}/      dictionaries.parquet, scorecard.json, dictionaries/{kind}/ in SAELens's layout
    describe_rated/{corpus}/         features.parquet: audio features beside static ratings

STEPS: compose_heard · capture_emotions · analyse_activations · train_dictionaries · describe_rated
"""


localrules:
    interpretability,


rule interpretability:
    """Whether MusicGen represents emotion: statistics, probes, swapped texts, geometry, mediation, dictionaries."""
    input:
        interpretability_results("{rule}/{model}/scorecard.json"),
        expand(
            "<results>/interpretability/describe_rated/{corpus}/features.parquet",
            corpus=SETTINGS.interpretability.corpora,
        ),


rule compose_heard:
    """Rendered pieces whose causes are known, with counterfactual versions in tempo and energy."""
    output:
        pieces="<results>/interpretability/compose_heard/pieces.parquet",
    log:
        "<logs>/compose_heard.log",
    benchmark:
        "<benchmarks>/compose_heard.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        settings={
            "heard": section("interpretability.heard"),
            "seconds": section("musicgen.seconds"),
            "sample_rate": section("world.sample_rate"),
        },
        seed=seed("interpretability"),
        code=code("interpretability/compose_heard"),
    script:
        "../workflow_scripts/interpretability/compose_heard.py"


rule capture_emotions:
    """Hidden states of pieces that are replayed under null and opposite texts, and of clips while they are generated."""
    input:
        pieces="<results>/interpretability/compose_heard/pieces.parquet",
        prompts="<results>/world/emotion_prompts/prompts.parquet",
        language_model=lambda wildcards: model_file(wildcards.model),
    output:
        heard="<results>/interpretability/capture_emotions/{model}/heard.safetensors",
        tokens="<results>/interpretability/capture_emotions/{model}/tokens.safetensors",
        clips="<results>/interpretability/capture_emotions/{model}/clips.parquet",
        states="<results>/interpretability/capture_emotions/{model}/states.safetensors",
        speed="<results>/interpretability/capture_emotions/{model}/speed.json",
        shards=directory("<results>/interpretability/capture_emotions/{model}/shards"),
    log:
        "<logs>/capture_emotions/{model}.log",
    benchmark:
        "<benchmarks>/capture_emotions/{model}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        settings={
            "musicgen": section("musicgen"),
            "emotions": section("interpretability.emotions"),
            "swapped": section("interpretability.heard.swapped"),
            "depth": section("interpretability.dictionary.depth"),
        },
        code=code("interpretability/capture_emotions"),
    script:
        "../workflow_scripts/interpretability/capture_emotions.py"


rule analyse_activations:
    """First experiment, probes with controls, swapped texts, geometry, mediation, and false positives."""
    input:
        pieces="<results>/interpretability/compose_heard/pieces.parquet",
        heard="<results>/interpretability/capture_emotions/{model}/heard.safetensors",
        clips="<results>/interpretability/capture_emotions/{model}/clips.parquet",
        states="<results>/interpretability/capture_emotions/{model}/states.safetensors",
    output:
        layers="<results>/interpretability/analyse_activations/{model}/layers.parquet",
        probes="<results>/interpretability/analyse_activations/{model}/probes.parquet",
        swaps="<results>/interpretability/analyse_activations/{model}/swaps.parquet",
        geometry="<results>/interpretability/analyse_activations/{model}/geometry.parquet",
        effects="<results>/interpretability/analyse_activations/{model}/effects.parquet",
        rows="<results>/interpretability/analyse_activations/{model}/scorecard.json",
    log:
        "<logs>/analyse_activations/{model}.log",
    benchmark:
        "<benchmarks>/analyse_activations/{model}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        settings={
            "probing": section("interpretability.probing"),
            "words": section("interpretability.emotions.words"),
        },
        seed=seed("interpretability"),
        code=code("interpretability/analyse_activations"),
    script:
        "../workflow_scripts/interpretability/analyse_activations.py"


rule train_dictionaries:
    """Sparse autoencoders of one layer, measured on held-out pieces and inside the running model."""
    input:
        tokens="<results>/interpretability/capture_emotions/{model}/tokens.safetensors",
        shards="<results>/interpretability/capture_emotions/{model}/shards",
        language_model=lambda wildcards: model_file(wildcards.model),
    output:
        table="<results>/interpretability/train_dictionaries/{model}/dictionaries.parquet",
        rows="<results>/interpretability/train_dictionaries/{model}/scorecard.json",
        dictionaries=directory("<results>/interpretability/train_dictionaries/{model}/dictionaries"),
    log:
        "<logs>/train_dictionaries/{model}.log",
    benchmark:
        "<benchmarks>/train_dictionaries/{model}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        settings=section("interpretability.dictionary"),
        code=code("interpretability/train_dictionaries"),
    script:
        "../workflow_scripts/interpretability/train_dictionaries.py"


rule describe_rated:
    """Audio features of PMEmo or DEAM, real or composed, beside its static ratings of valence and arousal."""
    input:
        clips="<results>/world/{corpus}/clips.parquet",
    output:
        table="<results>/interpretability/describe_rated/{corpus}/features.parquet",
    log:
        "<logs>/describe_rated/{corpus}.log",
    benchmark:
        "<benchmarks>/describe_rated/{corpus}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 2
    resources:
        mem_mb=growing(4000),
        runtime=growing(240),
    params:
        workers=2,
        code=code("interpretability/describe_rated"),
    script:
        "../workflow_scripts/interpretability/describe_rated.py"
