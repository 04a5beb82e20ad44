"""
Corpora of audio and of prompts: composed by default, real ones by the folder that the configuration names.

REQUIRED INPUTS:
    none; corpora.pmemo.folder, corpora.deam.folder, corpora.songs.folder and corpora.prompts.file name real ones

OUTPUTS:
    <results>/world/pmemo/PMEmo2019/, <results>/world/deam/DEAM/     composed clips with ratings, in the published layouts
    <results>/world/{corpus}/clips.parquet, frames.parquet          pmemo, deam: valence and arousal in [-1, 1]
    <results>/world/songs/audio/                                    composed artists, in audiocraft's layout of a data set
    <results>/world/songs/songs.parquet                             songs with artists, descriptions and tags
    <results>/world/emotion_prompts/prompts.parquet                 prompts with the emotion that they ask for
    skipped.parquet beside each                                     what could not be used, and why

STEPS: compose_rated · index_rated · compose_songs · index_songs · emotion_prompts
"""


rule compose_rated:
    """Clips with valence and arousal, composed in the layout of PMEmo or DEAM."""
    output:
        truth="<results>/world/{corpus}/{folder}/truth.csv",
    log:
        "<logs>/compose_rated/{corpus}/{folder}.log",
    benchmark:
        "<benchmarks>/compose_rated/{corpus}/{folder}.jsonl"
    wildcard_constraints:
        corpus="pmemo|deam",
        folder="PMEmo2019|DEAM",
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(30),
    params:
        settings=lambda wildcards: section(f"corpora.{wildcards.corpus}"),
        seed=lambda wildcards: seed(wildcards.corpus),
        code=code("corpora/compose_rated"),
    script:
        "../workflow_scripts/corpora/compose_rated.py"


rule index_rated:
    """The usable clips of PMEmo or DEAM, real or composed, on one scale."""
    input:
        labels=lambda wildcards: SETTINGS.corpora.rated(wildcards.corpus).file(wildcards.corpus, Path(RESULTS)),
    output:
        clips="<results>/world/{corpus}/clips.parquet",
        frames="<results>/world/{corpus}/frames.parquet",
        skipped="<results>/world/{corpus}/skipped.parquet",
    log:
        "<logs>/index_rated/{corpus}.log",
    benchmark:
        "<benchmarks>/index_rated/{corpus}.jsonl"
    wildcard_constraints:
        corpus="pmemo|deam",
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(60),
    params:
        settings=lambda wildcards: section(f"corpora.{wildcards.corpus}"),
        code=code("corpora/index_rated"),
    script:
        "../workflow_scripts/corpora/index_rated.py"


rule compose_songs:
    """Artists with a style each and several songs, in audiocraft's layout of a data set."""
    output:
        manifest="<results>/world/songs/audio/data.jsonl",
    log:
        "<logs>/compose_songs.log",
    benchmark:
        "<benchmarks>/compose_songs.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(60),
    params:
        settings={"songs": section("corpora.songs"), "sample_rate": SETTINGS.world.sample_rate},
        seed=seed("songs"),
        code=code("corpora/compose_songs"),
    script:
        "../workflow_scripts/corpora/compose_songs.py"


rule index_songs:
    """The usable songs, composed or of a folder, with artists, descriptions and tags."""
    input:
        manifest=SETTINGS.corpora.songs.files(Path(RESULTS)),
    output:
        songs="<results>/world/songs/songs.parquet",
        skipped="<results>/world/songs/skipped.parquet",
    log:
        "<logs>/index_songs.log",
    benchmark:
        "<benchmarks>/index_songs.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(60),
    params:
        settings=section("corpora.songs"),
        code=code("corpora/index_songs"),
    script:
        "../workflow_scripts/corpora/index_songs.py"


rule emotion_prompts:
    """The prompts that ask for emotions, shipped or a user's."""
    input:
        table=SETTINGS.corpora.prompts.file or "<resources>/prompts/emotion_prompts.csv",
    output:
        prompts="<results>/world/emotion_prompts/prompts.parquet",
        skipped="<results>/world/emotion_prompts/skipped.parquet",
    log:
        "<logs>/emotion_prompts.log",
    benchmark:
        "<benchmarks>/emotion_prompts.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(500),
        runtime=growing(5),
    params:
        settings=section("corpora.prompts"),
        code=code("corpora/emotion_prompts"),
    script:
        "../workflow_scripts/corpora/emotion_prompts.py"
