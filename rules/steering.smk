"""
Steering: which directions in MusicGen's residual stream are musical concepts, and what happens when we push?

REQUIRED INPUTS:
    <results>/world/syntheory/{concept}.parquet                                     clips with labels
    <results>/latents/{model}/syntheory-{concept}/hidden_states.safetensors         their hidden states

OUTPUTS, each below <results>/steering/{rule}/{model}/{concept}/{target}/:
    fit_direction/      directions.safetensors, directions.json      one direction per estimator and layer
    generate_steered/   clips.parquet, audio/*.flac                  unsteered, steered and random, paired
    score_steered/      scores.parquet                               what is heard in each clip
    analyse_steering/   dose_response.parquet, layer_scores.parquet, scorecard.json

STEPS: fit_direction · generate_steered · score_steered · analyse_steering
"""


localrules:
    steering,


rule steering:
    """Steer MusicGen to musical concepts: directions, clips, scores, dose-response."""
    input:
        steering_results("analyse_steering/{model}/{concept}/{target}/scorecard.json"),


rule fit_direction:
    """Directions of one concept at every layer, by every estimator of the settings."""
    input:
        clips="<results>/world/syntheory/{concept}.parquet",
        hidden_states="<results>/latents/{model}/syntheory-{concept}/hidden_states.safetensors",
        skipped="<results>/latents/{model}/syntheory-{concept}/skipped.json",
    output:
        directions="<results>/steering/fit_direction/{model}/{concept}/{target}/directions.safetensors",
        about="<results>/steering/fit_direction/{model}/{concept}/{target}/directions.json",
    log:
        "<logs>/fit_direction/{model}/{concept}/{target}.log",
    benchmark:
        "<benchmarks>/fit_direction/{model}/{concept}/{target}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
    params:
        settings=section("steering"),
        code=code("steering/fit_direction"),
    script:
        "../workflow_scripts/steering/fit_direction.py"


rule generate_steered:
    """Clips of the same prompts and seeds, unsteered and steered by each estimator at each coefficient."""
    input:
        directions="<results>/steering/fit_direction/{model}/{concept}/{target}/directions.safetensors",
        about="<results>/steering/fit_direction/{model}/{concept}/{target}/directions.json",
        language_model=lambda wildcards: model_file(wildcards.model),
    output:
        clips="<results>/steering/generate_steered/{model}/{concept}/{target}/clips.parquet",
        audio=directory("<results>/steering/generate_steered/{model}/{concept}/{target}/audio"),
    log:
        "<logs>/generate_steered/{model}/{concept}/{target}.log",
    benchmark:
        "<benchmarks>/generate_steered/{model}/{concept}/{target}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=1,
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        settings={"steering": section("steering"), "musicgen": section("musicgen")},
        seed=seed("steering"),
        code=code("steering/generate_steered"),
    script:
        "../workflow_scripts/steering/generate_steered.py"


rule score_steered:
    """What is heard in generated clips, by a measure that knows nothing of the model."""
    input:
        clips="<results>/steering/generate_steered/{model}/{concept}/{target}/clips.parquet",
        audio="<results>/steering/generate_steered/{model}/{concept}/{target}/audio",
    output:
        scores="<results>/steering/score_steered/{model}/{concept}/{target}/scores.parquet",
    log:
        "<logs>/score_steered/{model}/{concept}/{target}.log",
    benchmark:
        "<benchmarks>/score_steered/{model}/{concept}/{target}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        code=code("steering/score_steered"),
    script:
        "../workflow_scripts/steering/score_steered.py"


rule analyse_steering:
    """The dose-response curve with intervals and null, the scores of the layers, and the scorecard of steering."""
    input:
        scores="<results>/steering/score_steered/{model}/{concept}/{target}/scores.parquet",
        directions="<results>/steering/fit_direction/{model}/{concept}/{target}/directions.safetensors",
        about="<results>/steering/fit_direction/{model}/{concept}/{target}/directions.json",
    output:
        dose="<results>/steering/analyse_steering/{model}/{concept}/{target}/dose_response.parquet",
        layers="<results>/steering/analyse_steering/{model}/{concept}/{target}/layer_scores.parquet",
        rows="<results>/steering/analyse_steering/{model}/{concept}/{target}/scorecard.json",
    log:
        "<logs>/analyse_steering/{model}/{concept}/{target}.log",
    benchmark:
        "<benchmarks>/analyse_steering/{model}/{concept}/{target}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(15),
    params:
        settings=section("steering"),
        seed=seed("steering"),
        code=code("steering/analyse_steering"),
    script:
        "../workflow_scripts/steering/analyse_steering.py"
