"""Random weights that show mistakes: no two values alike, statistics far from 0 and 1."""

import numpy as np

#: Set by `adapt` or by the constructor, or no weight of the forward pass at all.
KEPT = ("count", "seed_generator_state", "iteration", "learning_rate")


def leaf_name(weight) -> str:
    return weight.name.split("/")[-1].split(":")[0]


def random_weights(model, rng) -> None:
    """Draws every weight of `model` so that values keep their size from layer to layer."""
    normalizations = {
        id(w) for l in every_layer(model) if type(l).__name__ == "Normalization" for w in l.weights
    }
    for weight in model.weights:
        name, shape = leaf_name(weight), tuple(weight.shape)
        if (
            name in KEPT
            or id(weight) in normalizations
            or weight.dtype in ("uint32", "int32", "int64")
        ):
            continue
        weight.assign(draw(name, shape, rng).astype("float32"))


def draw(name, shape, rng):
    if name in ("gamma", "moving_variance", "scale", "attention_v", "concat_score_weight"):
        return rng.uniform(0.5, 1.5, shape)
    if name in ("beta", "moving_mean", "bias") or name.endswith("bias"):
        return rng.normal(0, 0.4, shape)
    if name == "alpha":
        return rng.uniform(0.05, 0.6, shape)
    if name in ("embeddings", "vector_u", "sn_u"):
        return rng.normal(0, 1, shape)
    fan_in = int(np.prod(shape[:-1])) or 1
    return rng.normal(0, 1.2 / np.sqrt(fan_in), shape)


def every_layer(model):
    for layer in getattr(model, "layers", []):
        yield layer
        yield from every_layer(layer)
