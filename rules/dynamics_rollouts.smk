"""
Rollouts corrected and heard, and what the published conclusions are worth.

REQUIRED INPUTS:
    <results>/dynamics/fit_dynamics/{codec}/        models of experiment 1
    <results>/dynamics/infer_latents/{codec}/       latents, and the codec that decodes them

OUTPUTS, each below <results>/dynamics/:
    correct_rollouts/{codec}/       sweep_results.json, summary.csv, best.json, known_answers.csv       experiment 6
    decode_rollouts/{codec}/        audio/, manifest.json, scores.csv, summary.csv, listen/index.html   experiment 7
    weigh_conclusions/              conclusions.csv, scorecard.json       every published conclusion, from all experiments

STEPS: correct_rollouts · decode_rollouts → weigh_conclusions
"""


localrules:
    exp6,
    exp7,


rule exp6:
    """Experiment 6: correction by a learned score, with known answers."""
    input:
        f"<results>/dynamics/correct_rollouts/{SETTINGS.dynamics.codec}/scorecard.json",


rule exp7:
    """Experiment 7: rollouts between true frames, to listen to, blind."""
    input:
        f"<results>/dynamics/decode_rollouts/{SETTINGS.dynamics.codec}/scorecard.json",


rule correct_rollouts:
    """Experiment 6: a score over the noise that rollouts show, and a sweep of corrections by it."""
    input:
        latents=lambda wildcards: latent_files(wildcards.codec, "latents.safetensors"),
        frames="<results>/dynamics/build_phase0/{codec}/phase0_frames.parquet",
        statistics="<results>/dynamics/build_phase0/{codec}/statistics.safetensors",
        checkpoints="<results>/dynamics/fit_dynamics/{codec}/checkpoints",
    output:
        score="<results>/dynamics/correct_rollouts/{codec}/checkpoints/score_final.safetensors",
        swept="<results>/dynamics/correct_rollouts/{codec}/sweep_results.json",
        summary="<results>/dynamics/correct_rollouts/{codec}/summary.csv",
        best="<results>/dynamics/correct_rollouts/{codec}/best.json",
        known="<results>/dynamics/correct_rollouts/{codec}/known_answers.csv",
        rows="<results>/dynamics/correct_rollouts/{codec}/scorecard.json",
    log:
        "<logs>/correct_rollouts/{codec}.log",
    benchmark:
        "<benchmarks>/correct_rollouts/{codec}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(240),
    params:
        settings=dynamics_keys("slice", "horizons", "k", "fit", "rollout", "correction", "resamples", "run_id"),
        seed=seed("correction"),
        code=code("dynamics/correct_rollouts"),
    script:
        "../workflow_scripts/dynamics/correct_rollouts.py"


rule decode_rollouts:
    """Experiment 7: rollouts of experiment 1 decoded between true frames, with controls and a blind listening test."""
    input:
        codec_file=lambda wildcards: codec_file(wildcards.codec),
        latents=lambda wildcards: latent_files(wildcards.codec, "latents.safetensors"),
        index=lambda wildcards: latent_files(wildcards.codec, "latents_index.parquet"),
        frames="<results>/dynamics/build_phase0/{codec}/phase0_frames.parquet",
        statistics="<results>/dynamics/build_phase0/{codec}/statistics.safetensors",
        checkpoints="<results>/dynamics/fit_dynamics/{codec}/checkpoints",
    output:
        audio=directory("<results>/dynamics/decode_rollouts/{codec}/audio"),
        listing="<results>/dynamics/decode_rollouts/{codec}/manifest.json",
        scores="<results>/dynamics/decode_rollouts/{codec}/scores.csv",
        summary="<results>/dynamics/decode_rollouts/{codec}/summary.csv",
        listen=directory("<results>/dynamics/decode_rollouts/{codec}/listen"),
        rows="<results>/dynamics/decode_rollouts/{codec}/scorecard.json",
    log:
        "<logs>/decode_rollouts/{codec}.log",
    benchmark:
        "<benchmarks>/decode_rollouts/{codec}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        settings=section("dynamics.perceptual"),
        horizon=SETTINGS.dynamics.rollout.k,
        resamples=SETTINGS.dynamics.resamples,
        seed=seed("perceptual"),
        code=code("dynamics/decode_rollouts"),
    script:
        "../workflow_scripts/dynamics/decode_rollouts.py"


rule weigh_conclusions:
    """Every published conclusion beside the numbers that bear on it: supported, contradicted, or open."""
    input:
        scorecards=conclusion_scorecards(),
        metrics=f"<results>/dynamics/fit_dynamics/{SETTINGS.dynamics.codec}/metrics.json",
        betavae="<results>/dynamics/compare_betavae/summary.csv",
    output:
        conclusions="<results>/dynamics/weigh_conclusions/conclusions.csv",
        rows="<results>/dynamics/weigh_conclusions/scorecard.json",
    log:
        "<logs>/weigh_conclusions.log",
    benchmark:
        "<benchmarks>/weigh_conclusions.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        benchmarks=f"{RESULTS}/benchmarks",
        jobs=dynamics_jobs(),
        corpus=SETTINGS.speech.corpus,
        most_seconds=SETTINGS.dynamics.most_seconds,
        code=code("dynamics/weigh_conclusions"),
    script:
        "../workflow_scripts/dynamics/weigh_conclusions.py"
