"""Two ratios of CPU time: capture by replay beside capture while generating, and training beside SAELens's.

Not part of the unit tests: run `OMP_NUM_THREADS=1 pytest tests/benchmarks/test_interpretability.py -s`. SAELens is no
dependency; where it is not installed, what concerns it is skipped.
"""

import time
from collections.abc import Callable

import pytest
import torch

from sonoscope.interpretability.extractor import ActivationExtractor
from sonoscope.interpretability.sae import Recipe, SparseAutoencoder, train_sae
from sonoscope.interpretability.sae_files import export_sae
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.storage import WORKFLOW

SHIPPED = WORKFLOW / "resources/models/sonoscope-musicgen/state_dict.bin"
DIM, FEATURES, K, BATCH, STEPS = 256, 2048, 32, 1024, 30


def cpu_seconds(function: Callable[[], object]) -> float:
    """CPU time of this process, which other load on the machine does not change much."""
    start = time.process_time()
    function()
    return time.process_time() - start


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.mark.parametrize("clips", [1, 8])
def test_replay_is_ten_times_faster_than_capture_while_generating(clips, record_property):
    """The conditional row of one clip at a time, as first scripts do, and of eight at once."""
    model = load_musicgen(SHIPPED, "sonoscope-musicgen")
    extractor = ActivationExtractor(model)
    prompts = ["a happy piece"] * clips
    extractor.generate(prompts, seconds=0.5)  # warm up
    generation = cpu_seconds(lambda: extractor.generate(prompts, seconds=4.0))
    tokens = extractor.tokens
    replay = min(cpu_seconds(lambda: extractor.replay(tokens, prompts)) for _ in range(3))
    record_property("times", generation / replay)
    assert generation / replay >= 10, f"{clips} clips at once: {generation / replay:.1f} times"


def inputs() -> torch.Tensor:
    """Vectors to train on; what they are does not change how long it takes."""
    return torch.randn(BATCH * STEPS, DIM, generator=torch.Generator().manual_seed(0))


def own_seconds(x: torch.Tensor) -> float:
    sae = SparseAutoencoder(DIM, FEATURES, K, "topk", torch.Generator().manual_seed(0))
    sae.start_from(x[:2000])
    return cpu_seconds(lambda: train_sae(sae, iter(x.split(BATCH)), Recipe(STEPS, dead_after=10**9)))


def test_training_takes_two_thirds_of_the_time_of_saelens(record_property):
    """Equal width, batch, steps and k; auxiliary losses wait for dead features in both and find none so early."""
    saelens = pytest.importorskip("sae_lens")
    from sae_lens.config import SAETrainerConfig
    from sae_lens.training.sae_trainer import SAETrainer

    x = inputs()
    theirs = saelens.TopKTrainingSAE(saelens.TopKTrainingSAEConfig(d_in=DIM, d_sae=FEATURES, k=K))
    how = SAETrainerConfig(
        total_training_samples=BATCH * STEPS, train_batch_size_samples=BATCH, lr=1e-3, lr_end=1e-4,
        n_batches_for_norm_estimate=1,
    )  # fmt: skip
    trainer = SAETrainer(how, theirs, iter(x.split(BATCH)))
    their_seconds = cpu_seconds(trainer.fit)
    mine = min(own_seconds(x) for _ in range(2))
    record_property("times", their_seconds / mine)
    assert their_seconds / mine >= 1.5, f"{their_seconds:.1f} s against {mine:.1f} s: {their_seconds / mine:.2f} times"


@pytest.mark.parametrize("kind", ["topk", "batch_topk", "jumprelu", "matryoshka"])
def test_saelens_reads_every_kind_that_is_exported(kind, tmp_path):
    saelens = pytest.importorskip("sae_lens")
    x = inputs()[:2048]
    sae = SparseAutoencoder(DIM, 512, K, kind, torch.Generator().manual_seed(0))
    sae.start_from(x)
    train_sae(sae, iter(x.split(256)), Recipe(8))
    export_sae(sae, tmp_path, {"model_name": "toy", "hook_name": "blocks.1.hook_resid_post"})
    other = saelens.SAE.load_from_disk(str(tmp_path))
    torch.testing.assert_close(other(x[:200]), sae(x[:200]), rtol=1e-4, atol=1e-4)
