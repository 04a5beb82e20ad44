"""What all rules use: checked settings, the hash of their code, resources that grow with the attempt.

Every SLURM job reads this file again, so it imports neither torch nor transformers and looks at no data.
"""

import os
import sys
import time
import uuid

from snakemake.exceptions import WorkflowError

SCRIPTS = Path(workflow.basedir) / "workflow_scripts"
sys.path.insert(0, str(SCRIPTS))

from sonoscope import storage
from sonoscope.codehash import code_hash
from sonoscope.settings import rules as per_rule
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
os.environ.setdefault("SONOSCOPE_INVOCATION", uuid.uuid4().hex[:12])


# One folder per wildcard, so a wildcard never spans a slash.
wildcard_constraints:
    concept="[^/]+",
    corpus="[^/]+",
    experiment="[^/]+",
    model="[^/]+",
    pooling="[^/]+",
    shard="[0-9]+",
    target="[^/]+",


def code(script):
    """The hash of a script, such as "steering/fit_direction", and of all project code that it imports."""
    return code_hash(SCRIPTS / f"{script}.py", SCRIPTS)


def section(path):
    """One section of the settings, such as "steering" or "steering.rfm", as plain data."""
    return per_rule.section(SETTINGS, path)


def seed(stage):
    """The seed of one stage, derived from the seed of the run."""
    return per_rule.seed(SETTINGS, stage)


def growing(amount):
    """A resource that doubles with each attempt: mem_mb=growing(4000), runtime=growing(30)."""
    return lambda wildcards, attempt: amount * 2 ** (attempt - 1)


def all_cores():
    """The cores of this call; on a cluster, where a call has none of its own, one. (workflow.cores raises there.)"""
    return workflow.resource_settings.cores or 1


MODEL_PLACES = (Path(RESOURCES) / "models", Path(RESULTS), Path(DOWNLOADS))


def model_file(name):
    """The file of model `name` that rules depend on; the rest of its folder belongs to it."""
    return SETTINGS.musicgen.file(name, *MODEL_PLACES)


def audiocraft_file(name):
    """The file of model `name` in audiocraft's layout."""
    return str(SETTINGS.musicgen.home(name, *MODEL_PLACES) / "state_dict.bin")


def backend_comparison():
    """The comparison of both backends, for a small MusicGen that is here in audiocraft's layout."""
    name = SETTINGS.musicgen.name
    return (
        [f"<results>/world/compare_backends/{name}/scorecard.json"] if name in ("sonoscope-musicgen", "random") else []
    )


EXPERIMENTS = SETTINGS.steering.all_experiments()


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


def experiment_of(wildcards):
    """The settings of one experiment, complete, as plain data."""
    return EXPERIMENTS[wildcards.experiment].model_dump(mode="json")


def experiment_directions(wildcards):
    """The directions that an experiment pushes along."""
    pushes = EXPERIMENTS[wildcards.experiment].pushes
    places = dict.fromkeys(f"{push.concept}/{push.target}/{push.pooling}" for push in pushes)
    folder = "<results>/steering/fit_direction"
    return [f"{folder}/{wildcards.model}/{place}/directions.safetensors" for place in places]


def experiment_concepts(path):
    """One file of each concept of an experiment."""
    return lambda wildcards: [
        path.format(model=wildcards.model, concept=concept)
        for concept in dict.fromkeys(push.concept for push in EXPERIMENTS[wildcards.experiment].pushes)
    ]


STARTED = time.time()


def show_pages(*pages):
    """Print those of the pages that jobs of this call have written."""
    for text in pages_since(STARTED, map(Path, pages)):
        print(text)


def tell(message):
    """Say one line on the terminal."""
    print(f"sonoscope: {message}", file=sys.stderr)


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
    return [path for path in found if os.path.isfile(path)]
