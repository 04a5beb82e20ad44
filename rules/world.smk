"""
How well a MusicGen learned the known world, by what is heard in its clips; and how fast that world is made.

REQUIRED INPUTS:
    the MusicGen of the settings; what it is asked is composed from the settings (section measure_musicgen)

OUTPUTS, below <results>/world/:
    generate_answers/{model}/clips.parquet                              clips of the model, and renders through its codec
    measure_musicgen/{model}/scores.parquet, scorecard.json, card.md    what is heard, on renders of the same prompts too
    compare_backends/{model}/scorecard.json                             the model by audiocraft and by transformers
    measure_composer/scorecard.json                                     pieces per second, rendering against real time

STEPS: generate_answers · measure_musicgen · compare_backends · measure_composer
"""


localrules:
    world_measures,


rule world_measures:
    """How well the MusicGen learned the known world, whether both backends agree, how fast the world is made."""
    input:
        learned=f"<results>/world/measure_musicgen/{SETTINGS.musicgen.name}/scorecard.json",
        backends=backend_comparison(),
        composer="<results>/world/measure_composer/scorecard.json",


rule generate_answers:
    """Clips of a MusicGen for every question about the known world, and renders through its codec."""
    input:
        language_model=lambda wildcards: model_file(wildcards.model),
    output:
        clips="<results>/world/generate_answers/{model}/clips.parquet",
    log:
        "<logs>/generate_answers/{model}.log",
    benchmark:
        "<benchmarks>/generate_answers/{model}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(6000),
        runtime=growing(60),
    params:
        settings={"measure_musicgen": section("measure_musicgen"), "musicgen": section("musicgen")},
        seed=seed("measure_musicgen"),
        code=code("world/generate_answers"),
    script:
        "../workflow_scripts/world/generate_answers.py"


rule measure_musicgen:
    """What is heard in a MusicGen's answers and in true renders, and the scorecard of how well it learned."""
    input:
        clips="<results>/world/generate_answers/{model}/clips.parquet",
    output:
        scores="<results>/world/measure_musicgen/{model}/scores.parquet",
        rows="<results>/world/measure_musicgen/{model}/scorecard.json",
        card="<results>/world/measure_musicgen/{model}/card.md",
    log:
        "<logs>/measure_musicgen/{model}.log",
    benchmark:
        "<benchmarks>/measure_musicgen/{model}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=growing(30),
    params:
        settings=section("measure_musicgen"),
        seed=seed("measure_musicgen"),
        code=code("world/measure_musicgen"),
    script:
        "../workflow_scripts/world/measure_musicgen.py"


rule compare_backends:
    """The same weights by audiocraft and by transformers: logits, greedy tokens, codes and audio."""
    input:
        language_model=lambda wildcards: audiocraft_file(wildcards.model),
        config="<results>/models/transformers/{model}/config.json",
        weights="<results>/models/transformers/{model}/model.safetensors",
    output:
        rows="<results>/world/compare_backends/{model}/scorecard.json",
    log:
        "<logs>/compare_backends/{model}.log",
    benchmark:
        "<benchmarks>/compare_backends/{model}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(8000),
        runtime=growing(30),
    params:
        code=code("world/compare_backends"),
    script:
        "../workflow_scripts/world/compare_backends.py"


rule measure_composer:
    """How many pieces a second are composed, and how much faster than real time they are rendered."""
    output:
        rows="<results>/world/measure_composer/scorecard.json",
    log:
        "<logs>/measure_composer.log",
    benchmark:
        "<benchmarks>/measure_composer.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        seed=seed("measure_composer"),
        code=code("world/measure_composer"),
    script:
        "../workflow_scripts/world/measure_composer.py"
