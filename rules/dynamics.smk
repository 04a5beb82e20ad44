"""
Dynamics: how predictable are continuous codec latents, and why do rollouts fail? Known-answer processes go first.

REQUIRED INPUTS:
    <results>/world/speech/utterances.parquet       utterances with splits by speaker
    the codecs that section dynamics names          shipped, fitted here, or fetched

OUTPUTS, each below <results>/dynamics/:
    infer_latents/{codec}/{shard}/      latents.safetensors, latents_index.parquet              phase 0: latents
    sample_processes/                   the same of processes whose best prediction is known
    build_phase0/{source}/              phase0_frames.parquet, statistics.safetensors           phase 0: what is predicted
    fit_dynamics/{source}/              metrics.json, tables.csv, checkpoints/                  experiment 1
    finetune_rollout/{codec}/           vmf_rollout_final.safetensors, injection_diag.json, summary.json    1B
    diagnose_injection/{source}/        metrics.json, injection_diag.json, per_step.csv         experiment 2
    compare_representations/            summary.csv, lags.csv                                   experiment 3
    synthesise_trajectories/{codec}/    utt_*/*.wav, scores.csv, listen/index.html              experiment 3B
    read_out_components/{codec}/        pca_model.safetensors, summary.csv, metrics.json        experiment 4
    judge_processes/                    known_answers.csv, scorecard.json                       the self-test
    analyse_dynamics/                   scorecard.json                                          all headline numbers

STEPS: infer_latents · sample_processes → build_phase0 → fit_dynamics → finetune_rollout, diagnose_injection ·
compare_representations · synthesise_trajectories · read_out_components → judge_processes, analyse_dynamics

A source is a codec, or ``known``: the known-answer processes, which pass through the very same rules.
"""


localrules:
    dynamics,
    tier1,
    exp1,
    exp1b,
    exp2,
    exp3,
    exp3b,
    exp4,


rule exp1:
    """Experiment 1: direction × magnitude against every baseline, on speech and on known-answer processes."""
    input:
        f"<results>/dynamics/fit_dynamics/{SETTINGS.dynamics.codec}/metrics.json",
        "<results>/dynamics/judge_processes/scorecard.json",


rule exp1b:
    """Experiment 1B: fine-tuning on self-generated context, beside equal training without."""
    input:
        f"<results>/dynamics/finetune_rollout/{SETTINGS.dynamics.codec}/summary.json",


rule exp2:
    """Experiment 2: the injection diagnostic, and sampled rollouts judged as distributions."""
    input:
        f"<results>/dynamics/diagnose_injection/{SETTINGS.dynamics.codec}/metrics.json",


rule exp3:
    """Experiment 3: codecs compared at equal lags in time."""
    input:
        "<results>/dynamics/compare_representations/summary.csv",


rule exp3b:
    """Experiment 3B: synthetic trajectories to listen to, blind, at matched errors."""
    input:
        f"<results>/dynamics/synthesise_trajectories/{SETTINGS.dynamics.codec}/scores.csv",


rule exp4:
    """Experiment 4: the same battery in principal components."""
    input:
        f"<results>/dynamics/read_out_components/{SETTINGS.dynamics.codec}/summary.csv",


rule tier1:
    """Experiments 1, 2 and 3 in a row; what is done is skipped."""
    input:
        rules.exp1.input,
        rules.exp2.input,
        rules.exp3.input,


rule dynamics:
    """The study of latent dynamics: all experiments, their scorecards, and what the published conclusions are worth."""
    input:
        conclusion_scorecards(),
        "<results>/dynamics/weigh_conclusions/scorecard.json",


rule infer_latents:
    """Latents of one shard of the speech corpus by one codec."""
    input:
        codec_file=lambda wildcards: codec_file(wildcards.codec),
        corpus=SETTINGS.speech.files(Path(RESULTS), Path(DOWNLOADS)),
        utterances="<results>/world/speech/utterances.parquet",
    output:
        latents="<results>/dynamics/infer_latents/{codec}/{shard}/latents.safetensors",
        index="<results>/dynamics/infer_latents/{codec}/{shard}/latents_index.parquet",
    log:
        "<logs>/infer_latents/{codec}/{shard}.log",
    benchmark:
        "<benchmarks>/infer_latents/{codec}/{shard}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        shards=SETTINGS.dynamics.shards,
        code=code("dynamics/infer_latents"),
    script:
        "../workflow_scripts/dynamics/infer_latents.py"


rule sample_processes:
    """Sequences of the known-answer processes, in the form of latents."""
    output:
        latents="<results>/dynamics/sample_processes/latents.safetensors",
        index="<results>/dynamics/sample_processes/latents_index.parquet",
    log:
        "<logs>/sample_processes.log",
    benchmark:
        "<benchmarks>/sample_processes.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(15),
    params:
        settings=section("dynamics.known"),
        seed=seed("known_processes"),
        code=code("dynamics/sample_processes"),
    script:
        "../workflow_scripts/dynamics/sample_processes.py"


rule build_phase0:
    """Frames whose difference to the one before can be predicted at every horizon, and their moments."""
    input:
        latents=lambda wildcards: latent_files(wildcards.source, "latents.safetensors"),
        index=lambda wildcards: latent_files(wildcards.source, "latents_index.parquet"),
    output:
        frames="<results>/dynamics/build_phase0/{source}/phase0_frames.parquet",
        statistics="<results>/dynamics/build_phase0/{source}/statistics.safetensors",
        health="<results>/dynamics/build_phase0/{source}/health.json",
    log:
        "<logs>/build_phase0/{source}.log",
    benchmark:
        "<benchmarks>/build_phase0/{source}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        window=SETTINGS.dynamics.window,
        horizons=list(SETTINGS.dynamics.horizons),
        code=code("dynamics/build_phase0"),
    script:
        "../workflow_scripts/dynamics/build_phase0.py"


rule fit_dynamics:
    """Experiment 1: models and closed forms of the next difference, judged on test speakers on one scale."""
    input:
        latents=lambda wildcards: latent_files(wildcards.source, "latents.safetensors"),
        frames="<results>/dynamics/build_phase0/{source}/phase0_frames.parquet",
        statistics="<results>/dynamics/build_phase0/{source}/statistics.safetensors",
    output:
        metrics="<results>/dynamics/fit_dynamics/{source}/metrics.json",
        tables="<results>/dynamics/fit_dynamics/{source}/tables.csv",
        checkpoints=directory("<results>/dynamics/fit_dynamics/{source}/checkpoints"),
    log:
        "<logs>/fit_dynamics/{source}.log",
    benchmark:
        "<benchmarks>/fit_dynamics/{source}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(6000),
        runtime=growing(240),
    params:
        settings=lambda wildcards: dynamics_fit(wildcards.source),
        seed=seed("dynamics"),
        code=code("dynamics/fit_dynamics"),
    script:
        "../workflow_scripts/dynamics/fit_dynamics.py"


rule judge_processes:
    """The self-test: what models reach on known-answer processes, beside what can be reached at most."""
    input:
        metrics="<results>/dynamics/fit_dynamics/known/metrics.json",
        latents="<results>/dynamics/sample_processes/latents.safetensors",
        frames="<results>/dynamics/build_phase0/known/phase0_frames.parquet",
        statistics="<results>/dynamics/build_phase0/known/statistics.safetensors",
    output:
        answers="<results>/dynamics/judge_processes/known_answers.csv",
        accuracy="<results>/dynamics/judge_processes/vmf_accuracy.csv",
        rows="<results>/dynamics/judge_processes/scorecard.json",
    log:
        "<logs>/judge_processes.log",
    benchmark:
        "<benchmarks>/judge_processes.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(15),
    params:
        settings=section("dynamics.known"),
        seed=seed("known_processes"),
        code=code("dynamics/judge_processes"),
    script:
        "../workflow_scripts/dynamics/judge_processes.py"


rule finetune_rollout:
    """Experiment 1B: training on self-generated context, with its controls."""
    input:
        latents=lambda wildcards: latent_files(wildcards.codec, "latents.safetensors"),
        frames="<results>/dynamics/build_phase0/{codec}/phase0_frames.parquet",
        statistics="<results>/dynamics/build_phase0/{codec}/statistics.safetensors",
        checkpoints="<results>/dynamics/fit_dynamics/{codec}/checkpoints",
    output:
        final="<results>/dynamics/finetune_rollout/{codec}/checkpoints/vmf_rollout_final.safetensors",
        diagnostic="<results>/dynamics/finetune_rollout/{codec}/injection_diag.json",
        summary_file="<results>/dynamics/finetune_rollout/{codec}/summary.json",
    log:
        "<logs>/finetune_rollout/{codec}.log",
    benchmark:
        "<benchmarks>/finetune_rollout/{codec}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(240),
    params:
        settings=dynamics_keys(
            "slice", "horizons", "legacy", "force", "resume", "fit", "rollout", "finetune", "resamples", "run_id"
        ),
        seed=seed("dynamics"),
        code=code("dynamics/finetune_rollout"),
    script:
        "../workflow_scripts/dynamics/finetune_rollout.py"


rule diagnose_injection:
    """Experiment 2: rollouts with and without true frames, by tracking and by distribution."""
    input:
        latents=lambda wildcards: latent_files(wildcards.source, "latents.safetensors"),
        frames="<results>/dynamics/build_phase0/{source}/phase0_frames.parquet",
        statistics="<results>/dynamics/build_phase0/{source}/statistics.safetensors",
        checkpoints=lambda wildcards: rollout_checkpoint(wildcards.source),
    output:
        metrics="<results>/dynamics/diagnose_injection/{source}/metrics.json",
        diagnostic="<results>/dynamics/diagnose_injection/{source}/injection_diag.json",
        per_step="<results>/dynamics/diagnose_injection/{source}/per_step.csv",
        plots=directory("<results>/dynamics/diagnose_injection/{source}/plots"),
    log:
        "<logs>/diagnose_injection/{source}.log",
    benchmark:
        "<benchmarks>/diagnose_injection/{source}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        settings=dynamics_keys("slice", "horizons", "legacy", "fit", "rollout", "resamples", "run_id"),
        seed=seed("dynamics"),
        code=code("dynamics/diagnose_injection"),
    script:
        "../workflow_scripts/dynamics/diagnose_injection.py"


rule compare_representations:
    """Experiment 3: codecs side by side at equal lags in time, on standardised errors."""
    input:
        latents=[latent_files(codec, "latents.safetensors") for codec in SETTINGS.dynamics.codecs],
        index=[latent_files(codec, "latents_index.parquet") for codec in SETTINGS.dynamics.codecs],
        metrics=expand("<results>/dynamics/fit_dynamics/{codec}/metrics.json", codec=SETTINGS.dynamics.codecs),
        diagnostics=expand(
            "<results>/dynamics/diagnose_injection/{codec}/injection_diag.json", codec=SETTINGS.dynamics.codecs
        ),
    output:
        summary="<results>/dynamics/compare_representations/summary.csv",
        lags="<results>/dynamics/compare_representations/lags.csv",
    log:
        "<logs>/compare_representations.log",
    benchmark:
        "<benchmarks>/compare_representations.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(6000),
        runtime=growing(60),
    params:
        settings=dynamics_keys("codecs", "shards", "fit", "rollout", "horizons", "representations", "resamples"),
        seed=seed("dynamics"),
        code=code("dynamics/compare_representations"),
    script:
        "../workflow_scripts/dynamics/compare_representations.py"


rule synthesise_trajectories:
    """Experiment 3B: latents changed in direction or in magnitude, at equal error, decoded to listen to."""
    input:
        codec_file=lambda wildcards: codec_file(wildcards.codec),
        latents=lambda wildcards: latent_files(wildcards.codec, "latents.safetensors"),
        index=lambda wildcards: latent_files(wildcards.codec, "latents_index.parquet"),
    output:
        scores="<results>/dynamics/synthesise_trajectories/{codec}/scores.csv",
        audio=directory("<results>/dynamics/synthesise_trajectories/{codec}/audio"),
        listen=directory("<results>/dynamics/synthesise_trajectories/{codec}/listen"),
    log:
        "<logs>/synthesise_trajectories/{codec}.log",
    benchmark:
        "<benchmarks>/synthesise_trajectories/{codec}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        settings=section("dynamics.trajectories"),
        seed=seed("dynamics"),
        code=code("dynamics/synthesise_trajectories"),
    script:
        "../workflow_scripts/dynamics/synthesise_trajectories.py"


rule read_out_components:
    """Experiment 4: the battery on principal components, against the full model seen through the same components."""
    input:
        latents=lambda wildcards: latent_files(wildcards.codec, "latents.safetensors"),
        frames="<results>/dynamics/build_phase0/{codec}/phase0_frames.parquet",
        statistics="<results>/dynamics/build_phase0/{codec}/statistics.safetensors",
        checkpoints="<results>/dynamics/fit_dynamics/{codec}/checkpoints",
    output:
        components="<results>/dynamics/read_out_components/{codec}/pca_model.safetensors",
        summary="<results>/dynamics/read_out_components/{codec}/summary.csv",
        metrics="<results>/dynamics/read_out_components/{codec}/metrics.json",
        diagnostic="<results>/dynamics/read_out_components/{codec}/injection_diag.json",
    log:
        "<logs>/read_out_components/{codec}.log",
    benchmark:
        "<benchmarks>/read_out_components/{codec}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(6000),
        runtime=growing(240),
    params:
        settings=dynamics_keys(
            "slice", "horizons", "k", "legacy", "force", "resume", "fit", "rollout", "read_out", "resamples", "run_id"
        ),
        seed=seed("dynamics"),
        code=code("dynamics/read_out_components"),
    script:
        "../workflow_scripts/dynamics/read_out_components.py"


rule analyse_dynamics:
    """The headline numbers of all experiments, and how fast training is beside a plain one."""
    input:
        metrics=f"<results>/dynamics/fit_dynamics/{SETTINGS.dynamics.codec}/metrics.json",
        injection=f"<results>/dynamics/diagnose_injection/{SETTINGS.dynamics.codec}/metrics.json",
        finetuned=f"<results>/dynamics/finetune_rollout/{SETTINGS.dynamics.codec}/summary.json",
        lags="<results>/dynamics/compare_representations/lags.csv",
        trajectories=f"<results>/dynamics/synthesise_trajectories/{SETTINGS.dynamics.codec}/scores.csv",
        components=f"<results>/dynamics/read_out_components/{SETTINGS.dynamics.codec}/summary.csv",
    output:
        rows="<results>/dynamics/analyse_dynamics/scorecard.json",
        speed="<results>/dynamics/analyse_dynamics/speed.json",
    log:
        "<logs>/analyse_dynamics.log",
    benchmark:
        "<benchmarks>/analyse_dynamics.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(15),
    params:
        settings=dynamics_keys("window", "horizons", "fit", "rollout", "speed_dim", "resamples"),
        seed=seed("dynamics"),
        code=code("dynamics/analyse_dynamics"),
    script:
        "../workflow_scripts/dynamics/analyse_dynamics.py"
