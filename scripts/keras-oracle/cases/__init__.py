"""The table of small Keras models: what `cutover compile` must answer exactly as Keras does."""

from cases import (
    dense,
    convolution,
    pooling,
    normalization,
    activation,
    merging,
    shape,
    preprocessing,
    recurrent,
    attention,
    structure,
    operation,
    refused,
)
from cases.table import CASES, KERAS, TF_KERAS

__all__ = [
    "CASES",
    "KERAS",
    "TF_KERAS",
    "dense",
    "convolution",
    "pooling",
    "normalization",
    "activation",
    "merging",
    "shape",
    "preprocessing",
    "recurrent",
    "attention",
    "structure",
    "operation",
    "refused",
]
