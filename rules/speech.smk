"""
Speech codecs: continuous latents at 12.5 Hz, one without training noise and one that is trained.

REQUIRED INPUTS:
    <results>/world/speech/utterances.parquet       utterances with splits by speaker; only training speakers are learned from

OUTPUTS:
    <results>/codecs/mel-pca-{dim}/codec.safetensors                    principal components of stacked log-mel frames
    <results>/training/train_speech_codec/codec.safetensors             the codec that resources/models/sonoscope-speech ships
    <results>/training/train_speech_codec/measures.json, scorecard.json     what it loses on test speakers, and its latents

STEPS: fit_mel_pca · train_speech_codec
"""


localrules:
    train_speech,


rule train_speech:
    """Train the shipped speech codec from nothing; copy its file to resources/models to ship it."""
    input:
        "<results>/training/train_speech_codec/codec.safetensors",


rule fit_mel_pca:
    """The deterministic speech codec, once for each number of components."""
    input:
        corpus=SETTINGS.speech.files(Path(RESULTS), Path(DOWNLOADS)),
        utterances="<results>/world/speech/utterances.parquet",
    output:
        codecs=expand("<results>/codecs/mel-pca-{dim}/codec.safetensors", dim=SETTINGS.mel_pca.dims),
    log:
        "<logs>/fit_mel_pca.log",
    benchmark:
        "<benchmarks>/fit_mel_pca.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        settings=section("mel_pca"),
        code=code("speech/fit_mel_pca"),
    script:
        "../workflow_scripts/speech/fit_mel_pca.py"


rule train_speech_codec:
    """Train the shipped speech codec; a killed job goes on from its last checkpoint."""
    input:
        corpus=SETTINGS.speech.files(Path(RESULTS), Path(DOWNLOADS)),
        utterances="<results>/world/speech/utterances.parquet",
    output:
        codec="<results>/training/train_speech_codec/codec.safetensors",
        measures="<results>/training/train_speech_codec/measures.json",
        scorecard="<results>/training/train_speech_codec/scorecard.json",
    log:
        "<logs>/train_speech_codec.log",
    benchmark:
        "<benchmarks>/train_speech_codec.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 2
    resources:
        mem_mb=growing(6000),
        runtime=growing(120),
    params:
        settings=section("speech_codec"),
        seed=seed("speech_codec"),
        code=code("speech/train_speech_codec"),
    script:
        "../workflow_scripts/speech/train_speech_codec.py"
