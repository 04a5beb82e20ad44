"""Published models from the network. Nothing is fetched unless `fetch` in the configuration names it.

REQUIRED INPUTS:
    fetch.models    names of models to download
    fetch.folders   folders that hold a model already; used in place

OUTPUTS:
    <downloads>/models/{model}/fetched.json   where its files are, their sizes, digests and origin
    <downloads>/models/hub/                   the same files as libraries look for them by name, in links

Each model is one job on the machine that calls snakemake: compute nodes often see no network. A download that broke
off goes on where it stopped, also after the job was killed. HF_ENDPOINT and HF_TOKEN mean what they mean elsewhere.
"""

from sonoscope.fetch.catalogue import requested
from sonoscope.settings.fetch import MODEL_NAMES

if requested(SETTINGS.fetch):
    # The text encoder and the codec of a MusicGen are loaded by name; a cache of the user's own is left alone.
    os.environ.setdefault("HF_HUB_CACHE", str(Path(DOWNLOADS).absolute() / "models" / "hub"))


localrules:
    fetch_model,
    fetch_models,


rule fetch_models:
    """The published models that the configuration names."""
    input:
        fetched=expand("<downloads>/models/{model}/fetched.json", model=requested(SETTINGS.fetch)),
    script:
        "../workflow_scripts/fetch/fetch_models.py"


rule fetch_model:
    """One published model: downloaded and checked, or found in the folder that the configuration names."""
    output:
        fetched="<downloads>/models/{model}/fetched.json",
    log:
        "<logs>/fetch/fetch_model/{model}.log",
    benchmark:
        "<benchmarks>/fetch/fetch_model/{model}.jsonl"
    wildcard_constraints:
        model="|".join(MODEL_NAMES),
    retries: 3
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(720),
    params:
        settings=lambda wildcards: SETTINGS.fetch.of(wildcards.model).model_dump(mode="json"),
        code=code("fetch/fetch_model"),
    script:
        "../workflow_scripts/fetch/fetch_model.py"
