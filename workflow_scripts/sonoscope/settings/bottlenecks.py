"""Settings of the experiments on bottlenecks, corrections and codes of directions: 5 to 11."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sonoscope.settings.base import Section

Steps = Annotated[int, Field(ge=1, le=512)]
Noise = Annotated[float, Field(gt=0, le=100)]
Positive = Annotated[float, Field(gt=0)]

MEL = "mel"
"""Front end of a bottleneck that needs no codec: stacked log-mel frames."""
VAEGAN = "vaegan"
"""Name of the latents of experiment 9 among the bottlenecks."""


class Battery(Section):
    """What is trained on the latents of each bottleneck (experiments 5 and 9): the battery of experiments 1 and 2."""

    models: tuple[Literal["vmf", "vmf_mixture", "mdn"], ...] = Field(("vmf", "mdn"), min_length=1)
    """Models; experiment 11 rolls out the mdn."""
    phase1_max_steps: int | None = Field(None, ge=1)
    """Updates of each, as the published --phase1-max-steps; null takes those of `fit`."""


class Variant(Section):
    """One variant of the β-VAE."""

    beta: float = Field(0.1, ge=0)
    """Weight of the divergence from the prior; per number of a latent, or as `divergence` says."""
    smooth: float = Field(0.0, ge=0)
    """Weight of the smoothness of latents (published: 0.1)."""
    pred: float = Field(0.0, ge=0)
    """Weight of their predictability (published: 0.01)."""
    divergence: Literal["mean", "published"] = "mean"
    """Divergence as a mean over numbers of the latents with free nats, or summed over a segment, as published."""


class BetaVae(Section):
    """Experiment 5: a β-VAE between frozen features and a trained decoder, with losses that ask for easy dynamics."""

    codec: str = Field("mel", min_length=1, examples=["mimi", "sonoscope-musicgen"])
    """Frozen front end: mel (stacked log-mel frames at 12.5 Hz), or a codec whose decoder is trained."""
    variants: dict[str, Variant] = Field(
        default_factory=lambda: {
            "baseline_betavae": Variant(),
            "betavae_smooth": Variant(smooth=0.1),
            "betavae_pred": Variant(pred=0.1),
            "betavae_smooth_pred": Variant(smooth=0.1, pred=0.1),
        },
        min_length=1,
    )
    """Variants by name; any number of them."""
    variant: str | None = None
    """Only this variant, as the published --variant; null for all."""
    latent_dim: int = Field(32, ge=2, le=512)
    """Dimensions of the bottleneck."""
    hidden: int = Field(256, ge=4)
    """Width of the map back from the bottleneck."""
    max_steps: int = Field(2000, ge=1)
    """Updates (published: 10000), as the published --max-steps."""
    batch: int = Field(16, ge=1)
    """Segments per update (published: 4)."""
    segment: float = Field(2.0, gt=0)
    """Length of a segment, in seconds (published: 4)."""
    lr: float = Field(1e-3, gt=0)
    """Largest learning rate (published: 1e-4)."""
    free_nats: float = Field(0.05, ge=0)
    """Divergence per dimension, in nats, below which it costs nothing."""
    warmup: float = Field(0.2, ge=0, le=1)
    """Share of the updates over which the weight of the divergence grows."""
    relative: bool = True
    """Smoothness and predictability per variance of the latents, so that shrinking gains nothing; or as published."""
    predictor_window: int = Field(8, ge=1, le=64)
    """Frames that the predictor of the predictability loss sees."""
    frame_rate: float = Field(12.5, gt=0)
    """Rate of the latents, in hertz; features of a faster codec are stacked."""
    max_utterances: int | None = Field(None, ge=1)
    """Most training utterances, speakers in turn (published: 5000); null for all."""
    recon_utterances: int = Field(16, ge=1)
    """Test utterances that reconstruction is measured on (published: 50)."""
    recon_seconds: float = Field(4.0, gt=0)
    """Most seconds of each (published: 10)."""
    samples: int = Field(2, ge=0)
    """Reconstructions that are kept to listen to."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.variant is not None and self.variant not in self.variants:
            raise ValueError(f"variant: expected one of {', '.join(self.variants)}, found {self.variant}")
        if VAEGAN in self.variants:
            raise ValueError(f"variants: {VAEGAN} is the name of the latents of experiment 9; use another")
        return self

    @property
    def trained(self) -> tuple[str, ...]:
        """Names of the variants that are trained."""
        return (self.variant,) if self.variant else tuple(self.variants)


class VaeGan(Section):
    """Experiment 9: a codec with a bottleneck, trained as a VAE-GAN with distillation from a speech model."""

    codec: str = Field("sonoscope-musicgen", min_length=1, examples=["mimi", "pocket-tts"])
    """Codec whose encoder is frozen and whose decoder is trained; pocket-tts by its folder in dynamics.folders."""
    latent_dim: int = Field(32, ge=2, le=512)
    """Dimensions of the bottleneck."""
    hidden: int = Field(256, ge=4)
    """Width of the map back from the bottleneck."""
    frame_rate: float = Field(12.5, gt=0)
    """Rate of the latents, in hertz; features of a faster codec are stacked."""
    max_steps: int = Field(600, ge=1)
    """Updates (published: 50000), as the published --max-steps."""
    batch: int = Field(4, ge=1)
    """Segments per update."""
    segment: float = Field(1.0, gt=0)
    """Length of a segment, in seconds (published: 4)."""
    lr: float = Field(3e-4, gt=0)
    """Learning rate of codec and discriminator (published: 1e-4)."""
    deterministic: float = Field(0.05, ge=0, le=1)
    """Share of the updates, at first, that decode the posterior's mean (published: 2000 of 50000)."""
    gan_from: float = Field(0.2, ge=0, le=1)
    """Share of the updates after which the discriminator takes part (published: 1000 of 50000)."""
    kl_from: float = Field(0.05, ge=0, le=1)
    """Share after which the divergence counts; over as much again its weight grows."""
    distill_from: float = Field(0.05, ge=0, le=1)
    """Share after which the teacher takes part."""
    recon_weight: float = Field(1.0, ge=0)
    """Weight of the reconstruction."""
    beta_kl: float = Field(0.1, ge=0)
    """Weight of the divergence, per number of a latent."""
    adversarial_weight: float = Field(1.0, ge=0)
    """Weight of the adversarial loss, relative to the reconstruction by their gradients where `balance` is set."""
    feature_weight: float = Field(1.0, ge=0)
    """Weight of feature matching."""
    distill_weight: float = Field(1.0, ge=0)
    """Weight of the distance to the teacher."""
    pred_weight: float = Field(0.0, ge=0)
    """Weight of predictability (published: 1 in the last run)."""
    balance: bool = True
    """Scale the adversarial loss so that its gradient at the output is as large as the reconstruction's."""
    windows: tuple[Annotated[int, Field(ge=32)], ...] = Field((256, 512, 1024, 2048), min_length=1)
    """Windows of the discriminators and of the reconstruction, in samples."""
    channels: int = Field(32, ge=2)
    """Channels of the first layer of each discriminator."""
    teacher: Literal["auto", "wavlm", "mel", "none"] = "auto"
    """What is distilled: WavLM, a stand-in of log-mel derivatives, or none; auto takes WavLM where it was fetched."""
    teacher_layer: int = Field(7, ge=0)
    """Hidden layer of WavLM."""
    recon_utterances: int = Field(16, ge=1)
    """Test utterances that reconstruction is measured on."""
    recon_seconds: float = Field(4.0, gt=0)
    """Most seconds of each."""
    samples: int = Field(2, ge=0)
    """Reconstructions that are kept to listen to."""


class Correction(Section):
    """Experiment 6: pulling rolled-out states back by a learned score."""

    hidden: int = Field(256, ge=4)
    """Width of the score model (published: 1024)."""
    layers: int = Field(3, ge=1, le=8)
    """Its hidden layers (published: 4)."""
    sigma_min: float = Field(0.02, gt=0)
    """Least noise that it is trained on, in deviations of each coordinate."""
    sigma_max: float = Field(3.0, gt=0)
    """Largest (published: 1); raised where rollouts are farther off on validation speakers."""
    max_steps: int = Field(2000, ge=1)
    """Updates, as the published --score-max-steps (published: 20000)."""
    batch: int = Field(256, ge=2)
    """Frames per update."""
    lr: float = Field(3e-3, gt=0)
    """Largest learning rate."""
    methods: tuple[Literal["tweedie", "langevin", "langevin_drift"], ...] = ("tweedie", "langevin", "langevin_drift")
    """One-step denoising, Langevin dynamics, and its drift alone, which is what was published."""
    n_steps: tuple[Annotated[int, Field(ge=1)], ...] = (1, 3, 5)
    """Steps of Langevin dynamics."""
    step_size: tuple[Positive, ...] = (0.01, 0.1, 0.5)
    """Step sizes, in units of σ²."""
    sigma: tuple[Noise, ...] = (0.1, 0.25, 0.5, 1.0, 2.0)
    """Noise levels at which the score is taken."""
    tweedie_scale: tuple[Positive, ...] = (0.5, 1.0)
    """Shares of the way to the denoised frame."""
    known_sigmas: tuple[Noise, ...] = (0.1, 0.3, 1.0, 2.0)
    """Noise levels of the known-answer test."""
    known_max_steps: int = Field(1500, ge=1)
    """Updates of the score of each known-answer law."""
    known_frames: int = Field(20_000, ge=200)
    """Frames of each known-answer law that the score model is trained on."""
    known_dim: int = Field(8, ge=2, le=64)
    """Their dimensions."""


class Perceptual(Section):
    """Experiment 7: rollouts decoded between true frames, to listen to."""

    lengths: tuple[Steps, ...] = Field((1, 2, 4, 8, 16), min_length=1)
    """Steps of the rollouts."""
    n_utterances: int = Field(4, ge=1)
    """Test utterances, speakers in turn (published: 10)."""
    starts: int = Field(1, ge=1)
    """Starting points in each; the first is a third into it, as published."""
    max_frames: int = Field(200, ge=8)
    """Most frames of each."""
    models: tuple[Literal["vmf", "vmf_mixture", "mdn"], ...] = ("vmf", "mdn")
    """Models of experiment 1 that are rolled out, by the median step."""
    sampled: bool = True
    """Also draw the steps of the first model."""
    sample_rate: int = Field(48_000, ge=8_000)
    """Rate of the written audio, in hertz."""
    margin: int = Field(4, ge=0)
    """Frames around the rolled ones that scores are taken over; a decoder looks back."""


class Codebook(Section):
    """Experiment 8: codes for the direction of change."""

    vae: str = "baseline_betavae"
    """Latents that are coded: a variant of the β-VAE, or vaegan."""
    k_values: tuple[Annotated[int, Field(ge=2, le=65_536)], ...] = Field((16, 64, 256), min_length=1)
    """Sizes of the codebooks."""
    near_zero_epsilons: tuple[Positive, ...] = (0.001, 0.01, 0.1, 0.5)
    """Shares of the median length below which a step counts as near zero; the second one leaves steps out."""
    restarts: int = Field(2, ge=1)
    """Starts of k-means; the best is kept (published: 1)."""
    iterations: int = Field(30, ge=1)
    """Rounds of k-means."""
    max_rows: int = Field(200_000, ge=100)
    """Most training steps that codebooks are fitted on."""
    n_utterances: int = Field(2, ge=1)
    """Test utterances that are coded and decoded (published: 10)."""
    max_frames: int = Field(100, ge=8)
    """Most frames of each."""
    sample_rate: int = Field(48_000, ge=8_000)
    """Rate of the written audio, in hertz."""


class DirectionAr(Section):
    """Experiment 10: autoregression over codes of directions times a LogNormal magnitude."""

    k_codebook: int = Field(64, ge=2)
    """Size of the codebook, as the published --k-codebook (published: 256); one of `codebook.k_values`."""
    hidden: int = Field(128, ge=4)
    """Width of the hidden layer (published: 1024)."""
    max_steps: int = Field(1000, ge=1)
    """Updates, as the published --max-steps (published: 20000)."""
    batch: int = Field(256, ge=2)
    """Rows per update."""
    lr: float = Field(2e-3, gt=0)
    """Largest learning rate (published: 3e-4)."""
    weight_decay: float = Field(1e-2, ge=0)
    """Decoupled weight decay."""
    validate_every: int = Field(20, ge=1)
    """Updates between looks at the validation speakers."""
    k_values: tuple[Steps, ...] = Field((1, 2, 4, 8, 16), min_length=1)
    """Lengths of rollouts, in steps."""
    n_eval_utterances: int = Field(20, ge=1)
    """Test utterances that rollouts start in."""
    segments_per_utt: int = Field(5, ge=1)
    """Starting points in each."""
    strategies: tuple[Literal["argmax", "categorical", "top_p"], ...] = ("argmax", "categorical", "top_p")
    """How a code is chosen: the likeliest at its median magnitude, drawn, or drawn from the likeliest `top_p`."""
    top_p: float = Field(0.9, gt=0, le=1)
    """Probability that the codes of top_p add up to."""
    skip_audio: bool = False
    """Decode no rollouts, as the published --skip-audio."""
    n_utterances: int = Field(2, ge=1)
    """Test utterances whose rollouts are decoded."""
    audio_k_values: tuple[Steps, ...] = (1, 4, 16)
    """Lengths of the rollouts that are decoded."""
    sample_rate: int = Field(48_000, ge=8_000)
    """Rate of the written audio, in hertz."""


class Tweedie(Section):
    """Experiment 11: rollouts in codes and by the mdn, each frame denoised in one step."""

    score_checkpoint: str | None = None
    """A score model that is there already, as the published --score-checkpoint; null trains one."""
    hidden: int = Field(256, ge=4)
    """Width of the score model (published: 512)."""
    layers: int = Field(3, ge=1, le=8)
    """Its hidden layers (published: 4)."""
    sigma_min: float = Field(0.01, gt=0)
    """Least noise that it is trained on, in deviations of each coordinate."""
    sigma_max: float = Field(3.0, gt=0)
    """Largest (published: 1)."""
    score_max_steps: int = Field(2000, ge=1)
    """Updates, as the published --score-max-steps (published: 20000)."""
    batch: int = Field(256, ge=2)
    """Frames per update (published: 512)."""
    lr: float = Field(3e-3, gt=0)
    """Largest learning rate (published: 1e-4)."""
    sigma_sweep: tuple[Noise, ...] = Field((0.05, 0.1, 0.25, 0.5, 1.0), min_length=1)
    """Noise levels that denoising assumes."""
    sigma: Noise | None = None
    """Only this one, as the published --sigma."""
    select_at: Steps = 4
    """Length of the rollouts of validation speakers by which a noise level is chosen."""
    skip_mdn: bool = False
    """Leave out the mdn, as the published --skip-mdn."""
    skip_audio: bool = False
    """Decode no rollouts, as the published --skip-audio."""

    @property
    def sigmas(self) -> tuple[float, ...]:
        """Noise levels that are tried."""
        return self.sigma_sweep if self.sigma is None else (self.sigma,)
