"""
Attribution: which training songs is a generated clip made of, judged by retraining without them?

REQUIRED INPUTS:
    <results>/world/songs/songs.parquet           songs with artists and captions, composed or of the user's folder
    a MusicGen in audiocraft's layout             the base of all fine-tunes

OUTPUTS, each below <results>/attribution/{rule}/{model}/:
    finetune_songs/{part}/records.json            fine-tunes with their checkpoints; part: songs, pairs, subsets
    generate_queries/clips.parquet, audio/        clips by the fine-tuned models, and their tokens
    embed_training/{shard}/, embed_queries/{shard}/stores.json    gradient embeddings as the jobs made them
    merge_embeddings/{side}/stores.json           training, queries: one store per model under test
    measure_counterfactuals/values.parquet        log-likelihood of the clips under every retrained model
    score_attribution/scores.parquet              scores by every method
    judge_attribution/judgement.parquet, scorecard.json

STEPS: finetune_songs · generate_queries · embed_training · embed_queries · merge_embeddings ·
    measure_counterfactuals · score_attribution · measure_projection · judge_attribution

attribution.shards says in how many jobs songs and clips are embedded, shares.queries in how many the clips are generated;
generate_queries then only merges what generate_queries_share made below generate_queries/{model}/shares/{shard}/.
"""


localrules:
    attribution,


rule attribution:
    """Trace generated clips to training songs: embeddings, scores, retraining, judgement."""
    input:
        attribution_results("judge_attribution/{model}/scorecard.json"),


rule finetune_songs:
    """The MusicGen fine-tuned on sets of songs, with checkpoints kept."""
    input:
        songs="<results>/world/songs/songs.parquet",
        language_model=lambda wildcards: audiocraft_file(wildcards.model),
    output:
        records="<results>/attribution/finetune_songs/{model}/{part}/records.json",
        skipped="<results>/attribution/finetune_songs/{model}/{part}/skipped.parquet",
    log:
        "<logs>/finetune_songs/{model}/{part}.log",
    benchmark:
        "<benchmarks>/finetune_songs/{model}/{part}.jsonl"
    wildcard_constraints:
        part="songs|pairs|subsets",
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(4000),
        runtime=growing(240),
    params:
        settings=attribution_settings("songs", "decoys", "seconds", "finetune", "finetune_pair", "counterfactuals"),
        folder=songs_folder(),
        seed=seed("attribution"),
        code=code("attribution/finetune_songs"),
    script:
        "../workflow_scripts/attribution/finetune_songs.py"


rule generate_queries_share:
    """One share of the clips whose training songs are asked for."""
    input:
        songs="<results>/world/songs/songs.parquet",
        language_model=lambda wildcards: audiocraft_file(wildcards.model),
        of_songs="<results>/attribution/finetune_songs/{model}/songs/records.json",
        of_pairs="<results>/attribution/finetune_songs/{model}/pairs/records.json",
    output:
        clips="<results>/attribution/generate_queries/{model}/shares/{shard}/clips.parquet",
        tokens="<results>/attribution/generate_queries/{model}/shares/{shard}/tokens.safetensors",
        audio=directory("<results>/attribution/generate_queries/{model}/shares/{shard}/audio"),
    log:
        "<logs>/generate_queries_share/{model}/{shard}.log",
    benchmark:
        "<benchmarks>/generate_queries_share/{model}/{shard}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        settings={
            "attribution": attribution_settings("seconds", "queries", "experiments", "counterfactuals"),
            "musicgen": section("musicgen"),
        },
        folder=songs_folder(),
        shards=SETTINGS.shares.queries,
        code=code("attribution/generate_queries_share"),
    script:
        "../workflow_scripts/attribution/generate_queries_share.py"


rule generate_queries:
    """Clips by the fine-tuned models, with songs' captions and without, for the experiments, and held-out real ones."""
    input:
        songs="<results>/world/songs/songs.parquet",
        language_model=lambda wildcards: audiocraft_file(wildcards.model),
        of_songs="<results>/attribution/finetune_songs/{model}/songs/records.json",
        of_pairs="<results>/attribution/finetune_songs/{model}/pairs/records.json",
        parts=shares("attribution/generate_queries/{model}", "clips.parquet", SETTINGS.shares.queries),
    output:
        clips="<results>/attribution/generate_queries/{model}/clips.parquet",
        tokens="<results>/attribution/generate_queries/{model}/tokens.safetensors",
        audio=directory("<results>/attribution/generate_queries/{model}/audio"),
    log:
        "<logs>/generate_queries/{model}.log",
    benchmark:
        "<benchmarks>/generate_queries/{model}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card if SETTINGS.shares.queries == 1 else 0,
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        settings={
            "attribution": attribution_settings("seconds", "queries", "experiments", "counterfactuals"),
            "musicgen": section("musicgen"),
        },
        folder=songs_folder(),
        code=code("attribution/generate_queries"),
    script:
        "../workflow_scripts/attribution/generate_queries.py"


rule embed_training:
    """Gradient embeddings of the songs under the checkpoints of the fine-tunes, and under the base."""
    input:
        songs="<results>/world/songs/songs.parquet",
        language_model=lambda wildcards: audiocraft_file(wildcards.model),
        of_songs="<results>/attribution/finetune_songs/{model}/songs/records.json",
        of_pairs="<results>/attribution/finetune_songs/{model}/pairs/records.json",
    output:
        stores="<results>/attribution/embed_training/{model}/{shard}/stores.json",
    log:
        "<logs>/embed_training/{model}/{shard}.log",
    benchmark:
        "<benchmarks>/embed_training/{model}/{shard}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(4000),
        runtime=growing(240),
    params:
        settings=attribution_embedding(),
        folder=songs_folder(),
        shards=SETTINGS.attribution.shards,
        code=code("attribution/embed_training"),
    script:
        "../workflow_scripts/attribution/embed_training.py"


rule embed_queries:
    """Gradient embeddings of the clips, under the same models."""
    input:
        songs="<results>/world/songs/songs.parquet",
        language_model=lambda wildcards: audiocraft_file(wildcards.model),
        of_songs="<results>/attribution/finetune_songs/{model}/songs/records.json",
        of_pairs="<results>/attribution/finetune_songs/{model}/pairs/records.json",
        clips="<results>/attribution/generate_queries/{model}/clips.parquet",
        tokens="<results>/attribution/generate_queries/{model}/tokens.safetensors",
    output:
        stores="<results>/attribution/embed_queries/{model}/{shard}/stores.json",
    log:
        "<logs>/embed_queries/{model}/{shard}.log",
    benchmark:
        "<benchmarks>/embed_queries/{model}/{shard}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        settings=attribution_embedding("queries"),
        folder=songs_folder(),
        shards=SETTINGS.attribution.shards,
        code=code("attribution/embed_queries"),
    script:
        "../workflow_scripts/attribution/embed_queries.py"


rule merge_embeddings:
    """One store of all jobs' gradient embeddings; the same bytes however many jobs there were."""
    input:
        parts=embedding_parts("<results>/attribution/embed_{side}/{model}/{shard}/stores.json"),
    output:
        stores="<results>/attribution/merge_embeddings/{model}/{side}/stores.json",
    log:
        "<logs>/merge_embeddings/{model}/{side}.log",
    benchmark:
        "<benchmarks>/merge_embeddings/{model}/{side}.jsonl"
    wildcard_constraints:
        side="training|queries",
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        code=code("attribution/merge_embeddings"),
    script:
        "../workflow_scripts/attribution/merge_embeddings.py"


rule measure_counterfactuals:
    """What models retrained without songs think of the clips."""
    input:
        language_model=lambda wildcards: audiocraft_file(wildcards.model),
        of_pairs="<results>/attribution/finetune_songs/{model}/pairs/records.json",
        of_subsets="<results>/attribution/finetune_songs/{model}/subsets/records.json",
        clips="<results>/attribution/generate_queries/{model}/clips.parquet",
        tokens="<results>/attribution/generate_queries/{model}/tokens.safetensors",
    output:
        values="<results>/attribution/measure_counterfactuals/{model}/values.parquet",
    log:
        "<logs>/measure_counterfactuals/{model}.log",
    benchmark:
        "<benchmarks>/measure_counterfactuals/{model}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        code=code("attribution/measure_counterfactuals"),
    script:
        "../workflow_scripts/attribution/measure_counterfactuals.py"


rule score_attribution:
    """Attribution scores of all songs for all clips, by every method."""
    input:
        songs="<results>/world/songs/songs.parquet",
        language_model=lambda wildcards: audiocraft_file(wildcards.model),
        of_songs="<results>/attribution/finetune_songs/{model}/songs/records.json",
        of_pairs="<results>/attribution/finetune_songs/{model}/pairs/records.json",
        song_stores="<results>/attribution/merge_embeddings/{model}/training/stores.json",
        query_stores="<results>/attribution/merge_embeddings/{model}/queries/stores.json",
        clips="<results>/attribution/generate_queries/{model}/clips.parquet",
        tokens="<results>/attribution/generate_queries/{model}/tokens.safetensors",
    output:
        scores="<results>/attribution/score_attribution/{model}/scores.parquet",
        pair_scores="<results>/attribution/score_attribution/{model}/pair_scores.parquet",
    log:
        "<logs>/score_attribution/{model}.log",
    benchmark:
        "<benchmarks>/score_attribution/{model}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        gpu=card,
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        settings=attribution_settings("seconds", "embedding", "embed_end", "counterfactuals", "scoring", "queries"),
        folder=songs_folder(),
        seed=seed("attribution"),
        code=code("attribution/score_attribution"),
    script:
        "../workflow_scripts/attribution/score_attribution.py"


rule measure_projection:
    """CPU time of the sparse projection beside a dense one."""
    output:
        rows="<results>/attribution/measure_projection/rows.json",
    log:
        "<logs>/measure_projection.log",
    benchmark:
        "<benchmarks>/measure_projection.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        samples=8,
        code=code("attribution/measure_projection"),
    script:
        "../workflow_scripts/attribution/measure_projection.py"


rule judge_attribution:
    """How the scores agree with retraining and with the source songs."""
    input:
        scores="<results>/attribution/score_attribution/{model}/scores.parquet",
        pair_scores="<results>/attribution/score_attribution/{model}/pair_scores.parquet",
        values="<results>/attribution/measure_counterfactuals/{model}/values.parquet",
        clips="<results>/attribution/generate_queries/{model}/clips.parquet",
        of_songs="<results>/attribution/finetune_songs/{model}/songs/records.json",
        speed="<results>/attribution/measure_projection/rows.json",
    output:
        judgement="<results>/attribution/judge_attribution/{model}/judgement.parquet",
        rows="<results>/attribution/judge_attribution/{model}/scorecard.json",
    log:
        "<logs>/judge_attribution/{model}.log",
    benchmark:
        "<benchmarks>/judge_attribution/{model}.jsonl"
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(15),
    params:
        settings=attribution_settings("seconds", "counterfactuals", "scoring", "resamples"),
        seed=seed("attribution"),
        code=code("attribution/judge_attribution"),
    script:
        "../workflow_scripts/attribution/judge_attribution.py"
