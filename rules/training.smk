"""
Training: the shipped models from nothing. No study depends on it; the shipped folders are its results.

REQUIRED INPUTS:
    none

OUTPUTS, below <results>/training/:
    compose_corpus/lessons.parquet, audio.safetensors     what the shipped MusicGen learns from
    train_codec/codec.safetensors                         its codec
    refine_decoder/codec.safetensors                      the same with a better decoder; tokens stay what they are
    tokenise_corpus/tokens.safetensors                    the corpus as tokens
    train_language_model/                                 the model, in the layout of resources/models/sonoscope-musicgen

STEPS: compose_corpus · train_codec · refine_decoder · tokenise_corpus · train_language_model

On two cores this takes some hours. Each training rule keeps a checkpoint and goes on from it.
"""


localrules:
    train_musicgen,


rule train_musicgen:
    """Train the shipped MusicGen from nothing; copy the folder to resources/models to ship it."""
    input:
        "<results>/training/train_language_model/state_dict.bin",


rule compose_corpus:
    """The clips that the shipped MusicGen learns from, with their prompts."""
    output:
        lessons="<results>/training/compose_corpus/lessons.parquet",
        audio="<results>/training/compose_corpus/audio.safetensors",
    log:
        "<logs>/compose_corpus.log",
    benchmark:
        "<benchmarks>/compose_corpus.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(6000),
        runtime=growing(60),
    params:
        settings=section("training"),
        seed=seed("training"),
        code=code("training/compose_corpus"),
    script:
        "../workflow_scripts/training/compose_corpus.py"


rule train_codec:
    """Train the codec of the shipped MusicGen."""
    input:
        lessons="<results>/training/compose_corpus/lessons.parquet",
        audio="<results>/training/compose_corpus/audio.safetensors",
    output:
        weights="<results>/training/train_codec/codec.safetensors",
    log:
        "<logs>/train_codec.log",
    benchmark:
        "<benchmarks>/train_codec.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 2
    resources:
        gpu=card,
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        settings=section("training"),
        seed=seed("training"),
        code=code("training/train_codec"),
    script:
        "../workflow_scripts/training/train_codec.py"


rule refine_decoder:
    """Train the codec's decoder further, with encoder and codebooks fixed."""
    input:
        lessons="<results>/training/compose_corpus/lessons.parquet",
        audio="<results>/training/compose_corpus/audio.safetensors",
        weights="<results>/training/train_codec/codec.safetensors",
    output:
        refined="<results>/training/refine_decoder/codec.safetensors",
    log:
        "<logs>/refine_decoder.log",
    benchmark:
        "<benchmarks>/refine_decoder.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 2
    resources:
        gpu=card,
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        settings=section("training"),
        seed=seed("training"),
        code=code("training/refine_decoder"),
    script:
        "../workflow_scripts/training/refine_decoder.py"


rule tokenise_corpus:
    """The corpus of the shipped MusicGen as tokens."""
    input:
        audio="<results>/training/compose_corpus/audio.safetensors",
        weights="<results>/training/train_codec/codec.safetensors",
    output:
        tokens="<results>/training/tokenise_corpus/tokens.safetensors",
    log:
        "<logs>/tokenise_corpus.log",
    benchmark:
        "<benchmarks>/tokenise_corpus.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 2
    resources:
        gpu=card,
        mem_mb=growing(8000),
        runtime=growing(60),
    params:
        settings=section("training"),
        code=code("training/tokenise_corpus"),
    script:
        "../workflow_scripts/training/tokenise_corpus.py"


rule train_language_model:
    """Train the language model of the shipped MusicGen, and write its folder in audiocraft's layout."""
    input:
        lessons="<results>/training/compose_corpus/lessons.parquet",
        tokens="<results>/training/tokenise_corpus/tokens.safetensors",
        codec_weights="<results>/training/refine_decoder/codec.safetensors",
    output:
        language_model="<results>/training/train_language_model/state_dict.bin",
        codec="<results>/training/train_language_model/compression_state_dict.bin",
    log:
        "<logs>/train_language_model.log",
    benchmark:
        "<benchmarks>/train_language_model.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 2
    resources:
        gpu=card,
        mem_mb=growing(8000),
        runtime=growing(480),
    params:
        settings=section("training"),
        seed=seed("training"),
        code=code("training/train_language_model"),
    script:
        "../workflow_scripts/training/train_language_model.py"
