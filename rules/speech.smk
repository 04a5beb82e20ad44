"""
Speech codecs: continuous latents at 12.5 Hz, one without training noise and one that is trained.

REQUIRED INPUTS:
    <results>/world/speech/utterances.parquet       utterances with splits by speaker; components are fitted to training speakers

OUTPUTS:
    <results>/codecs/mel-pca-{dim}/codec.safetensors                    principal components of stacked log-mel frames
    <results>/training/compose_codec_speech/LibriSpeech/                synthetic speakers for the codec alone
    <results>/training/compose_codec_speech/utterances.parquet          their utterances, with splits by speaker
    <results>/training/train_speech_codec/codec.safetensors             the codec that resources/models/sonoscope-speech ships
    <results>/training/measure_speech_codec/measures.json, scorecard.json   what it loses of unheard speakers, and its latents

STEPS: fit_mel_pca · compose_codec_speech · train_speech_codec · measure_speech_codec

Training takes about 20 minutes on one core. Its voices are none of those that the studies' corpus begins with, so that a
study of the codec's latents sees speakers that the codec never heard.
"""


localrules:
    train_speech,


rule train_speech:
    """Train the shipped speech codec from nothing and measure it; copy both files to resources/models to ship it."""
    input:
        "<results>/training/measure_speech_codec/scorecard.json",


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


rule compose_codec_speech:
    """Synthetic speakers for the codec to learn from, of voices that the studies do not begin with."""
    output:
        speakers="<results>/training/compose_codec_speech/LibriSpeech/SPEAKERS.TXT",
        utterances="<results>/training/compose_codec_speech/utterances.parquet",
    log:
        "<logs>/compose_codec_speech.log",
    benchmark:
        "<benchmarks>/compose_codec_speech.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(30),
    params:
        settings=section("speech_codec.corpus"),
        seed=seed("codec_speech"),
        code=code("speech/compose_codec_speech"),
    script:
        "../workflow_scripts/speech/compose_codec_speech.py"


rule train_speech_codec:
    """Train the shipped speech codec; a killed job goes on from its last checkpoint."""
    input:
        speakers="<results>/training/compose_codec_speech/LibriSpeech/SPEAKERS.TXT",
        utterances="<results>/training/compose_codec_speech/utterances.parquet",
    output:
        codec="<results>/training/train_speech_codec/codec.safetensors",
    log:
        "<logs>/train_speech_codec.log",
    benchmark:
        "<benchmarks>/train_speech_codec.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(6000),
        runtime=growing(120),
    params:
        settings=section("speech_codec"),
        seed=seed("speech_codec"),
        code=code("speech/train_speech_codec"),
    script:
        "../workflow_scripts/speech/train_speech_codec.py"


rule measure_speech_codec:
    """What the codec loses of speakers that it never heard, beside principal components; and its latents."""
    input:
        codec="<results>/training/train_speech_codec/codec.safetensors",
        speakers="<results>/training/compose_codec_speech/LibriSpeech/SPEAKERS.TXT",
        utterances="<results>/training/compose_codec_speech/utterances.parquet",
        strangers=SETTINGS.speech.files(Path(RESULTS), Path(DOWNLOADS)),
        stranger_utterances="<results>/world/speech/utterances.parquet",
    output:
        measures="<results>/training/measure_speech_codec/measures.json",
        scorecard="<results>/training/measure_speech_codec/scorecard.json",
    log:
        "<logs>/measure_speech_codec.log",
    benchmark:
        "<benchmarks>/measure_speech_codec.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(6000),
        runtime=growing(30),
    params:
        seed=seed("speech_codec"),
        code=code("speech/measure_speech_codec"),
    script:
        "../workflow_scripts/speech/measure_speech_codec.py"
