"""
Published models and corpora from the network. Nothing is fetched unless the configuration (section fetch) names it.

REQUIRED INPUTS:
    fetch.models    names of models to download
    fetch.folders   folders that hold a model already: checked and linked to, not copied
    fetch.corpora   names of corpora to download

OUTPUTS:
    <downloads>/models/{model}/               the files, in the form that get_pretrained and from_pretrained accept
    <downloads>/models/{model}/fetched.json   their sizes, digests and origin (contract: sonoscope.fetch.record.Fetched)
    <downloads>/models/hub/                   links to the same files, as libraries look for a model by its name
    <results>/fetched_models.md               what is here; the terminal shows it at the end
    <downloads>/corpora/LibriSpeech/{corpus}/               a subset of LibriSpeech, with SPEAKERS.TXT beside it
    <downloads>/corpora/LibriSpeech/{corpus}/fetched.json   its address, digests and number of utterances
    <results>/fetched_corpora.md              which corpora are here

STEPS: fetch_model (one job per model) · fetch_models · fetch_corpus (one job per subset) · fetch_corpora

All of it runs on the machine that calls snakemake, since compute nodes often see no network. A download that broke off
goes on where it stopped, also after its job was killed. HF_ENDPOINT, HF_TOKEN and HF_HUB_CACHE mean what they mean
elsewhere; HF_HUB_CACHE, where it is not set, becomes the folder above as soon as there is something to find in it.
"""

from sonoscope.fetch.catalogue import requested
from sonoscope.settings.fetch import CORPUS_NAMES, MODEL_NAMES

HUB_CACHE = Path(DOWNLOADS).absolute() / "models" / "hub"

if requested(SETTINGS.fetch) or HUB_CACHE.is_dir():
    os.environ.setdefault("HF_HUB_CACHE", str(HUB_CACHE))


localrules:
    fetch_corpora,
    fetch_corpus,
    fetch_model,
    fetch_models,


# It declares neither output nor benchmark, so that it runs whenever it is asked for and says what is here.
rule fetch_models:
    """The published models that the configuration names: downloaded, or found in the folders that it names."""
    input:
        fetched=expand("<downloads>/models/{model}/fetched.json", model=requested(SETTINGS.fetch)),
    log:
        "<logs>/fetch_models.log",
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        results=RESULTS,
        code=code("fetch/fetch_models"),
    script:
        "../workflow_scripts/fetch/fetch_models.py"


rule fetch_model:
    """One published model: downloaded and checked, or found in the folder that the configuration names."""
    output:
        fetched="<downloads>/models/{model}/fetched.json",
    log:
        "<logs>/fetch_model/{model}.log",
    benchmark:
        "<benchmarks>/fetch_model/{model}.jsonl"
    wildcard_constraints:
        model="|".join(MODEL_NAMES),
    retries: 3
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(720),
    params:
        settings=lambda wildcards: SETTINGS.fetch.of(wildcards.model).model_dump(mode="json"),
        code=code("fetch/fetch_model"),
    script:
        "../workflow_scripts/fetch/fetch_model.py"


# Like fetch_models, it says what is here whenever it is asked.
rule fetch_corpora:
    """The published corpora that the configuration names."""
    input:
        fetched=expand("<downloads>/corpora/LibriSpeech/{corpus}/fetched.json", corpus=SETTINGS.fetch.corpora),
    log:
        "<logs>/fetch_corpora.log",
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        results=RESULTS,
        code=code("fetch/fetch_corpora"),
    script:
        "../workflow_scripts/fetch/fetch_corpora.py"


rule fetch_corpus:
    """One subset of LibriSpeech: downloaded, checked and unpacked."""
    output:
        fetched="<downloads>/corpora/LibriSpeech/{corpus}/fetched.json",
    log:
        "<logs>/fetch_corpus/{corpus}.log",
    benchmark:
        "<benchmarks>/fetch_corpus/{corpus}.jsonl"
    wildcard_constraints:
        corpus="|".join(CORPUS_NAMES),
    retries: 3
    conda:
        "../envs/sonoscope.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(1440),
    params:
        code=code("fetch/fetch_corpus"),
    script:
        "../workflow_scripts/fetch/fetch_corpus.py"
