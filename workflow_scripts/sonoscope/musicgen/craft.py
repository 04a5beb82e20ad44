"""The parts of audiocraft that Sonoscope uses, imported beside a current torch.

Every other module takes them from here, so that the stand-ins of `sonoscope.musicgen.compat` are always there first.
"""

from sonoscope.musicgen import compat

compat.install()

from audiocraft import __version__ as version  # noqa: E402
from audiocraft.models import builders  # noqa: E402
from audiocraft.models.encodec import CompressionModel, EncodecModel, HFEncodecCompressionModel  # noqa: E402
from audiocraft.models.lm import LMModel  # noqa: E402
from audiocraft.modules.conditioners import (  # noqa: E402
    ClassifierFreeGuidanceDropout,
    ConditioningAttributes,
    T5Conditioner,
)

__all__ = [
    "ClassifierFreeGuidanceDropout",
    "CompressionModel",
    "ConditioningAttributes",
    "EncodecModel",
    "HFEncodecCompressionModel",
    "LMModel",
    "T5Conditioner",
    "builders",
    "version",
]
