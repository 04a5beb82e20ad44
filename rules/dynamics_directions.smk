"""
Dynamics in codes: directions of change as a codebook, autoregression over its codes, and denoised rollouts.

REQUIRED INPUTS:
    <results>/dynamics/train_betavae/{variant}/         latents and decoder of the bottleneck that dynamics.codebook.vae names
    <results>/dynamics/judge_bottleneck/{variant}/      their frames, moments and mdn

OUTPUTS, each below <results>/dynamics/:
    fit_codebooks/          codebooks/codebook_*_K*.safetensors, summary.csv, exp9_near_zero_analysis.json,
                            magnitude_distribution.json, eval_results.json, audio/                  experiment 8
    fit_direction_ar/       teacher_forced_metrics.json, rollout_metrics.json, per_step.csv,
                            audio_eval_results.json, rollout_audio/, summary.csv                    experiment 10
    denoise_rollouts/       rollout_metrics.json, sigma_sweep.json, best_sigmas.json, summary.csv,
                            audio_eval_results.json, rollout_audio/                                 experiment 11

STEPS: fit_codebooks → fit_direction_ar → denoise_rollouts

The near-zero analysis carries the name of its published file, which calls it experiment 9.
"""


localrules:
    exp8,
    exp10,
    exp11,


rule exp8:
    """Experiment 8: codebooks of directions, against nulls."""
    input:
        "<results>/dynamics/fit_codebooks/scorecard.json",


rule exp10:
    """Experiment 10: autoregression over codes of directions."""
    input:
        "<results>/dynamics/fit_direction_ar/scorecard.json",


rule exp11:
    """Experiment 11: rollouts denoised in one step."""
    input:
        "<results>/dynamics/denoise_rollouts/scorecard.json",


rule fit_codebooks:
    """Experiment 8: codebooks of directions, differences and states, beside nulls; paths coded in both loops."""
    input:
        checkpoint=bottleneck_file(SETTINGS.dynamics.codebook.vae, "checkpoints/vae_final.safetensors"),
        codec_file=coded_codec(),
        latents=bottleneck_file(SETTINGS.dynamics.codebook.vae, "latents.safetensors"),
        index=bottleneck_file(SETTINGS.dynamics.codebook.vae, "latents_index.parquet"),
        frames=f"<results>/dynamics/judge_bottleneck/{SETTINGS.dynamics.codebook.vae}/phase0_frames.parquet",
        statistics=f"<results>/dynamics/judge_bottleneck/{SETTINGS.dynamics.codebook.vae}/statistics.safetensors",
    output:
        codebooks=directory("<results>/dynamics/fit_codebooks/codebooks"),
        summary="<results>/dynamics/fit_codebooks/summary.csv",
        near_zero="<results>/dynamics/fit_codebooks/exp9_near_zero_analysis.json",
        distribution="<results>/dynamics/fit_codebooks/magnitude_distribution.json",
        results="<results>/dynamics/fit_codebooks/eval_results.json",
        audio=directory("<results>/dynamics/fit_codebooks/audio"),
        rows="<results>/dynamics/fit_codebooks/scorecard.json",
    log:
        "<logs>/fit_codebooks.log",
    benchmark:
        "<benchmarks>/fit_codebooks.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        settings=section("dynamics.codebook"),
        known=section("dynamics.known"),
        resamples=SETTINGS.dynamics.resamples,
        seed=seed("codebooks"),
        code=code("dynamics/fit_codebooks"),
    script:
        "../workflow_scripts/dynamics/fit_codebooks.py"


rule fit_direction_ar:
    """Experiment 10: autoregression over codes, on true contexts and rolled out."""
    input:
        checkpoint=bottleneck_file(SETTINGS.dynamics.codebook.vae, "checkpoints/vae_final.safetensors"),
        codec_file=coded_codec(),
        latents=bottleneck_file(SETTINGS.dynamics.codebook.vae, "latents.safetensors"),
        index=bottleneck_file(SETTINGS.dynamics.codebook.vae, "latents_index.parquet"),
        frames=f"<results>/dynamics/judge_bottleneck/{SETTINGS.dynamics.codebook.vae}/phase0_frames.parquet",
        statistics=f"<results>/dynamics/judge_bottleneck/{SETTINGS.dynamics.codebook.vae}/statistics.safetensors",
        codebooks="<results>/dynamics/fit_codebooks/codebooks",
    output:
        final="<results>/dynamics/fit_direction_ar/checkpoints/direction_ar_final.safetensors",
        forced="<results>/dynamics/fit_direction_ar/teacher_forced_metrics.json",
        rolled="<results>/dynamics/fit_direction_ar/rollout_metrics.json",
        per_step="<results>/dynamics/fit_direction_ar/per_step.csv",
        audio_results="<results>/dynamics/fit_direction_ar/audio_eval_results.json",
        audio=directory("<results>/dynamics/fit_direction_ar/rollout_audio"),
        summary="<results>/dynamics/fit_direction_ar/summary.csv",
        rows="<results>/dynamics/fit_direction_ar/scorecard.json",
    log:
        "<logs>/fit_direction_ar.log",
    benchmark:
        "<benchmarks>/fit_direction_ar.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        settings=section("dynamics.direction_ar"),
        known=section("dynamics.known"),
        fit=section("dynamics.fit"),
        horizon=SETTINGS.dynamics.rollout.k,
        resamples=SETTINGS.dynamics.resamples,
        seed=seed("direction_ar"),
        code=code("dynamics/fit_direction_ar"),
    script:
        "../workflow_scripts/dynamics/fit_direction_ar.py"


rule denoise_rollouts:
    """Experiment 11: a one-step denoiser in rollouts of codes and of the mdn."""
    input:
        checkpoint=bottleneck_file(SETTINGS.dynamics.codebook.vae, "checkpoints/vae_final.safetensors"),
        codec_file=coded_codec(),
        latents=bottleneck_file(SETTINGS.dynamics.codebook.vae, "latents.safetensors"),
        index=bottleneck_file(SETTINGS.dynamics.codebook.vae, "latents_index.parquet"),
        frames=f"<results>/dynamics/judge_bottleneck/{SETTINGS.dynamics.codebook.vae}/phase0_frames.parquet",
        statistics=f"<results>/dynamics/judge_bottleneck/{SETTINGS.dynamics.codebook.vae}/statistics.safetensors",
        phase1=f"<results>/dynamics/judge_bottleneck/{SETTINGS.dynamics.codebook.vae}/phase1/checkpoints",
        codebooks="<results>/dynamics/fit_codebooks/codebooks",
        direction_ar="<results>/dynamics/fit_direction_ar/checkpoints/direction_ar_final.safetensors",
    output:
        score="<results>/dynamics/denoise_rollouts/checkpoints/score_final.safetensors",
        rolled="<results>/dynamics/denoise_rollouts/rollout_metrics.json",
        swept="<results>/dynamics/denoise_rollouts/sigma_sweep.json",
        best="<results>/dynamics/denoise_rollouts/best_sigmas.json",
        paired="<results>/dynamics/denoise_rollouts/paired.json",
        summary="<results>/dynamics/denoise_rollouts/summary.csv",
        audio_results="<results>/dynamics/denoise_rollouts/audio_eval_results.json",
        audio=directory("<results>/dynamics/denoise_rollouts/rollout_audio"),
        rows="<results>/dynamics/denoise_rollouts/scorecard.json",
    log:
        "<logs>/denoise_rollouts.log",
    benchmark:
        "<benchmarks>/denoise_rollouts.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        settings=section("dynamics.tweedie"),
        rollout=section("dynamics.direction_ar"),
        horizon=SETTINGS.dynamics.rollout.k,
        resamples=SETTINGS.dynamics.resamples,
        seed=seed("tweedie"),
        code=code("dynamics/denoise_rollouts"),
    script:
        "../workflow_scripts/dynamics/denoise_rollouts.py"
