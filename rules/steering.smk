"""
Steering: which directions in MusicGen's residual stream are musical concepts, and what happens when we push?

REQUIRED INPUTS:
    <results>/world/syntheory/{concept}.parquet                                     clips with labels
    <results>/latents/{model}/syntheory-{concept}/hidden_states.safetensors         their hidden states

OUTPUTS, each below <results>/steering/{rule}/:
    fit_direction/{model}/{concept}/{target}/{pooling}/   directions.safetensors, directions.json
    calibrate_measure/{concept}/                          calibration.parquet, listener.safetensors
    measure_limits/{model}/{concept}/                     limits.parquet, scorecard.json
    classify_concept/{model}/{concept}/                   classification.parquet, scorecard.json
    generate_steered/{model}/{experiment}/                clips.parquet, audio/*.flac, replayed.safetensors
    score_steered/{model}/{experiment}/                   scores.parquet, embeddings.safetensors, traces.parquet
    analyse_steering/{model}/{experiment}/                dose_response, matched, divergences, layer_scores and
                                                          cosines.parquet, scorecard.json
    time_steering/{model}/                                scorecard.json

STEPS: fit_direction · calibrate_measure · measure_limits · classify_concept · generate_steered · score_steered · analyse_steering ·
    time_steering
"""


localrules:
    steering,
    steering_classification,
    steering_directions,


rule steering:
    """Steer MusicGen to musical concepts: directions, clips, scores, dose-response, classification."""
    input:
        steering_results("analyse_steering/{model}/{experiment}/scorecard.json"),
        classifications("scorecard.json"),
        steering_limits(),
        f"<results>/steering/time_steering/{SETTINGS.musicgen.name}/scorecard.json",


rule steering_directions:
    """The directions alone that the configuration names, with their held-out scores at every layer."""
    input:
        sorted({file for name in EXPERIMENTS for file in directions_of(name, SETTINGS.musicgen.name)}),


rule steering_classification:
    """The classification table alone: one-hot RFM, linear and MLP probes of every concept that it names."""
    input:
        classifications("scorecard.json"),


rule fit_direction:
    """Directions of one concept at every layer, by every estimator of the settings."""
    input:
        clips="<results>/world/syntheory/{concept}.parquet",
        hidden_states="<results>/latents/{model}/syntheory-{concept}/hidden_states.safetensors",
        skipped="<results>/latents/{model}/syntheory-{concept}/skipped.json",
    output:
        directions="<results>/steering/fit_direction/{model}/{concept}/{target}/{pooling}/directions.safetensors",
        about="<results>/steering/fit_direction/{model}/{concept}/{target}/{pooling}/directions.json",
    log:
        "<logs>/fit_direction/{model}/{concept}/{target}/{pooling}.log",
    benchmark:
        "<benchmarks>/fit_direction/{model}/{concept}/{target}/{pooling}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(8000),
        runtime=growing(60),
    params:
        settings=section("steering.fit"),
        code=code("steering/fit_direction"),
    script:
        "../workflow_scripts/steering/fit_direction.py"


rule calibrate_measure:
    """What the measure of one concept hears in true renders, and descriptions of these for a classifier."""
    input:
        clips="<results>/world/syntheory/{concept}.parquet",
    output:
        table="<results>/steering/calibrate_measure/{concept}/calibration.parquet",
        listener="<results>/steering/calibrate_measure/{concept}/listener.safetensors",
    log:
        "<logs>/calibrate_measure/{concept}.log",
    benchmark:
        "<benchmarks>/calibrate_measure/{concept}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        settings=sections("steering.listening.clips", "steering.listening.trees", "musicgen.seconds"),
        seed=seed("steering"),
        code=code("steering/calibrate_measure"),
    script:
        "../workflow_scripts/steering/calibrate_measure.py"


rule measure_limits:
    """How much of one concept outlives the codec, and how often the model plays it when it is asked to."""
    input:
        clips="<results>/world/syntheory/{concept}.parquet",
        tokens="<results>/latents/{model}/syntheory-{concept}/tokens.safetensors",
        language_model=lambda wildcards: model_file(wildcards.model),
    output:
        table="<results>/steering/measure_limits/{model}/{concept}/limits.parquet",
        rows="<results>/steering/measure_limits/{model}/{concept}/scorecard.json",
    log:
        "<logs>/measure_limits/{model}/{concept}.log",
    benchmark:
        "<benchmarks>/measure_limits/{model}/{concept}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(8000),
        runtime=growing(60),
    params:
        settings=sections("musicgen", "steering.listening.limits"),
        seed=seed("steering"),
        code=code("steering/measure_limits"),
    script:
        "../workflow_scripts/steering/measure_limits.py"


rule classify_concept:
    """Which classes of a concept hidden states tell apart, by RFM, linear and MLP probes under two kinds of split."""
    input:
        clips="<results>/world/syntheory/{concept}.parquet",
        hidden_states="<results>/latents/{model}/syntheory-{concept}/hidden_states.safetensors",
        skipped="<results>/latents/{model}/syntheory-{concept}/skipped.json",
    output:
        table="<results>/steering/classify_concept/{model}/{concept}/classification.parquet",
        rows="<results>/steering/classify_concept/{model}/{concept}/scorecard.json",
    log:
        "<logs>/classify_concept/{model}/{concept}.log",
    benchmark:
        "<benchmarks>/classify_concept/{model}/{concept}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
    params:
        settings=section("steering.multiclass"),
        code=code("steering/classify_concept"),
    script:
        "../workflow_scripts/steering/classify_concept.py"


rule generate_share:
    """One share of the clips of one experiment."""
    input:
        directions=experiment_directions,
        language_model=lambda wildcards: model_file(wildcards.model),
    output:
        clips="<results>/steering/generate_steered/{model}/{experiment}/shares/{shard}/clips.parquet",
        audio=directory("<results>/steering/generate_steered/{model}/{experiment}/shares/{shard}/audio"),
        replayed="<results>/steering/generate_steered/{model}/{experiment}/shares/{shard}/replayed.safetensors",
    log:
        "<logs>/generate_share/{model}/{experiment}/{shard}.log",
    benchmark:
        "<benchmarks>/generate_share/{model}/{experiment}/{shard}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        design=experiment_of,
        settings=sections("musicgen", "steering.listening.probe_depth", "steering.listening.divergence_seeds"),
        shards=SETTINGS.shares.generate,
        seed=seed("steering"),
        code=code("steering/generate_share"),
    script:
        "../workflow_scripts/steering/generate_share.py"


rule generate_steered:
    """Clips of the same prompts and seeds, unsteered and in every arm of one experiment."""
    input:
        directions=experiment_directions,
        language_model=lambda wildcards: model_file(wildcards.model),
        parts=shares("steering/generate_steered/{model}/{experiment}", "clips.parquet", SETTINGS.shares.generate),
    output:
        clips="<results>/steering/generate_steered/{model}/{experiment}/clips.parquet",
        audio=directory("<results>/steering/generate_steered/{model}/{experiment}/audio"),
        replayed="<results>/steering/generate_steered/{model}/{experiment}/replayed.safetensors",
    log:
        "<logs>/generate_steered/{model}/{experiment}.log",
    benchmark:
        "<benchmarks>/generate_steered/{model}/{experiment}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card if SETTINGS.shares.generate == 1 else 0,
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        design=experiment_of,
        settings=sections("musicgen", "steering.listening.probe_depth", "steering.listening.divergence_seeds"),
        seed=seed("steering"),
        code=code("steering/generate_steered"),
    script:
        "../workflow_scripts/steering/generate_steered.py"


rule score_steered:
    """What is heard in generated clips: measures that know nothing of the model, a classifier, the circular probe."""
    input:
        clips="<results>/steering/generate_steered/{model}/{experiment}/clips.parquet",
        audio="<results>/steering/generate_steered/{model}/{experiment}/audio",
        replayed="<results>/steering/generate_steered/{model}/{experiment}/replayed.safetensors",
        listeners=experiment_concepts("<results>/steering/calibrate_measure/{concept}/listener.safetensors"),
        corpora=experiment_concepts("<results>/world/syntheory/{concept}.parquet"),
        clap=embedding_model(),
        hidden_states=experiment_concepts("<results>/latents/{model}/syntheory-{concept}/hidden_states.safetensors"),
    output:
        scores="<results>/steering/score_steered/{model}/{experiment}/scores.parquet",
        embeddings="<results>/steering/score_steered/{model}/{experiment}/embeddings.safetensors",
        traces="<results>/steering/score_steered/{model}/{experiment}/traces.parquet",
    log:
        "<logs>/score_steered/{model}/{experiment}.log",
    benchmark:
        "<benchmarks>/score_steered/{model}/{experiment}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        design=experiment_of,
        settings=sections("steering.listening"),
        seed=seed("steering"),
        code=code("steering/score_steered"),
    script:
        "../workflow_scripts/steering/score_steered.py"


rule analyse_steering:
    """Dose-response with paired intervals, estimators and schemes at equal cost, layers, cosines, the scorecard."""
    input:
        clips="<results>/steering/generate_steered/{model}/{experiment}/clips.parquet",
        replayed="<results>/steering/generate_steered/{model}/{experiment}/replayed.safetensors",
        scores="<results>/steering/score_steered/{model}/{experiment}/scores.parquet",
        embeddings="<results>/steering/score_steered/{model}/{experiment}/embeddings.safetensors",
        directions=experiment_directions,
    output:
        dose="<results>/steering/analyse_steering/{model}/{experiment}/dose_response.parquet",
        matched="<results>/steering/analyse_steering/{model}/{experiment}/matched.parquet",
        divergences="<results>/steering/analyse_steering/{model}/{experiment}/divergences.parquet",
        layers="<results>/steering/analyse_steering/{model}/{experiment}/layer_scores.parquet",
        cosines="<results>/steering/analyse_steering/{model}/{experiment}/cosines.parquet",
        rows="<results>/steering/analyse_steering/{model}/{experiment}/scorecard.json",
    log:
        "<logs>/analyse_steering/{model}/{experiment}.log",
    benchmark:
        "<benchmarks>/analyse_steering/{model}/{experiment}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        design=experiment_of,
        settings=sections("steering.listening.budget", "steering.listening.resamples"),
        seed=seed("steering"),
        code=code("steering/analyse_steering"),
    script:
        "../workflow_scripts/steering/analyse_steering.py"


rule time_steering:
    """How long the jobs of steering took, and what a push adds to the time of generation."""
    input:
        steering_results("analyse_steering/{model}/{experiment}/scorecard.json"),
        classifications("scorecard.json"),
        steering_limits(),
        language_model=lambda wildcards: model_file(wildcards.model),
    output:
        rows="<results>/steering/time_steering/{model}/scorecard.json",
    log:
        "<logs>/time_steering/{model}.log",
    benchmark:
        "<benchmarks>/time_steering/{model}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(8000),
        runtime=growing(30),
    params:
        run_name=SETTINGS.folder,
        preset=SETTINGS.preset,
        concepts=STEERED,
        code=code("steering/time_steering"),
    script:
        "../workflow_scripts/steering/time_steering.py"
