"""
Phase 0: the known world and the models that need no training.

REQUIRED INPUTS:
    none; scores are composed and rendered from the settings (section world), unless world.syntheory names the real set

OUTPUTS:
    <results>/world/syntheory/{concept}.parquet     one row per clip: audio, MIDI, labels, prompt, groups
    <results>/world/syntheory/skipped/{concept}.parquet     rows of the published set that could not be used, and why
    <results>/world/speech/LibriSpeech/             synthetic speakers reading made-up sentences, in LibriSpeech's layout
    <results>/world/speech/utterances.parquet       one row per utterance, synthetic or real, with splits by speaker
    <results>/world/speech/skipped.parquet          what could not be used, and why
    <results>/models/random/                        a MusicGen with random weights, in audiocraft's layout
    <results>/models/transformers/{model}/          a MusicGen converted to transformers' layout
    <results>/hello/*.wav                           the first two clips

STEPS: compose_syntheory · compose_speech · index_speech · build_random_musicgen · convert_musicgen · hello
"""


localrules:
    world,


rule world:
    """The known world: every corpus of this run, composed or named by the configuration."""
    input:
        expand("<results>/world/syntheory/{concept}.parquet", concept=SETTINGS.world.concepts),
        expand("<results>/world/{corpus}/clips.parquet", corpus=["pmemo", "deam"]),
        "<results>/world/pieces.parquet",
        "<results>/world/songs/songs.parquet",
        "<results>/world/speech/utterances.parquet",
        "<results>/world/emotion_prompts/prompts.parquet",


rule compose_syntheory:
    """One concept of SynTheory, composed and rendered with every cause recorded, or read from the published set."""
    output:
        clips="<results>/world/syntheory/{concept}.parquet",
        skipped="<results>/world/syntheory/skipped/{concept}.parquet",
    log:
        "<logs>/compose_syntheory/{concept}.log",
    benchmark:
        "<benchmarks>/compose_syntheory/{concept}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000 if SETTINGS.world.size == "compact" else 16000),
        runtime=growing(15 if SETTINGS.world.size == "compact" else 240),
    params:
        settings=section("world"),
        seed=seed("world"),
        code=code("phase0/compose_syntheory"),
    script:
        "../workflow_scripts/phase0/compose_syntheory.py"


rule compose_speech:
    """Synthetic speakers read made-up sentences, in LibriSpeech's layout."""
    output:
        speakers="<results>/world/speech/LibriSpeech/SPEAKERS.TXT",
    log:
        "<logs>/compose_speech.log",
    benchmark:
        "<benchmarks>/compose_speech.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(30),
    params:
        settings=section("speech"),
        seed=seed("speech"),
        code=code("phase0/compose_speech"),
    script:
        "../workflow_scripts/phase0/compose_speech.py"


rule index_speech:
    """The usable utterances of a speech corpus, synthetic or LibriSpeech, with splits by speaker."""
    input:
        corpus=SETTINGS.speech.files(Path(RESULTS), Path(DOWNLOADS)),
    output:
        utterances="<results>/world/speech/utterances.parquet",
        skipped="<results>/world/speech/skipped.parquet",
    log:
        "<logs>/index_speech.log",
    benchmark:
        "<benchmarks>/index_speech.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        settings=section("speech"),
        seed=seed("speech"),
        code=code("phase0/index_speech"),
    script:
        "../workflow_scripts/phase0/index_speech.py"


rule build_random_musicgen:
    """A MusicGen with random weights, for tests of the machinery."""
    output:
        language_model="<results>/models/random/state_dict.bin",
        codec="<results>/models/random/compression_state_dict.bin",
    log:
        "<logs>/build_random_musicgen.log",
    benchmark:
        "<benchmarks>/build_random_musicgen.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        seed=seed("random_musicgen"),
        code=code("phase0/build_random_musicgen"),
    script:
        "../workflow_scripts/phase0/build_random_musicgen.py"


rule convert_musicgen:
    """A MusicGen in audiocraft's layout, converted to that of transformers."""
    input:
        language_model=lambda wildcards: audiocraft_file(wildcards.model),
    output:
        config="<results>/models/transformers/{model}/config.json",
        weights="<results>/models/transformers/{model}/model.safetensors",
    log:
        "<logs>/convert_musicgen/{model}.log",
    benchmark:
        "<benchmarks>/convert_musicgen/{model}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(30),
    params:
        code=code("phase0/convert_musicgen"),
    script:
        "../workflow_scripts/phase0/convert_musicgen.py"


rule hello:
    """Two short clips from two prompts with the configured model: the first test of a new machine."""
    input:
        language_model=model_file(SETTINGS.musicgen.name),
    output:
        clips=expand("<results>/hello/{n}.wav", n=range(len(SETTINGS.hello.prompts))),
    log:
        "<logs>/hello.log",
    benchmark:
        "<benchmarks>/hello.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(4000),
        runtime=growing(15),
    params:
        settings={"hello": section("hello"), "musicgen": section("musicgen")},
        seed=seed("hello"),
        code=code("phase0/hello"),
    script:
        "../workflow_scripts/phase0/hello.py"
