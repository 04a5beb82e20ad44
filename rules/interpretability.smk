"""
Interpretability: does MusicGen represent emotion, or echo the prompt?

REQUIRED INPUTS:
    <results>/world/emotion_prompts/prompts.parquet     prompts that name emotions, or only their cues
    <results>/world/{corpus}/clips.parquet              rated clips, of the corpora that interpretability.corpora names
    the model that musicgen.name says

OUTPUTS, each below <results>/interpretability/{rule}/:
    compose_heard/                   pieces.parquet: rendered pieces, their causes, counterfactual versions
    capture_emotions/{model}/        heard, tokens, states.safetensors, clips.parquet, speed.json, shards/
    analyse_activations/{model}/     layers, probes, swaps, geometry, effects, cross, picture.parquet, scorecard.json
    patch_activations/{model}/       patches.parquet: where a text's influence passes
    train_dictionaries/{model}/      dictionaries.parquet, scorecard.json, dictionaries/{kind}/ in SAELens's layout
    describe_features/{model}/       features, shown.parquet, summary.json, clips/: dashboards of single features
    steer_emotions/{model}/          clips, listened.parquet: clips pushed towards emotions, and what a listener learns from
    steer_features/{model}/          clips.parquet: clips pushed along single features
    judge_emotions/{model}/          listener, responses, effects.parquet, clips/, scorecard.json
    describe_rated/{corpus}/         features.parquet: audio features beside static ratings

STEPS: compose_heard · capture_emotions · analyse_activations · patch_activations · train_dictionaries ·
describe_features · steer_emotions · steer_features · judge_emotions · describe_rated

shares.emotions and shares.emotion_steering say in how many jobs capture_emotions, steer_emotions and steer_features are
done; these then only merge what capture_emotions_share, steer_emotions_share and steer_features_share made below
{model}/shares/{shard}/.
"""


localrules:
    interpretability,


rule interpretability:
    """Whether MusicGen represents emotion: probes, swapped texts, mediation, patching, dictionaries, steering."""
    input:
        interpretability_results("{rule}/{model}/scorecard.json"),
        interpretability_tables(),
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
        settings=sections("interpretability.heard", "musicgen.seconds", "world.sample_rate"),
        seed=seed("interpretability"),
        code=code("interpretability/compose_heard"),
    script:
        "../workflow_scripts/interpretability/compose_heard.py"


rule capture_emotions_share:
    """One share of the hidden states of replayed pieces and generated clips."""
    input:
        pieces="<results>/interpretability/compose_heard/pieces.parquet",
        prompts="<results>/world/emotion_prompts/prompts.parquet",
        language_model=lambda wildcards: model_file(wildcards.model),
    output:
        heard="<results>/interpretability/capture_emotions/{model}/shares/{shard}/heard.safetensors",
        tokens="<results>/interpretability/capture_emotions/{model}/shares/{shard}/tokens.safetensors",
        clips="<results>/interpretability/capture_emotions/{model}/shares/{shard}/clips.parquet",
        states="<results>/interpretability/capture_emotions/{model}/shares/{shard}/states.safetensors",
        speed="<results>/interpretability/capture_emotions/{model}/shares/{shard}/speed.json",
        store=directory("<results>/interpretability/capture_emotions/{model}/shares/{shard}/shards"),
    log:
        "<logs>/capture_emotions_share/{model}/{shard}.log",
    benchmark:
        "<benchmarks>/capture_emotions_share/{model}/{shard}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        settings=sections(
            "musicgen",
            "interpretability.emotions",
            "interpretability.heard.swapped",
            "interpretability.dictionary.depth",
        ),
        shards=SETTINGS.shares.emotions,
        code=code("interpretability/capture_emotions_share"),
    script:
        "../workflow_scripts/interpretability/capture_emotions_share.py"


rule capture_emotions:
    """Hidden states of pieces that are replayed under null and opposite texts, and of clips while they are generated."""
    input:
        pieces="<results>/interpretability/compose_heard/pieces.parquet",
        prompts="<results>/world/emotion_prompts/prompts.parquet",
        language_model=lambda wildcards: model_file(wildcards.model),
        parts=shares("interpretability/capture_emotions/{model}", "heard.safetensors", SETTINGS.shares.emotions),
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
        gpu=card if SETTINGS.shares.emotions == 1 else 0,
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        settings=sections(
            "musicgen",
            "interpretability.emotions",
            "interpretability.heard.swapped",
            "interpretability.dictionary.depth",
        ),
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
        cross="<results>/interpretability/analyse_activations/{model}/cross.parquet",
        picture="<results>/interpretability/analyse_activations/{model}/picture.parquet",
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
        settings=sections("interpretability.probing", "interpretability.emotions.words"),
        seed=seed("interpretability"),
        code=code("interpretability/analyse_activations"),
    script:
        "../workflow_scripts/interpretability/analyse_activations.py"


rule train_dictionaries:
    """Sparse autoencoders of one layer, measured on held-out pieces and inside the running model."""
    input:
        pieces="<results>/interpretability/compose_heard/pieces.parquet",
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


rule patch_activations:
    """Where the influence of a text passes: layers, heads and directions patched between opposite texts."""
    input:
        pieces="<results>/interpretability/compose_heard/pieces.parquet",
        heard="<results>/interpretability/capture_emotions/{model}/heard.safetensors",
        tokens="<results>/interpretability/capture_emotions/{model}/tokens.safetensors",
        language_model=lambda wildcards: model_file(wildcards.model),
    output:
        patches="<results>/interpretability/patch_activations/{model}/patches.parquet",
    log:
        "<logs>/patch_activations/{model}.log",
    benchmark:
        "<benchmarks>/patch_activations/{model}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        settings=section("interpretability.patching"),
        seed=seed("interpretability"),
        code=code("interpretability/patch_activations"),
    script:
        "../workflow_scripts/interpretability/patch_activations.py"


rule describe_features:
    """What the features of one dictionary go with, and dashboards of those that are most selective for an emotion."""
    input:
        pieces="<results>/interpretability/compose_heard/pieces.parquet",
        shards="<results>/interpretability/capture_emotions/{model}/shards",
        dictionaries="<results>/interpretability/train_dictionaries/{model}/dictionaries",
    output:
        features="<results>/interpretability/describe_features/{model}/features.parquet",
        summary="<results>/interpretability/describe_features/{model}/summary.json",
        shown="<results>/interpretability/describe_features/{model}/shown.parquet",
        clips=directory("<results>/interpretability/describe_features/{model}/clips"),
    log:
        "<logs>/describe_features/{model}.log",
    benchmark:
        "<benchmarks>/describe_features/{model}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        settings=sections("interpretability.features", "interpretability.emotions.words"),
        seed=seed("interpretability"),
        code=code("interpretability/describe_features"),
    script:
        "../workflow_scripts/interpretability/describe_features.py"


rule steer_emotions_share:
    """One share of the clips pushed towards emotions, and of the pieces that a listener learns from."""
    input:
        pieces="<results>/interpretability/compose_heard/pieces.parquet",
        heard="<results>/interpretability/capture_emotions/{model}/heard.safetensors",
        tokens="<results>/interpretability/capture_emotions/{model}/tokens.safetensors",
        language_model=lambda wildcards: model_file(wildcards.model),
    output:
        clips="<results>/interpretability/steer_emotions/{model}/shares/{shard}/clips.parquet",
        listened="<results>/interpretability/steer_emotions/{model}/shares/{shard}/listened.parquet",
    log:
        "<logs>/steer_emotions_share/{model}/{shard}.log",
    benchmark:
        "<benchmarks>/steer_emotions_share/{model}/{shard}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        settings=sections("musicgen", "interpretability.steering"),
        seed=seed("interpretability"),
        shards=SETTINGS.shares.emotion_steering,
        code=code("interpretability/steer_emotions_share"),
    script:
        "../workflow_scripts/interpretability/steer_emotions_share.py"


rule steer_emotions:
    """Clips pushed towards valence, arousal and emotions, and along controls; pieces for a listener to learn from."""
    input:
        pieces="<results>/interpretability/compose_heard/pieces.parquet",
        heard="<results>/interpretability/capture_emotions/{model}/heard.safetensors",
        tokens="<results>/interpretability/capture_emotions/{model}/tokens.safetensors",
        language_model=lambda wildcards: model_file(wildcards.model),
        parts=shares("interpretability/steer_emotions/{model}", "clips.parquet", SETTINGS.shares.emotion_steering),
    output:
        clips="<results>/interpretability/steer_emotions/{model}/clips.parquet",
        listened="<results>/interpretability/steer_emotions/{model}/listened.parquet",
    log:
        "<logs>/steer_emotions/{model}.log",
    benchmark:
        "<benchmarks>/steer_emotions/{model}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card if SETTINGS.shares.emotion_steering == 1 else 0,
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        settings=sections("musicgen", "interpretability.steering"),
        seed=seed("interpretability"),
        code=code("interpretability/steer_emotions"),
    script:
        "../workflow_scripts/interpretability/steer_emotions.py"


rule steer_features_share:
    """One share of the clips pushed along single features of a dictionary."""
    input:
        pieces="<results>/interpretability/compose_heard/pieces.parquet",
        heard="<results>/interpretability/capture_emotions/{model}/heard.safetensors",
        features="<results>/interpretability/describe_features/{model}/features.parquet",
        dictionaries="<results>/interpretability/train_dictionaries/{model}/dictionaries",
        language_model=lambda wildcards: model_file(wildcards.model),
    output:
        clips="<results>/interpretability/steer_features/{model}/shares/{shard}/clips.parquet",
    log:
        "<logs>/steer_features_share/{model}/{shard}.log",
    benchmark:
        "<benchmarks>/steer_features_share/{model}/{shard}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        settings=sections("musicgen", "interpretability.steering", "interpretability.features.kind"),
        seed=seed("interpretability"),
        shards=SETTINGS.shares.emotion_steering,
        code=code("interpretability/steer_features_share"),
    script:
        "../workflow_scripts/interpretability/steer_features_share.py"


rule steer_features:
    """Clips pushed along single features of a dictionary."""
    input:
        pieces="<results>/interpretability/compose_heard/pieces.parquet",
        heard="<results>/interpretability/capture_emotions/{model}/heard.safetensors",
        features="<results>/interpretability/describe_features/{model}/features.parquet",
        dictionaries="<results>/interpretability/train_dictionaries/{model}/dictionaries",
        language_model=lambda wildcards: model_file(wildcards.model),
        parts=shares("interpretability/steer_features/{model}", "clips.parquet", SETTINGS.shares.emotion_steering),
    output:
        clips="<results>/interpretability/steer_features/{model}/clips.parquet",
    log:
        "<logs>/steer_features/{model}.log",
    benchmark:
        "<benchmarks>/steer_features/{model}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card if SETTINGS.shares.emotion_steering == 1 else 0,
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        settings=sections("musicgen", "interpretability.steering", "interpretability.features.kind"),
        seed=seed("interpretability"),
        code=code("interpretability/steer_features"),
    script:
        "../workflow_scripts/interpretability/steer_features.py"


rule judge_emotions:
    """What emotion steering did, by a listener that never saw a state, by physical cues, and at what cost."""
    input:
        clips="<results>/interpretability/steer_emotions/{model}/clips.parquet",
        features="<results>/interpretability/steer_features/{model}/clips.parquet",
        listened="<results>/interpretability/steer_emotions/{model}/listened.parquet",
    output:
        listener="<results>/interpretability/judge_emotions/{model}/listener.parquet",
        responses="<results>/interpretability/judge_emotions/{model}/responses.parquet",
        effects="<results>/interpretability/judge_emotions/{model}/effects.parquet",
        sound=directory("<results>/interpretability/judge_emotions/{model}/clips"),
        rows="<results>/interpretability/judge_emotions/{model}/scorecard.json",
    log:
        "<logs>/judge_emotions/{model}.log",
    benchmark:
        "<benchmarks>/judge_emotions/{model}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 2
    resources:
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        settings=section("interpretability.probing.resamples"),
        seed=seed("interpretability"),
        workers=2,
        code=code("interpretability/judge_emotions"),
    script:
        "../workflow_scripts/interpretability/judge_emotions.py"


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
