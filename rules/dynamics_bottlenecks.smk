"""
Dynamics in bottlenecks: codecs whose latents were trained to be easy to predict, and what they lose for it.

REQUIRED INPUTS:
    <results>/world/speech/utterances.parquet       utterances with splits by speaker; training sees training speakers
    the codecs that dynamics.betavae and dynamics.vaegan name; none for mel, the front end of the demo

OUTPUTS, each below <results>/dynamics/:
    train_betavae/{variant}/        checkpoints/, latents.safetensors, recon_metrics.json, health.json, samples/    experiment 5
    train_vaegan/                   the same, and pretrain_recon_metrics.json                                       experiment 9
    judge_bottleneck/{source}/      phase1/: metrics.json, tables.csv, injection_diag.json, checkpoints/
    compare_betavae/                summary.csv, scorecard.json
    compare_vaegan/                 summary.csv, scorecard.json

STEPS: train_betavae, train_vaegan → judge_bottleneck → compare_betavae → compare_vaegan

A source is a variant of the β-VAE, or ``vaegan``. Experiment 9 is compared with experiment 5, and so comes after it.
"""


localrules:
    exp5,
    exp9,


rule exp5:
    """Experiment 5: a β-VAE with losses that ask for easy dynamics, in all variants."""
    input:
        "<results>/dynamics/compare_betavae/scorecard.json",


rule exp9:
    """Experiment 9: a VAE-GAN with a frozen encoder, distillation and a bottleneck, beside experiment 5."""
    input:
        "<results>/dynamics/compare_vaegan/scorecard.json",


rule train_betavae:
    """Experiment 5: one variant, trained on training speakers; the latents of all; reconstruction of test speakers."""
    input:
        codec_file=bottleneck_codec("betavae"),
        corpus=SETTINGS.speech.files(Path(RESULTS), Path(DOWNLOADS)),
        utterances="<results>/world/speech/utterances.parquet",
    output:
        checkpoint="<results>/dynamics/train_betavae/{variant}/checkpoints/vae_final.safetensors",
        latents="<results>/dynamics/train_betavae/{variant}/latents.safetensors",
        index="<results>/dynamics/train_betavae/{variant}/latents_index.parquet",
        recon="<results>/dynamics/train_betavae/{variant}/recon_metrics.json",
        health="<results>/dynamics/train_betavae/{variant}/health.json",
        samples=directory("<results>/dynamics/train_betavae/{variant}/samples"),
    log:
        "<logs>/train_betavae/{variant}.log",
    benchmark:
        "<benchmarks>/train_betavae/{variant}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(8000),
        runtime=growing(480),
    params:
        settings=lambda wildcards: betavae_of(wildcards.variant),
        resamples=SETTINGS.dynamics.resamples,
        seed=seed("betavae"),
        code=code("dynamics/train_betavae"),
    script:
        "../workflow_scripts/dynamics/train_betavae.py"


rule train_vaegan:
    """Experiment 9: the VAE-GAN, the latents of all speakers, and reconstruction before and after."""
    input:
        codec_file=bottleneck_codec("vaegan"),
        teacher_file=teacher_file(),
        corpus=SETTINGS.speech.files(Path(RESULTS), Path(DOWNLOADS)),
        utterances="<results>/world/speech/utterances.parquet",
    output:
        checkpoint="<results>/dynamics/train_vaegan/checkpoints/vae_final.safetensors",
        latents="<results>/dynamics/train_vaegan/latents.safetensors",
        index="<results>/dynamics/train_vaegan/latents_index.parquet",
        before="<results>/dynamics/train_vaegan/pretrain_recon_metrics.json",
        recon="<results>/dynamics/train_vaegan/recon_metrics.json",
        health="<results>/dynamics/train_vaegan/health.json",
        samples=directory("<results>/dynamics/train_vaegan/samples"),
    log:
        "<logs>/train_vaegan.log",
    benchmark:
        "<benchmarks>/train_vaegan.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(12000),
        runtime=growing(1440),
    params:
        settings=section("dynamics.vaegan"),
        resamples=SETTINGS.dynamics.resamples,
        seed=seed("vaegan"),
        code=code("dynamics/train_vaegan"),
    script:
        "../workflow_scripts/dynamics/train_vaegan.py"


rule judge_bottleneck:
    """The battery of experiments 1 and 2 on the latents of a bottleneck."""
    input:
        latents=lambda wildcards: bottleneck_file(wildcards.source, "latents.safetensors"),
        index=lambda wildcards: bottleneck_file(wildcards.source, "latents_index.parquet"),
    output:
        frames="<results>/dynamics/judge_bottleneck/{source}/phase0_frames.parquet",
        statistics="<results>/dynamics/judge_bottleneck/{source}/statistics.safetensors",
        health="<results>/dynamics/judge_bottleneck/{source}/health.json",
        metrics="<results>/dynamics/judge_bottleneck/{source}/phase1/metrics.json",
        tables="<results>/dynamics/judge_bottleneck/{source}/phase1/tables.csv",
        diagnostic="<results>/dynamics/judge_bottleneck/{source}/phase1/injection_diag.json",
        checkpoints=directory("<results>/dynamics/judge_bottleneck/{source}/phase1/checkpoints"),
    log:
        "<logs>/judge_bottleneck/{source}.log",
    benchmark:
        "<benchmarks>/judge_bottleneck/{source}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(6000),
        runtime=growing(240),
    params:
        settings=dynamics_keys(
            "window",
            "horizons",
            "slice",
            "k",
            "legacy",
            "force",
            "resume",
            "run_id",
            "fit",
            "rollout",
            "battery",
            "resamples",
        ),
        seed=seed("dynamics"),
        code=code("dynamics/judge_bottleneck"),
    script:
        "../workflow_scripts/dynamics/judge_bottleneck.py"


rule compare_betavae:
    """The variants side by side: reconstruction, whether latents are alive, and how predictable they are."""
    input:
        recon=bottleneck_results("train_betavae/{source}/recon_metrics.json"),
        health=bottleneck_results("train_betavae/{source}/health.json"),
        metrics=bottleneck_results("judge_bottleneck/{source}/phase1/metrics.json"),
        diagnostics=bottleneck_results("judge_bottleneck/{source}/phase1/injection_diag.json"),
    output:
        summary="<results>/dynamics/compare_betavae/summary.csv",
        rows="<results>/dynamics/compare_betavae/scorecard.json",
    log:
        "<logs>/compare_betavae.log",
    benchmark:
        "<benchmarks>/compare_betavae.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        variants=variants_trained(),
        code=code("dynamics/compare_betavae"),
    script:
        "../workflow_scripts/dynamics/compare_betavae.py"


rule compare_vaegan:
    """Experiment 9 beside the first variant of experiment 5: quality, life of the latents, predictability."""
    input:
        recon="<results>/dynamics/train_vaegan/recon_metrics.json",
        before="<results>/dynamics/train_vaegan/pretrain_recon_metrics.json",
        health="<results>/dynamics/train_vaegan/health.json",
        metrics="<results>/dynamics/judge_bottleneck/vaegan/phase1/metrics.json",
        diagnostic="<results>/dynamics/judge_bottleneck/vaegan/phase1/injection_diag.json",
        betavae="<results>/dynamics/compare_betavae/summary.csv",
    output:
        summary="<results>/dynamics/compare_vaegan/summary.csv",
        rows="<results>/dynamics/compare_vaegan/scorecard.json",
    log:
        "<logs>/compare_vaegan.log",
    benchmark:
        "<benchmarks>/compare_vaegan.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        code=code("dynamics/compare_vaegan"),
    script:
        "../workflow_scripts/dynamics/compare_vaegan.py"
