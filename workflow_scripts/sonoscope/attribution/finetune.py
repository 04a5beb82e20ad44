"""Fine-tunes of a MusicGen on sets of songs, with checkpoints kept: one base, one recipe, many counterfactual sets."""

import hashlib
import io
import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from sonoscope.attribution import lora
from sonoscope.attribution.errors import AttributionError
from sonoscope.attribution.likelihood import language_model, quick_attention
from sonoscope.attribution.songs import Window
from sonoscope.contracts import read_json, write_json
from sonoscope.files import replacing
from sonoscope.musicgen.checkpoint import read_package
from sonoscope.musicgen.craft import ConditioningAttributes
from sonoscope.musicgen.interface import MusicGen
from sonoscope.settings.attribution import FineTune

log = logging.getLogger(__name__)

State = dict[str, Tensor]
RECORD = "finetune.json"


def copy_of_state(lm: nn.Module) -> State:
    """A copy of all weights."""
    return {name: value.detach().clone() for name, value in lm.state_dict().items()}


def batches(windows: Sequence[Window], size: int, generator: torch.Generator) -> list[list[int]]:
    """One pass over all windows in random order; the windows of a batch have one length."""
    order = torch.randperm(len(windows), generator=generator).tolist()
    by_length: dict[int, list[int]] = {}
    for row in order:
        by_length.setdefault(windows[row].tokens.shape[1], []).append(row)
    out = [rows[i : i + size] for _, rows in sorted(by_length.items()) for i in range(0, len(rows), size)]
    return [out[i] for i in torch.randperm(len(out), generator=generator).tolist()]


def finetune(
    model: MusicGen,
    windows: Sequence[Window],
    settings: FineTune,
    seed: int,
    keep: Callable[[int, float, State, State], None],
) -> float:
    """Train on ``windows`` from the weights that the model has; its weights are those of the end afterwards.

    Parameters
    ----------
    keep : callable
        Given the number of the update, its learning rate, the trained tensors and the optimiser's second moments, at
        the shares of the training that ``settings.checkpoints`` names.

    Returns
    -------
    float
        Mean loss of the last pass, in nats per token.
    """
    lm = language_model(model)
    generator = torch.Generator().manual_seed(seed)
    adapters = None
    if settings.adaptation == "lora":
        adapters = lora.attach(lm, settings.rank, generator)
        trained = [p for adapter in adapters.values() for p in adapter.parameters()]
    else:
        lm.requires_grad_(True)
        trained = [p for p in lm.parameters() if p.requires_grad]
    plan = [rows for _ in range(settings.epochs) for rows in batches(windows, settings.batch, generator)]
    marks = {max(1, round(share * len(plan))) for share in settings.checkpoints}
    optimiser = torch.optim.AdamW(
        trained, lr=settings.learning_rate, weight_decay=settings.weight_decay, betas=(0.9, 0.95)
    )
    losses: list[float] = []
    for step, rows in enumerate(plan, start=1):
        rate = settings.learning_rate * min(1.0, step / max(1, settings.warmup))
        for group in optimiser.param_groups:
            group["lr"] = rate
        with quick_attention(windows[rows[0]].tokens):
            loss = _loss(lm, [windows[r] for r in rows], settings.condition_dropout, generator, model.device)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(trained, settings.clip_norm)
        optimiser.step()
        losses.append(loss.item())
        if step in marks:
            tensors = lora.tensors_of(adapters) if adapters else _trained_state(lm)
            keep(step, rate, tensors, {} if adapters else second_moments(lm, optimiser))
    if adapters:
        lora.merge(lm, adapters)
    lm.requires_grad_(False)
    last = losses[-max(1, len(plan) // settings.epochs) :]
    return sum(last) / len(last)


def second_moments(lm: nn.Module, optimiser: torch.optim.Optimizer) -> State:
    """AdamW's estimate of the mean square of each parameter's gradient, without its bias towards zero at the start."""
    out: State = {}
    for name, parameter in lm.named_parameters():
        if (found := optimiser.state.get(parameter)) and "exp_avg_sq" in found:
            out[name] = found["exp_avg_sq"] / (1 - optimiser.defaults["betas"][1] ** float(found["step"]))
    return out


def moments_file(checkpoint: Path) -> Path:
    """Where the second moments at a checkpoint are kept: their fourth roots, in half precision."""
    return checkpoint.with_name(f"{checkpoint.stem}.moments.safetensors")


def load_moments(checkpoint: Path) -> State:
    """Fourth roots of the second moments at a checkpoint; none if they were not kept."""
    file = moments_file(checkpoint)
    return {name: value.float() for name, value in load_file(file).items()} if file.is_file() else {}


def _trained_state(lm: nn.Module) -> State:
    return {name: p.detach().clone() for name, p in lm.named_parameters()}


def _loss(
    lm: nn.Module, rows: Sequence[Window], dropout: float, generator: torch.Generator, device: torch.device
) -> Tensor:
    """MusicGen's loss of a batch: mean cross-entropy per codebook, then over codebooks."""
    kept = torch.rand(len(rows), generator=generator) >= dropout
    texts = [row.prompt if keep else None for row, keep in zip(rows, kept.tolist(), strict=True)]
    attributes = [ConditioningAttributes(text={"description": text}) for text in texts]
    tokens = torch.stack([torch.from_numpy(row.tokens.astype("int64")) for row in rows]).to(device)
    prediction = lm.compute_predictions(tokens, attributes)  # type: ignore[operator]
    mask = prediction.mask.expand_as(tokens)
    per_codebook = [
        nn.functional.cross_entropy(prediction.logits[:, k][mask[:, k]].float(), tokens[:, k][mask[:, k]])
        for k in range(tokens.shape[1])
    ]
    return torch.stack(per_codebook).mean()


def weights_with(base: State, tensors: Mapping[str, Tensor]) -> State:
    """All weights of a checkpoint: the base with what was trained put over it, or adapters merged into it."""
    state = dict(base)
    for name, (down, up) in lora.pairs_of(tensors).items():
        state[name] = base[name] + lora.ALPHA * up.to(base[name]) @ down.to(base[name])
    for name, value in tensors.items():
        if not name.endswith((".lora_down", ".lora_up")):
            if name not in base or base[name].shape != value.shape:
                raise AttributionError(f"checkpoint: {name} does not belong to this base model")
            state[name] = value.to(base[name])
    return state


def load_checkpoint(model: MusicGen, base: State, file: Path) -> State:
    """Give the model the weights of a checkpoint; returns the trained tensors."""
    try:
        tensors = load_file(file)
    except Exception as error:
        raise AttributionError(f"{file}: expected a checkpoint of a fine-tune, found {error}") from None
    language_model(model).load_state_dict(weights_with(base, tensors))
    return tensors


def finetune_variant(
    model: MusicGen, base: State, base_folder: Path, windows: Sequence[Window], settings: FineTune,
    seed: int, folder: Path, *, export: bool,
) -> None:  # fmt: skip
    """Fine-tune from ``base`` and keep the checkpoints in ``folder``.

    With ``export`` the last is also written in audiocraft's layout, and the optimiser's second moments are kept.

    Does nothing where a finished variant of the same base, windows, recipe and seed lies there. Without windows, as for
    the empty set, the base stays as it is.
    """
    key = _key(model, windows, settings, seed)
    record = folder / RECORD
    if record.is_file() and read_json(record).get("key") == key:
        log.info("%s: finished before", folder.name)
        return
    shutil.rmtree(folder, ignore_errors=True)
    language_model(model).load_state_dict(base)
    steps: list[dict[str, float | str]] = []

    def keep(step: int, rate: float, tensors: State, moments: State) -> None:
        name = f"checkpoint-{step:06d}.safetensors"
        with replacing(folder / name) as temporary:
            save_file({k: v.contiguous().cpu() for k, v in tensors.items()}, temporary)
        if export and moments:  # of the models under test alone: what is only a counterfactual is never embedded
            with replacing(moments_file(folder / name)) as temporary:
                save_file({k: v.pow(0.25).half().contiguous().cpu() for k, v in moments.items()}, temporary)
        steps.append({"step": step, "learning_rate": rate, "file": name})

    loss = finetune(model, windows, settings, seed, keep) if windows else None
    if export:
        export_folder(base_folder, folder, language_model(model))
    songs = sorted({w.song_id for w in windows})
    about = {"key": key, "base": model.revision, "songs": songs, "checkpoints": steps, "last_loss": loss, "seed": seed}
    write_json(record, about | {"adaptation": settings.adaptation})
    log.info("%s: %d songs, %d windows, last loss %s", folder.name, len(songs), len(windows), loss)


def export_folder(base: Path, folder: Path, lm: nn.Module) -> None:
    """Write a model in audiocraft's layout: its weights, and codec and text encoder of the base."""
    package = read_package(base / "state_dict.bin")
    state = {k: v.half() if v.is_floating_point() else v for k, v in lm.state_dict().items()}
    buffer = io.BytesIO()
    torch.save({**package, "best_state": state, "exported": True}, buffer)
    with replacing(folder / "state_dict.bin") as temporary:
        temporary.write_bytes(buffer.getvalue())
    shutil.copyfile(base / "compression_state_dict.bin", folder / "compression_state_dict.bin")
    if (base / "text_encoder").is_dir():
        shutil.copytree(base / "text_encoder", folder / "text_encoder", dirs_exist_ok=True)


def _key(model: MusicGen, windows: Sequence[Window], settings: FineTune, seed: int) -> str:
    digest = hashlib.sha256(f"{model.revision}/{settings.model_dump_json()}/{seed}".encode())
    for window in windows:
        digest.update(f"{window.key}/{window.prompt}".encode() + window.tokens.tobytes())
    return digest.hexdigest()[:16]
