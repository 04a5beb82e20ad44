"""
Latents: corpora as codec tokens, and as hidden states of a MusicGen that replays them.

REQUIRED INPUTS:
    <results>/world/syntheory/{concept}.parquet     clips

OUTPUTS:
    <results>/latents/{model}/syntheory-{concept}/tokens.safetensors           (clips, codebooks, frames)
    <results>/latents/{model}/syntheory-{concept}/hidden_states.safetensors    (clips, layers, dim), mean and last
    <results>/latents/{model}/syntheory-{concept}/skipped.json                 clips that could not be read

STEPS: encode_clips · capture_hidden_states
"""


rule encode_clips:
    """Codec tokens of one corpus."""
    input:
        clips="<results>/world/syntheory/{concept}.parquet",
        language_model=lambda wildcards: model_file(wildcards.model),
    output:
        tokens="<results>/latents/{model}/syntheory-{concept}/tokens.safetensors",
        skipped="<results>/latents/{model}/syntheory-{concept}/skipped.json",
    log:
        "<logs>/encode_clips/{model}/{concept}.log",
    benchmark:
        "<benchmarks>/encode_clips/{model}/{concept}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        batch=section("musicgen.batch"),
        code=code("latents/encode_clips"),
    script:
        "../workflow_scripts/latents/encode_clips.py"


rule capture_hidden_states:
    """Block outputs of a teacher-forced replay of one corpus under null text, pooled over time."""
    input:
        tokens="<results>/latents/{model}/syntheory-{concept}/tokens.safetensors",
        language_model=lambda wildcards: model_file(wildcards.model),
    output:
        hidden_states="<results>/latents/{model}/syntheory-{concept}/hidden_states.safetensors",
    log:
        "<logs>/capture_hidden_states/{model}/{concept}.log",
    benchmark:
        "<benchmarks>/capture_hidden_states/{model}/{concept}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(8000),
        runtime=growing(60),
    params:
        batch=section("musicgen.batch"),
        code=code("latents/capture_hidden_states"),
    script:
        "../workflow_scripts/latents/capture_hidden_states.py"
