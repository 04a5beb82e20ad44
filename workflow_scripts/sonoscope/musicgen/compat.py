"""Lets audiocraft 1.3.0 be imported beside a current torch.

audiocraft imports xformers, torchaudio and spacy at module level although text-to-music needs little of them. Where a
real one is installed and loads, it is used. Otherwise a stand-in takes its place: xformers' few names are given by
torch, the others raise a clear error when something really calls them. audiocraft's own code is not changed.
"""

import importlib
import importlib.machinery
import importlib.util
import sys
import types
from typing import Any

import torch


def install() -> None:
    """Make ``import audiocraft`` work; idempotent. Call before the first such import."""
    if "audiocraft" in sys.modules:
        return
    _spare_torchaudio_extension()
    # transformers asks once which packages are there; it must ask before stand-ins exist
    from transformers import EncodecModel, RobertaTokenizer, T5EncoderModel, T5Tokenizer  # noqa: F401

    if not _loads("xformers.ops"):
        _stand_in("xformers", __version__="0.0.0+absent")
        _stand_in(
            "xformers.ops",
            unbind=torch.unbind,
            LowerTriangularMask=_LowerTriangularMask,
            memory_efficient_attention=_memory_efficient_attention,
        )
    if not _loads("torchaudio"):
        names = ("Spectrogram", "MelSpectrogram", "Resample", "Loudness")
        _stand_in("torchaudio", __version__="0.0.0+absent")
        _stand_in("torchaudio.transforms", **{n: _absent_transform(n) for n in names})
        _stand_in("torchaudio.functional")
    if not _loads("spacy"):
        # datasets asks whether what it hashes is a spacy.Language as soon as a module of this name is there
        _stand_in("spacy", load=_absent_spacy, Language=type("Language", (), {}))


class _LowerTriangularMask:
    """Marks causal attention, as xformers' class of this name does."""


def _memory_efficient_attention(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, attn_bias: Any = None, p: float = 0.0, scale: float | None = None
) -> torch.Tensor:
    """Attention over ``[batch, time, heads, dim]``, as xformers lays it out."""
    mask = attn_bias if torch.is_tensor(attn_bias) else None
    out = torch.nn.functional.scaled_dot_product_attention(
        q.transpose(1, 2),
        k.transpose(1, 2),
        v.transpose(1, 2),
        attn_mask=mask,
        dropout_p=p,
        is_causal=isinstance(attn_bias, _LowerTriangularMask),
        scale=scale,
    )
    return out.transpose(1, 2)


def _absent_transform(name: str) -> type[torch.nn.Module]:
    class Absent(torch.nn.Module):
        def __init__(self, *_: Any, **__: Any) -> None:
            raise RuntimeError(
                f"torchaudio.transforms.{name} is needed here, but no torchaudio that loads is installed"
            )

    return Absent


def _absent_spacy(name: str) -> None:
    raise RuntimeError(f"spacy ({name}) is needed by this checkpoint's 'whitespace' tokenizer; pip install spacy")


def _spare_torchaudio_extension() -> None:
    # torchaudio's wheel links CUDA libraries; without them only its Python part can be used, if it is told so early
    if importlib.util.find_spec("torchaudio") is None or torch.cuda.is_available():
        return
    extension = types.ModuleType("torchaudio._extension")
    extension.__dict__.update(
        _IS_TORCHAUDIO_EXT_AVAILABLE=False,
        _IS_ALIGN_AVAILABLE=False,
        _check_cuda_version=lambda: None,
        fail_if_no_align=lambda f: f,
    )
    sys.modules.setdefault("torchaudio._extension", extension)


def _loads(name: str) -> bool:
    try:
        importlib.import_module(name)
    except Exception:  # a broken package may raise anything while it loads
        root = name.partition(".")[0]
        for module in [m for m in sys.modules if m == root or m.startswith(root + ".")]:
            del sys.modules[module]
        return False
    return True


def _stand_in(name: str, **attributes: Any) -> None:
    module = types.ModuleType(name)
    # find_spec() of other libraries raises ValueError on a module without a spec
    module.__spec__ = importlib.machinery.ModuleSpec(name, loader=None, is_package=True)
    module.__path__ = []
    module.__dict__.update(attributes)
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, module)
