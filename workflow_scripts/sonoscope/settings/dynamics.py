"""Settings of the study of latent dynamics."""

from typing import Annotated, Literal, Self, TypeVar

from pydantic import Field, model_validator

from sonoscope.settings.base import Section
from sonoscope.settings.bottlenecks import (
    VAEGAN,
    Battery,
    BetaVae,
    Codebook,
    Correction,
    DirectionAr,
    Perceptual,
    Tweedie,
    VaeGan,
)

T = TypeVar("T")
Horizon = Annotated[int, Field(ge=1, le=512)]
ModelName = Literal["vmf", "vmf_mixture", "mdn"]
SliceName = Literal["all", "high_energy", "utterance_medial"]
Share = Annotated[float, Field(gt=0, le=1)]

KNOWN = "known"
"""Name of the source whose parts are the known-answer processes."""


class KnownProcesses(Section):
    """Processes whose best prediction is known; they go through the same rules as speech."""

    dim: int = Field(8, ge=2, le=64)
    """Dimensions of a frame."""
    sequences: int = Field(400, ge=10)
    """Sequences of each process; one in four is for the reported numbers, one in six for validation."""
    frames: int = Field(100, ge=40)
    """Frames of each sequence."""
    scale: float = Field(24.0, gt=0)
    """What all frames are multiplied by, so that their steps are as large as those of Mimi's latents (about 65)."""
    max_steps: int = Field(800, ge=1)
    """Updates of each model; the other keys of training are those of `fit`."""
    components: int = Field(8, ge=1, le=64)
    """Components of the mixtures; the process that switches directions has up to 8."""
    processes: tuple[str, ...] = ()
    """Names of processes to keep, such as ar1_06; empty keeps all."""

    def chosen(self, processes: dict[str, T]) -> dict[str, T]:
        """Keep the named ones.

        Raises
        ------
        ValueError
            A name is not known.
        """
        unknown = [p for p in self.processes if p not in processes]
        if unknown:
            known = ", ".join(processes)
            raise ValueError(f"dynamics.known.processes: no process {', '.join(unknown)}; known are {known}")
        return {name: p for name, p in processes.items() if not self.processes or name in self.processes}


class Fit(Section):
    """Training of the models of the next difference."""

    models: tuple[ModelName, ...] = Field(("vmf", "vmf_mixture", "mdn"), min_length=1)
    """Direction × magnitude (vmf), a mixture of such, and a mixture density network of diagonal Gaussians."""
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field((0, 1, 2), min_length=1)
    """Seeds of training; headlines are means over them, with their spread."""
    hidden: int = Field(128, ge=4)
    """Width of the hidden layers (published: 1024)."""
    layers: int = Field(1, ge=1, le=4)
    """Hidden layers (published: 1, counted there as 2)."""
    components: int = Field(8, ge=1, le=64)
    """Components of the mixtures (published: 8)."""
    coordinates: Literal["fitted", "whitened", "standardised", "raw"] = "fitted"
    """Space in which directions are directions: principal axes of what a linear prediction leaves, with scales that are
    learned; all of one scale in it (whitened); the latents' own axes with one scale each, or as they are (raw)."""
    batch: int = Field(256, ge=2)
    """Rows per update and model."""
    max_steps: int = Field(800, ge=1)
    """Updates of each model (published: 25000 in experiment 1, 15000 elsewhere)."""
    lr: float = Field(2e-3, gt=0)
    """Largest learning rate (published: 1e-3, constant)."""
    weight_decay: float = Field(1e-2, ge=0)
    """Decoupled weight decay."""
    clip_norm: float = Field(1.0, gt=0)
    """Largest norm of a model's gradient."""
    validate_every: int = Field(20, ge=1)
    """Updates between looks at the validation speakers; the best state is kept."""
    ridge: float = Field(1e-3, ge=0)
    """Least penalty of the linear prediction, as a share of the inputs' variance; up to 1000 times as much is tried."""


class Rollout(Section):
    """The injection diagnostic and sampled rollouts."""

    k_steps: int = Field(16, ge=2, le=512)
    """Steps of a rollout."""
    n_eval_utterances: int = Field(16, ge=1)
    """Test utterances that rollouts start in, evenly over speakers."""
    segments_per_utt: int = Field(8, ge=1)
    """Starting points in each."""
    draws: int = Field(16, ge=2)
    """Sampled rollouts from each starting point."""
    inject_after_steps_periodic: tuple[Annotated[int, Field(ge=1)], ...] = (4, 8, 12)
    """Steps after which B_periodic takes the true frame."""
    inject_after_steps_one_shot: tuple[Annotated[int, Field(ge=1)], ...] = (1,)
    """Steps after which C_one_shot takes the true frame."""
    checkpoint: Literal["exp1", "exp1b"] = "exp1"
    """Whether the model is that of experiment 1, or fine-tuned by experiment 1B."""
    k: Horizon = 1
    """Horizon of the model; must be among `horizons`."""
    model: ModelName = "vmf"
    """Which model of experiment 1 is rolled out."""


class Finetune(Section):
    """Experiment 1B: training on self-generated context."""

    steps: int = Field(16, ge=2, le=128)
    """Length of a training rollout, in frames."""
    batch_size: int = Field(64, ge=2)
    """Segments per update (published: 256)."""
    max_steps: int = Field(120, ge=1)
    """Updates (published: 5000)."""
    lr: float = Field(2e-4, gt=0)
    """Learning rate."""
    rollout_weight: float = Field(1.0, ge=0)
    """Weight of the likelihood under self-generated context."""
    teacher_weight: float = Field(0.1, ge=0)
    """Weight of the likelihood under true context."""
    teacher_start: float = Field(0.2, ge=0, le=1)
    """Probability, at first, that a generated frame is replaced by the true one."""
    teacher_end: float = Field(0.0, ge=0, le=1)
    """The same at the end."""
    teacher_warmup: float = Field(0.4, gt=0, le=1)
    """Share of the updates over which it changes (published: 2000 of 5000)."""
    clip_quantile: float = Field(0.99, gt=0, le=1)
    """Quantile of the true step lengths at which generated steps are cut (published: an absolute 5)."""
    noise: float = Field(0.3, ge=0)
    """Noise on the contexts of the control arm, in deviations of each coordinate."""


class Representations(Section):
    """Experiment 3: codecs compared at equal lags in time."""

    lags_ms: tuple[Annotated[float, Field(gt=0)], ...] = (80.0, 160.0, 320.0, 640.0)
    """Lags from the end of the context to the predicted frame, in milliseconds."""
    context_ms: float = Field(640.0, gt=0)
    """Length of the context, in milliseconds."""
    frame_rate: float = Field(12.5, gt=0)
    """Rate to which faster codecs are averaged for the matched comparison, in hertz."""


class Trajectories(Section):
    """Experiment 3B: synthetic trajectories to listen to."""

    n_utterances: int = Field(4, ge=1)
    """Test utterances, evenly over speakers (published: 10)."""
    max_frames: int = Field(50, ge=8)
    """Most frames of each (published: 200)."""
    alphas: tuple[Share, ...] = (0.25, 0.5, 0.75)
    """Shares of the true step in the published B_slow modes."""
    errors: tuple[Annotated[float, Field(gt=0, le=1)], ...] = (0.5, 1.0)
    """Errors at which directions and magnitudes are wrong alike, in root-mean-square step lengths."""
    sample_rate: int = Field(48_000, ge=8_000)
    """Rate of the written audio, in hertz."""


class ReadOut(Section):
    """Experiment 4: the same battery in principal components."""

    pca_dims: tuple[Annotated[int, Field(ge=2, le=512)], ...] = (8, 16)
    """Numbers of components (published: 32 and 64 of 512)."""
    chunk: int = Field(4096, ge=64)
    """Frames per partial fit."""


class Dynamics(Section):
    """The study of latent dynamics: how predictable codec latents are, and how rollouts fail."""

    codec: str = Field("mel-pca-32", min_length=1, examples=["sonoscope-speech", "mimi", "encodec_24khz"])
    """Codec of all experiments but the comparison: mel-pca-N, sonoscope-speech, mimi, encodec_24khz or in `folders`."""
    codecs: tuple[str, ...] = Field(("mel-pca-32", "random-projection-32"), min_length=1)
    """Codecs of the comparison (experiment 3)."""
    folders: dict[str, str] = Field(default_factory=dict)
    """Folders of codecs in transformers' layout by their name, such as pocket-tts; fetched ones need none."""
    shards: int = Field(1, ge=1, le=1000)
    """Jobs among which the utterances of a corpus are encoded."""
    window: int = Field(8, ge=2, le=64)
    """Frames of context."""
    horizons: tuple[Horizon, ...] = Field((1, 2, 4, 8), min_length=1)
    """Lags from the end of the context to the target, in frames; a model for each. All share the same targets."""
    slice: SliceName = "all"
    """Frames that are trained and judged on: all, high_energy (above the training median), utterance_medial."""
    k: Horizon | None = None
    """Only this horizon, as the published --k; null for all of `horizons`."""
    legacy: bool = True
    """Also compute published definitions where a number is compared with a published one; shown beside the others."""
    force: bool = False
    """Begin trainings anew, even where a killed job left a checkpoint."""
    resume: bool = True
    """Go on from the checkpoint of a killed job."""
    run_id: str | None = None
    """Name written into the results, as the published --run-id; null takes that of the run."""
    known: KnownProcesses = KnownProcesses()
    """The known-answer processes."""
    fit: Fit = Fit()
    """Training of the models."""
    rollout: Rollout = Rollout()
    """Experiment 2: injection and sampled rollouts."""
    finetune: Finetune = Finetune()
    """Experiment 1B: fine-tuning on rollouts."""
    representations: Representations = Representations()
    """Experiment 3: comparison of codecs."""
    trajectories: Trajectories = Trajectories()
    """Experiment 3B: synthetic trajectories."""
    read_out: ReadOut = ReadOut()
    """Experiment 4: principal components."""
    battery: Battery = Battery()
    """What is trained on the latents of experiments 5 and 9."""
    betavae: BetaVae = BetaVae()
    """Experiment 5: β-VAE with losses that ask for easy dynamics."""
    correction: Correction = Correction()
    """Experiment 6: correction by a learned score."""
    perceptual: Perceptual = Perceptual()
    """Experiment 7: rollouts to listen to."""
    codebook: Codebook = Codebook()
    """Experiment 8: codes for directions."""
    vaegan: VaeGan = VaeGan()
    """Experiment 9: VAE-GAN with a bottleneck."""
    direction_ar: DirectionAr = DirectionAr()
    """Experiment 10: autoregression over codes."""
    tweedie: Tweedie = Tweedie()
    """Experiment 11: one-step denoising of rollouts."""
    most_seconds: float | None = Field(None, gt=0)
    """Most seconds that all jobs of this study together may take; a row of the scorecard. Null sets no bar."""
    speed_dim: int = Field(32, ge=2)
    """Dimensions of the noise on which the speed of training is measured."""
    resamples: int = Field(1000, ge=100, le=100_000)
    """Resamples of speakers behind every interval."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.rollout.k not in self.horizons:
            raise ValueError(f"rollout.k: expected one of horizons {self.horizons}, found {self.rollout.k}")
        if self.k is not None and self.k not in self.horizons:
            raise ValueError(f"k: expected one of horizons {self.horizons}, found {self.k}")
        if self.rollout.model not in self.fit.models:
            raise ValueError(f"rollout.model: expected one of fit.models {self.fit.models}, found {self.rollout.model}")
        if self.codebook.vae not in (*self.betavae.trained, VAEGAN):
            known = ", ".join((*self.betavae.trained, VAEGAN))
            raise ValueError(f"codebook.vae: expected one of {known}, found {self.codebook.vae}")
        if self.direction_ar.k_codebook not in self.codebook.k_values:
            found = self.direction_ar.k_codebook
            raise ValueError(f"direction_ar.k_codebook: expected one of {self.codebook.k_values}, found {found}")
        if KNOWN in (self.codec, *self.codecs):
            raise ValueError(f"codec: {KNOWN} is the name of the known-answer processes; name a codec")
        return self

    def with_options(
        self,
        slice_name: SliceName | None = None,
        k: int | None = None,
        max_steps: int | None = None,
        lr: float | None = None,
        force: bool | None = None,
        resume: bool | None = None,
        run_id: str | None = None,
    ) -> "Dynamics":
        """The same settings with the options of a published command line; None leaves a key as it is."""
        fit = {name: value for name, value in (("max_steps", max_steps), ("lr", lr)) if value is not None}
        options = {"slice": slice_name, "k": k, "force": force, "resume": resume, "run_id": run_id}
        given = {name: value for name, value in options.items() if value is not None}
        if not (fit or given):
            return self
        plain = self.model_dump()
        plain["fit"] |= fit
        if k is not None:
            plain["rollout"]["k"] = k
        return Dynamics.model_validate(plain | given)

    def with_finetuning(self, max_steps: int | None = None, lr: float | None = None) -> "Dynamics":
        """The same settings with other updates or another rate in experiment 1B."""
        given = {name: value for name, value in (("max_steps", max_steps), ("lr", lr)) if value is not None}
        plain = self.model_dump()
        plain["finetune"] |= given
        return Dynamics.model_validate(plain)
