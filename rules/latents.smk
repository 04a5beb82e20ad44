"""
Latents: corpora as codec tokens, and as hidden states of a MusicGen that replays them.

REQUIRED INPUTS:
    <results>/world/syntheory/{concept}.parquet     clips

OUTPUTS:
    <results>/latents/{model}/syntheory-{concept}/tokens.safetensors           (clips, codebooks, frames)
    <results>/latents/{model}/syntheory-{concept}/hidden_states.safetensors    (clips, layers, dim), mean and last
    <results>/latents/{model}/syntheory-{concept}/skipped.json                 clips that could not be read
    <results>/latents/{model}/syntheory-{concept}/shares/{shard}/              the same of one share, if there are several

STEPS: encode_clips · capture_hidden_states

shares.encode and shares.capture say in how many jobs either is done; encode_clips and capture_hidden_states then only
merge what encode_share and capture_share made.
"""


rule encode_share:
    """Codec tokens of one share of one corpus."""
    input:
        clips="<results>/world/syntheory/{concept}.parquet",
        language_model=lambda wildcards: model_file(wildcards.model),
    output:
        tokens="<results>/latents/{model}/syntheory-{concept}/shares/{shard}/tokens.safetensors",
        skipped="<results>/latents/{model}/syntheory-{concept}/shares/{shard}/skipped.json",
    log:
        "<logs>/encode_share/{model}/{concept}/{shard}.log",
    benchmark:
        "<benchmarks>/encode_share/{model}/{concept}/{shard}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        batch=section("musicgen.batch"),
        shards=SETTINGS.shares.encode,
        code=code("latents/encode_share"),
    script:
        "../workflow_scripts/latents/encode_share.py"


rule encode_clips:
    """Codec tokens of one corpus."""
    input:
        clips="<results>/world/syntheory/{concept}.parquet",
        language_model=lambda wildcards: model_file(wildcards.model),
        parts=shares("latents/{model}/syntheory-{concept}", "tokens.safetensors", SETTINGS.shares.encode),
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
        gpu=card if SETTINGS.shares.encode == 1 else 0,
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        batch=section("musicgen.batch"),
        code=code("latents/encode_clips"),
    script:
        "../workflow_scripts/latents/encode_clips.py"


rule capture_share:
    """Block outputs of a teacher-forced replay of one share of one corpus under null text, pooled over time."""
    input:
        tokens="<results>/latents/{model}/syntheory-{concept}/tokens.safetensors",
        language_model=lambda wildcards: model_file(wildcards.model),
    output:
        hidden_states="<results>/latents/{model}/syntheory-{concept}/shares/{shard}/hidden_states.safetensors",
    log:
        "<logs>/capture_share/{model}/{concept}/{shard}.log",
    benchmark:
        "<benchmarks>/capture_share/{model}/{concept}/{shard}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(8000),
        runtime=growing(60),
    params:
        batch=section("musicgen.batch"),
        shards=SETTINGS.shares.capture,
        code=code("latents/capture_share"),
    script:
        "../workflow_scripts/latents/capture_share.py"


rule capture_hidden_states:
    """Block outputs of a teacher-forced replay of one corpus under null text, pooled over time."""
    input:
        tokens="<results>/latents/{model}/syntheory-{concept}/tokens.safetensors",
        language_model=lambda wildcards: model_file(wildcards.model),
        parts=shares("latents/{model}/syntheory-{concept}", "hidden_states.safetensors", SETTINGS.shares.capture),
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
        gpu=card if SETTINGS.shares.capture == 1 else 0,
        mem_mb=growing(8000),
        runtime=growing(60),
    params:
        batch=section("musicgen.batch"),
        code=code("latents/capture_hidden_states"),
    script:
        "../workflow_scripts/latents/capture_hidden_states.py"
