"""All settings of the workflow. A new section is one line here."""

from pydantic import Field

from sonoscope.settings.affect import Affect
from sonoscope.settings.attribution import Attribution
from sonoscope.settings.base import Section
from sonoscope.settings.codecs import MelPcaCodec, SpeechCodec
from sonoscope.settings.corpora import Corpora
from sonoscope.settings.dynamics import Dynamics
from sonoscope.settings.fetch import Fetch
from sonoscope.settings.foundation import Foundation
from sonoscope.settings.hello import Hello
from sonoscope.settings.interpretability import Interpretability
from sonoscope.settings.measure_musicgen import MeasureMusicGen
from sonoscope.settings.musetok import MuseTok
from sonoscope.settings.musicgen import MusicGen
from sonoscope.settings.report import Report
from sonoscope.settings.shares import Shares
from sonoscope.settings.speech import Speech
from sonoscope.settings.steering import Steering
from sonoscope.settings.table import ResultsTable
from sonoscope.settings.training import Training
from sonoscope.settings.world import World


class Settings(Section):
    """The settings of one run."""

    preset: str = "demo"
    """Which block of presets the settings start from; your own keys win over it."""

    run: str | None = Field(None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """Name of the results folder, results/<run>; null names it after the preset."""

    seed: int = Field(0, ge=0, lt=2**31)
    """Where all random numbers start; each stage derives its own seed from it."""

    musicgen: MusicGen = MusicGen()
    """The MusicGen that is looked into."""

    world: World = World()
    """The known world."""

    corpora: Corpora = Corpora()
    """Corpora of audio and of prompts."""

    measure_musicgen: MeasureMusicGen = MeasureMusicGen()
    """How well the MusicGen learned the known world."""

    speech: Speech = Speech()
    """Speech for the study of latent dynamics."""

    mel_pca: MelPcaCodec = MelPcaCodec()
    """The deterministic speech codec."""

    speech_codec: SpeechCodec = SpeechCodec()
    """Training of the shipped speech codec from nothing."""

    dynamics: Dynamics = Dynamics()
    """Dynamics of codec latents: how predictable they are, and how rollouts fail."""

    shares: Shares = Shares()
    """Jobs that heavy work is divided into."""

    hello: Hello = Hello()
    """The first two clips."""

    steering: Steering = Steering()
    """Directions of concepts, and what happens when generation is pushed along them."""

    attribution: Attribution = Attribution()
    """Which training songs a generated clip is made of."""

    interpretability: Interpretability = Interpretability()
    """Whether the model represents emotion or echoes the prompt."""

    foundation: Foundation = Foundation()
    """What the workflow measures about itself."""

    fetch: Fetch = Fetch()
    """Published models and corpora to bring here."""

    training: Training = Training()
    """Training of the shipped MusicGen from nothing."""

    musetok: MuseTok = MuseTok()
    """Symbolic music as bars of tokens, and the autoencoder that reads them."""

    affect: Affect = Affect()
    """Valence and arousal of every bar of symbolic music."""

    report: Report = Report()
    """How much the report shows."""

    results_table: ResultsTable = ResultsTable()
    """The table of all runs and numbers that `snakemake results_table` writes."""

    @property
    def folder(self) -> str:
        """Name of the results folder of this run."""
        return self.run or self.preset
