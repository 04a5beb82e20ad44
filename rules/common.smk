"""What all rules use: checked settings, the hash of their code, resources that grow with the attempt.

Every SLURM job reads this file again, so it imports neither torch nor transformers and looks at no data.
"""

import os
import sys
import tempfile
import time
import uuid

from snakemake.exceptions import WorkflowError

SCRIPTS = Path(workflow.basedir) / "workflow_scripts"
sys.path.insert(0, str(SCRIPTS))

from sonoscope import storage
from sonoscope.codehash import code_hash
from sonoscope.folders import state as state_of_folder
from sonoscope.lease import cards
from sonoscope.library_path import own_first
from sonoscope.remaining import Remaining, watch, weights
from sonoscope.settings import rules as per_rule
from sonoscope.settings.codecs import codec_file as file_of_codec
from sonoscope.settings.resolve import SettingsError, resolve
from sonoscope.terminal import pages_since

try:
    SETTINGS = resolve(config)
except SettingsError as error:
    raise WorkflowError(str(error))

RESULTS = str(storage.results(SETTINGS.folder))
DOWNLOADS = str(storage.downloads())
RESOURCES = str(storage.resources())

# Jobs inherit these, and so have them before they import anything. Bars make soup of logs. The invocation is one call
# of snakemake, with all the jobs that it starts anywhere.
os.environ.update(SONOSCOPE_RESULTS=RESULTS, HF_HUB_OFFLINE="1", TQDM_DISABLE="1")
CALL = os.environ.setdefault("SONOSCOPE_INVOCATION", uuid.uuid4().hex[:12])
own_first(SCRIPTS)


# One folder per wildcard, so a wildcard never spans a slash.
wildcard_constraints:
    concept="[^/]+",
    corpus="[^/]+",
    experiment="[^/]+",
    model="[^/]+",
    codec="[^/]+",
    pooling="[^/]+",
    shard="[0-9]+",
    source="[^/]+",
    target="[^/]+",
    variant="[^/]+",


def code(script):
    """The hash of a script, such as "steering/fit_direction", and of all project code that it imports."""
    return code_hash(SCRIPTS / f"{script}.py", SCRIPTS)


def if_there(path):
    """``path`` as it lies on disk, without asking for the job that makes it; nothing where it is not there yet."""
    return lambda wildcards: [before_update(path)] if os.path.exists(path) else []


def section(path):
    """One section of the settings, such as "steering" or "steering.rfm", as plain data."""
    return per_rule.section(SETTINGS, path)


def sections(*paths):
    """Several sections of the settings by their paths, for a rule that needs parts of them."""
    return {path: section(path) for path in paths}


def seed(stage):
    """The seed of one stage, derived from the seed of the run."""
    return per_rule.seed(SETTINGS, stage)


def growing(amount):
    """A resource that doubles with each attempt: mem_mb=growing(4000), runtime=growing(30)."""
    return lambda wildcards, attempt: amount * 2 ** (attempt - 1)


def all_cores():
    """The cores of this call; on a cluster, where a call has none of its own, one. (workflow.cores raises there.)"""
    return workflow.resource_settings.cores or 1


CARDS = cards()


def card(wildcards):
    """The card that a job asks for which loads a model: none where this machine runs it and has none.

    So jobs that would only wait for one another there run side by side. On a cluster the submitting machine says
    nothing about the nodes.
    """
    elsewhere = not workflow.local_exec or workflow.remote_exec
    return 1 if CARDS or elsewhere else 0


def shares(folder, name, jobs):
    """One file of each share of a folder's work, where it is divided into several jobs; else none."""
    return [f"<results>/{folder}/shares/{shard}/{name}" for shard in range(jobs)] if jobs > 1 else []


MODEL_PLACES = (Path(RESOURCES) / "models", Path(RESULTS), Path(DOWNLOADS))


def model_file(name):
    """The file of model `name` that rules depend on; the rest of its folder belongs to it."""
    return SETTINGS.musicgen.file(name, *MODEL_PLACES)


def audiocraft_file(name):
    """The file of model `name` in audiocraft's layout; for a fetched one the file that fetching leaves last."""
    home = SETTINGS.musicgen.home(name, *MODEL_PLACES)
    fetched = home.parent == Path(DOWNLOADS) / "models"
    return str(home / ("fetched.json" if fetched else "state_dict.bin"))


def backend_comparison():
    """The comparison of both backends, for a small MusicGen that is here in audiocraft's layout."""
    name = SETTINGS.musicgen.name
    return (
        [f"<results>/world/compare_backends/{name}/scorecard.json"] if name in ("sonoscope-musicgen", "random") else []
    )


EXPERIMENTS = SETTINGS.steering.all_experiments()
STEERED = list(dict.fromkeys(push.concept for one in EXPERIMENTS.values() for push in one.pushes))


def steering_results(path):
    """One file of each experiment of steering."""
    return expand(f"<results>/steering/{path}", model=SETTINGS.musicgen.name, experiment=EXPERIMENTS)


def classifications(name):
    """One file of each concept of the classification table."""
    return expand(
        f"<results>/steering/classify_concept/{{model}}/{{concept}}/{name}",
        model=SETTINGS.musicgen.name,
        concept=SETTINGS.steering.table_concepts(),
    )


def steering_limits():
    """What limits steering to each concept, unless that is left out."""
    concepts = STEERED if SETTINGS.steering.listening.limits else []
    folder = f"<results>/steering/measure_limits/{SETTINGS.musicgen.name}"
    return [f"{folder}/{concept}/scorecard.json" for concept in concepts]


def interpretability_results(path):
    """One file of each judging rule of the interpretability study."""
    judging = ("analyse_activations", "train_dictionaries", "judge_emotions")
    return expand(f"<results>/interpretability/{path}", rule=judging, model=SETTINGS.musicgen.name)


def embedding_model():
    """The file of the CLAP model that clips are embedded by; none where spectral statistics do."""
    listening = SETTINGS.steering.listening
    if listening.embedding == "spectral":
        return []
    folder = listening.embedding_folder
    return [f"{DOWNLOADS}/models/clap/fetched.json" if folder is None else f"{folder}/config.json"]


def interpretability_tables():
    """Tables of the interpretability study that have no rows in the scorecard."""
    home, model = "<results>/interpretability", SETTINGS.musicgen.name
    return [
        f"{home}/patch_activations/{model}/patches.parquet",
        f"{home}/describe_features/{model}/features.parquet",
    ]


def experiment_of(wildcards):
    """The settings of one experiment, complete, as plain data."""
    return EXPERIMENTS[wildcards.experiment].model_dump(mode="json")


def directions_of(experiment, model):
    """The directions that an experiment pushes along."""
    pushes = EXPERIMENTS[experiment].pushes
    places = dict.fromkeys(f"{push.concept}/{push.target}/{push.pooling}" for push in pushes)
    return [f"<results>/steering/fit_direction/{model}/{place}/directions.safetensors" for place in places]


def experiment_directions(wildcards):
    """The directions of the experiment of a job."""
    return directions_of(wildcards.experiment, wildcards.model)


def experiment_concepts(path):
    """One file of each concept of an experiment."""
    return lambda wildcards: [
        path.format(model=wildcards.model, concept=concept)
        for concept in dict.fromkeys(push.concept for push in EXPERIMENTS[wildcards.experiment].pushes)
    ]


def codec_file(name):
    """The file that codec `name` is loaded from; where a rule or a download makes it, they depend on it."""
    return file_of_codec(name, *MODEL_PLACES, folder=SETTINGS.dynamics.folders.get(name))


def latent_files(source, name):
    """One file of each shard of the latents of `source`; the known-answer processes are one shard."""
    if source == "known":
        return [f"<results>/dynamics/sample_processes/{name}"]
    return [f"<results>/dynamics/infer_latents/{source}/{shard}/{name}" for shard in range(SETTINGS.dynamics.shards)]


def rollout_checkpoint(source):
    """What experiment 2 rolls out: the models of experiment 1, or the one that experiment 1B fine-tuned."""
    fine_tuned = SETTINGS.dynamics.rollout.checkpoint == "exp1b" and source == SETTINGS.dynamics.codec
    if fine_tuned:
        return f"<results>/dynamics/finetune_rollout/{source}/checkpoints/vmf_rollout_final.safetensors"
    return f"<results>/dynamics/fit_dynamics/{source}/checkpoints"


def dynamics_keys(*names):
    """Some keys of section dynamics, so that a change of the others does not rerun a job."""
    return {name: section(f"dynamics.{name}") for name in names}


def dynamics_fit(source):
    """What experiment 1 depends on. Codecs that are only compared need no model but the one that is rolled out."""
    keys = dynamics_keys(
        "window", "horizons", "slice", "k", "legacy", "force", "resume", "run_id", "rollout", "resamples"
    )
    fit, known = section("dynamics.fit"), SETTINGS.dynamics.known
    if source == "known":
        fit = fit | {"max_steps": known.max_steps, "components": known.components}
    elif source != SETTINGS.dynamics.codec:
        fit = fit | {"models": [SETTINGS.dynamics.rollout.model]}
    return keys | {"fit": fit}


def bottleneck_codec(experiment):
    """The file of the codec that a bottleneck is put into; none for mel, which needs none."""
    name = getattr(SETTINGS.dynamics, experiment).codec
    return [] if name == "mel" else [codec_file(name)]


def bottleneck_file(source, name):
    """A file of a trained bottleneck: a variant of the β-VAE, or vaegan."""
    return f"<results>/dynamics/train_{'vaegan' if source == 'vaegan' else f'betavae/{source}'}/{name}"


def coded_codec():
    """The codec behind the bottleneck whose latents are coded."""
    return bottleneck_codec("vaegan" if SETTINGS.dynamics.codebook.vae == "vaegan" else "betavae")


def variants_trained():
    """Variants of the β-VAE that this run trains, with the weights of their losses."""
    found = section("dynamics.betavae.variants")
    return {name: found[name] for name in SETTINGS.dynamics.betavae.trained}


def bottleneck_results(path):
    """One file of each variant that is trained."""
    return expand(f"<results>/dynamics/{path}", source=list(variants_trained()))


def betavae_of(variant):
    """The settings of experiment 5 with one variant alone, so that a change of the others does not train it again."""
    found = section("dynamics.betavae")
    return found | {"variants": {variant: found["variants"][variant]}, "variant": None}


def teacher_file():
    """The record of WavLM, where experiment 9 is to use it, or may and it was fetched."""
    record = f"{DOWNLOADS}/models/wavlm-base-plus/fetched.json"
    wanted = SETTINGS.dynamics.vaegan.teacher
    return [record] if wanted == "wavlm" or (wanted == "auto" and os.path.isfile(record)) else []


def conclusion_scorecards():
    """The scorecards of all experiments on dynamics."""
    codec = SETTINGS.dynamics.codec
    jobs = [
        "judge_processes",
        "analyse_dynamics",
        "compare_betavae",
        f"correct_rollouts/{codec}",
        f"decode_rollouts/{codec}",
        "fit_codebooks",
        "compare_vaegan",
        "fit_direction_ar",
        "denoise_rollouts",
    ]
    return [f"<results>/dynamics/{job}/scorecard.json" for job in jobs]


def dynamics_jobs():
    """Benchmarks of the jobs of dynamics, below the folder of benchmarks; later ones count themselves."""
    return """
        infer_latents sample_processes build_phase0 fit_dynamics judge_processes finetune_rollout diagnose_injection
        compare_representations synthesise_trajectories read_out_components analyse_dynamics train_betavae
        train_vaegan judge_bottleneck compare_betavae compare_vaegan fit_codebooks fit_direction_ar
        denoise_rollouts correct_rollouts decode_rollouts
    """.split()


def attribution_results(path):
    """One file of the attribution study of the model of this run."""
    return [f"<results>/attribution/{path}".format(model=SETTINGS.musicgen.name)]


def attribution_settings(*names):
    """Some of the settings of attribution; of those of the embeddings, without their name, the window alone."""
    found = {name: section(f"attribution.{name}") for name in names}
    return {"embedding": {"window": SETTINGS.attribution.embedding.window}} | found


def attribution_embedding(*names):
    """What embedding depends on: of the scoring no more than whether the base and which headline are embedded."""
    scoring = SETTINGS.attribution.scoring
    chosen = [method for method in scoring.methods if method in (scoring.headline, "base_gradient_cosine")]
    recipes = ("finetune", "finetune_pair")  # how often they leave out captions
    found = attribution_settings("seconds", "embedding", "embed_end", "counterfactuals", *recipes, *names)
    return found | {"scoring": {"methods": chosen, "headline": scoring.headline}}


def embedding_parts(path):
    """What the jobs embedded of one side: songs or clips."""
    return expand(path, shard=range(SETTINGS.attribution.shards), allow_missing=True)


def songs_folder():
    """The folder of songs, composed or the user's."""
    return str(SETTINGS.corpora.songs.root(Path(RESULTS)))


STARTED = time.time()


def show_pages(*pages):
    """Print those of the pages that jobs of this call have written."""
    for text in pages_since(STARTED, map(Path, pages)):
        print(text)


def tell(message):
    """Say one line on the terminal."""
    print(f"sonoscope: {message}", file=sys.stderr)


def show_remaining():
    """Say where results go, and now and every minute how far this call is and how long the rest will take."""
    tell(f"preset {SETTINGS.preset}, results in {RESULTS}")
    diary, measured = Path(RESULTS) / "manifest.jsonl", Path(RESOURCES) / "measured" / "seconds.json"
    jobs = [job.rule.name for job in workflow.dag.needrun_jobs() if job.is_script]
    remaining = Remaining(jobs, weights(measured, diary), all_cores(), diary, CALL)
    watch(remaining, tell, like_measured=SETTINGS.preset == "demo")


def newest_report():
    """Where to look: the page that was drawn last, as the end of a sentence; nothing before there is one."""
    pages = [f"{RESULTS}/{name}/index.html" for name in ("report", "report_now")]
    there = [page for page in pages if os.path.exists(page)]
    return f", the report is {max(there, key=os.path.getmtime)}" if there else ""


def check_results():
    """Stop before anything runs where results cannot be written."""
    try:
        os.makedirs(RESULTS, exist_ok=True)
        with tempfile.TemporaryFile(dir=RESULTS):
            pass
    except OSError as error:
        place = os.path.abspath(RESULTS)
        raise WorkflowError(f"{place}: cannot be written to ({error.strerror}); name another with SONOSCOPE_STORAGE")


def world_scorecards():
    """Scorecards of what the model learned, if a plain call measures that."""
    return list(rules.world_measures.input) if SETTINGS.measure_musicgen.in_every_run else []


def shipped_scorecards():
    """Scorecards that lie beside the shipped models: what they reached when they were trained, measured then.

    What the MusicGen learned is left to its own measurement where a plain call makes one.
    """
    models = ["sonoscope-musetok", "sonoscope-speech"]
    models += [] if SETTINGS.measure_musicgen.in_every_run else ["sonoscope-musicgen"]
    found = [f"{RESOURCES}/models/{model}/scorecard.json" for model in models]
    found.append(f"{RESOURCES}/measured/scorecard.json")  # speed and survival: make bench, make scale, make soak
    return [path for path in found if os.path.isfile(path)]


def affect_corpus(name):
    """The folder of a corpus as an input; none where it is read from an address."""
    place = SETTINGS.affect.corpus(name, Path(RESULTS))
    return [] if "://" in place else [place]


def affect_source(wildcards, input):
    """The folder or address of the files to annotate, for rules whose first input is that folder."""
    place = SETTINGS.affect.corpus("gigamidi", Path(RESULTS))
    return place if "://" in place else str(input[0])


def affect_state():
    """The state of the user's folder of files to annotate, so that a file replaced in it is noticed."""
    place = SETTINGS.affect.gigamidi.folder
    return "" if place is None or "://" in place else state_of_folder(Path(place))


def affect_head():
    """The trained head that annotates."""
    annotate = SETTINGS.affect.annotate
    return f"<results>/affect/train_heads/{annotate.trained_on}/{annotate.variant}.safetensors"


def affect_scorecards():
    """Scorecards of the affect study."""
    return [str(path) for path in rules.affect.input if str(path).endswith("scorecard.json")]
