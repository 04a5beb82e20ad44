"""
MuseTok: symbolic music as bars of tokens and as vectors of bars, and the shipped model from nothing.

REQUIRED INPUTS:
    none; other corpora than the composed pieces are named in musetok.folders

OUTPUTS:
    <results>/world/pieces.parquet                              composed pieces with every cause
    <results>/latents/musetok/{corpus}/latents.safetensors      every bar: three vectors and the codes
    <results>/latents/musetok/{corpus}/bars.parquet             which bar of which piece each row is
    <results>/latents/musetok/{corpus}/skipped.json             pieces that could not be read
    <results>/training/collect_scores/scores.parquet            what the shipped model learns from
    <results>/training/fit_musetok/                             the model, as in resources/models/sonoscope-musetok
    <results>/training/measure_musetok/scorecard.json           what of a held-out bar comes back

STEPS: compose_pieces · musetok_latents · collect_scores · fit_musetok · measure_musetok

Training takes about a quarter of an hour on one core. Its real scores come with a package of envs/training.txt.
"""


localrules:
    train_musetok,


rule compose_pieces:
    """Composed pieces with every cause recorded."""
    output:
        pieces="<results>/world/pieces.parquet",
    log:
        "<logs>/compose_pieces.log",
    benchmark:
        "<benchmarks>/compose_pieces.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        settings=section("musetok.pieces"),
        seed=seed("pieces"),
        code=code("musetok/compose_pieces"),
    script:
        "../workflow_scripts/musetok/compose_pieces.py"


rule musetok_latents:
    """Every bar of a corpus as vectors and codes."""
    input:
        midi=lambda wildcards: SETTINGS.musetok.corpus(wildcards.corpus, Path(RESULTS)),
        weights=SETTINGS.musetok.weights(Path(RESOURCES) / "models", Path(DOWNLOADS)),
    output:
        latents="<results>/latents/musetok/{corpus}/latents.safetensors",
        bars="<results>/latents/musetok/{corpus}/bars.parquet",
        skipped="<results>/latents/musetok/{corpus}/skipped.json",
    log:
        "<logs>/musetok_latents/{corpus}.log",
    benchmark:
        "<benchmarks>/musetok_latents/{corpus}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        model=section("musetok.name"),
        settings=section("musetok.encoding"),
        code=code("musetok/musetok_latents"),
    script:
        "../workflow_scripts/musetok/musetok_latents.py"


rule train_musetok:
    """Train the shipped MuseTok from nothing and measure it; copy fit_musetok's folder to resources/models to ship it."""
    input:
        "<results>/training/measure_musetok/scorecard.json",


rule collect_scores:
    """The scores that the shipped MuseTok learns from, with their splits."""
    output:
        scores="<results>/training/collect_scores/scores.parquet",
        skipped="<results>/training/collect_scores/skipped.json",
    log:
        "<logs>/collect_scores.log",
    benchmark:
        "<benchmarks>/collect_scores.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        settings=section("musetok.training.corpus"),
        seed=seed("musetok"),
        code=code("musetok/collect_scores"),
    script:
        "../workflow_scripts/musetok/collect_scores.py"


rule fit_musetok:
    """Train the shipped MuseTok."""
    input:
        scores="<results>/training/collect_scores/scores.parquet",
    output:
        weights="<results>/training/fit_musetok/model.safetensors",
        config="<results>/training/fit_musetok/config.json",
    log:
        "<logs>/fit_musetok.log",
    benchmark:
        "<benchmarks>/fit_musetok.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        settings=section("musetok.training"),
        seed=seed("musetok"),
        code=code("musetok/fit_musetok"),
    script:
        "../workflow_scripts/musetok/fit_musetok.py"


rule measure_musetok:
    """Tokens and notes that the shipped MuseTok gives back, on held-out real scores."""
    input:
        scores="<results>/training/collect_scores/scores.parquet",
        weights="<results>/training/fit_musetok/model.safetensors",
    output:
        scorecard="<results>/training/measure_musetok/scorecard.json",
    log:
        "<logs>/measure_musetok.log",
    benchmark:
        "<benchmarks>/measure_musetok.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(20),
    params:
        seed=seed("musetok"),
        code=code("musetok/measure_musetok"),
    script:
        "../workflow_scripts/musetok/measure_musetok.py"
