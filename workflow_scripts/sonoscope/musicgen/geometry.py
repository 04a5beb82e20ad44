"""audiocraft configurations of small MusicGens, written in code.

The trees have the form of audiocraft's own ``config/model`` files, so that its builders, and
``MusicGen.get_pretrained`` on a folder saved with them, treat these models like published ones.
"""

from typing import Any

from omegaconf import DictConfig, OmegaConf

from sonoscope.settings.geometry import CodecGeometry, LanguageModelGeometry


def codec_config(g: CodecGeometry) -> DictConfig:
    """Configuration that ``audiocraft.models.builders.get_compression_model`` takes."""
    return OmegaConf.create(
        {
            "compression_model": "encodec",
            "device": "cpu",
            "dtype": "float32",
            "sample_rate": g.sample_rate,
            "channels": 1,
            "encodec": {
                "autoencoder": "seanet",
                "quantizer": "rvq",
                "sample_rate": g.sample_rate,
                "channels": 1,
                "causal": False,
                "renormalize": False,
            },
            "seanet": {
                "dimension": g.dim,
                "channels": 1,
                "causal": False,
                "n_filters": g.filters,
                "n_residual_layers": 1,
                "ratios": list(g.ratios),
                "activation": "ELU",
                "activation_params": {"alpha": 1.0},
                "norm": "weight_norm",
                "norm_params": {},
                "kernel_size": 7,
                "residual_kernel_size": 3,
                "last_kernel_size": 7,
                "dilation_base": 2,
                "pad_mode": "constant",
                "true_skip": True,
                "compress": 2,
                "lstm": g.lstm_layers,
                "disable_norm_outer_blocks": 0,
                "decoder": {"trim_right_ratio": 1.0, "final_activation": None, "final_activation_params": None},
                "encoder": {},
            },
            "rvq": {
                "n_q": g.codebooks,
                "q_dropout": False,
                "bins": g.cardinality,
                "decay": 0.99,
                # k-means leaves all-zero codebooks until the first training batch; training sets this itself
                "kmeans_init": False,
                "kmeans_iters": 10,
                "threshold_ema_dead_code": 2,
                "orthogonal_reg_weight": 0.0,
                "orthogonal_reg_active_codes_only": False,
            },
            "no_quant": {},
        }
    )


def lm_config(g: LanguageModelGeometry, sample_rate: int, text_encoder: str) -> DictConfig:
    """Configuration that ``audiocraft.models.builders.get_lm_model`` takes.

    Parameters
    ----------
    g : LanguageModelGeometry
    sample_rate : int
        Of the codec, in hertz.
    text_encoder : str
        Folder of a T5 encoder, relative to the repository or absolute.
    """
    tree: dict[str, Any] = {
        "solver": "musicgen",
        "device": "cpu",
        "dtype": "float32",
        "sample_rate": sample_rate,
        "channels": 1,
        "lm_model": "transformer_lm",
        "compression_model_checkpoint": None,
        "compression_model_n_q": None,
        "interleave_stereo_codebooks": {"use": False, "per_timestep": False},
        "codebooks_pattern": {
            "modeling": "delay",
            "delay": {"delays": list(range(g.codebooks)), "flatten_first": 0, "empty_initial": 0},
        },
        "transformer_lm": {
            "dim": g.dim,
            "num_heads": g.heads,
            "num_layers": g.layers,
            "hidden_scale": 4,
            "n_q": g.codebooks,
            "card": g.codebook_cardinality,
            "dropout": 0.0,
            "emb_lr": None,
            "activation": "gelu",
            "norm_first": True,
            "bias_ff": False,
            "bias_attn": False,
            "bias_proj": False,
            "past_context": None,
            "causal": True,
            "custom": False,
            "memory_efficient": True,
            "attention_as_float32": False,
            "layer_scale": None,
            "positional_embedding": "sin",
            "xpos": False,
            "checkpointing": "none",
            "weight_init": "gaussian",
            "depthwise_init": "current",
            "zero_bias_init": True,
            "norm": "layer_norm",
            "cross_attention": False,
            "qk_layer_norm": False,
            "qk_layer_norm_cross": False,
            "attention_dropout": None,
            "kv_repeat": 1,
            "two_step_cfg": False,
        },
        "classifier_free_guidance": {"training_dropout": g.condition_dropout, "inference_coef": g.guidance},
        "attribute_dropout": {},
        "fuser": {
            "cross_attention_pos_emb": False,
            "cross_attention_pos_emb_scale": 1,
            "sum": [],
            "prepend": [],
            "cross": ["description"],
            "input_interpolate": [],
        },
        "conditioners": {
            "description": {
                "model": "t5",
                "t5": {"name": text_encoder, "finetune": False, "word_dropout": 0.0, "normalize_text": False},
            }
        },
        "dataset": {"segment_duration": g.max_seconds},
    }
    return OmegaConf.create(tree)
