"""Normalisation."""

import tensorflow as tf

from cases.table import IMAGE, KERAS, SIGNAL, VOLUME, functional, options_of, sequential

options_of(
    "BatchNormalization",
    IMAGE,
    {
        "plain": dict(),
        "epsilon": dict(epsilon=0.1),
        "no-scale": dict(scale=False),
        "no-center": dict(center=False),
        "neither": dict(scale=False, center=False),
        "axis-1": dict(axis=1),
    },
)
sequential("BatchNormalization-dense", (5,), lambda L: L.BatchNormalization())
sequential("BatchNormalization-sequence", SIGNAL, lambda L: L.BatchNormalization())
sequential("BatchNormalization-volume", VOLUME, lambda L: L.BatchNormalization())
sequential(
    "BatchNormalization-folds-into-Conv2D",
    IMAGE,
    lambda L: [L.Conv2D(4, 3, use_bias=False), L.BatchNormalization(), L.ReLU()],
    every_format=True,
)
sequential(
    "BatchNormalization-folds-into-biased-Conv2D",
    IMAGE,
    lambda L: [L.Conv2D(4, 3), L.BatchNormalization()],
)
sequential(
    "BatchNormalization-after-activation",
    IMAGE,
    lambda L: [L.Conv2D(4, 3, activation="relu"), L.BatchNormalization()],
)
sequential(
    "BatchNormalization-folds-into-DepthwiseConv2D",
    IMAGE,
    lambda L: [L.DepthwiseConv2D(3, depth_multiplier=2, use_bias=False), L.BatchNormalization()],
)
sequential(
    "BatchNormalization-folds-into-SeparableConv2D",
    IMAGE,
    lambda L: [L.SeparableConv2D(4, 3, use_bias=False), L.BatchNormalization()],
)
sequential(
    "BatchNormalization-folds-into-Conv2DTranspose",
    IMAGE,
    lambda L: [L.Conv2DTranspose(4, 3, strides=2, use_bias=False), L.BatchNormalization()],
)
sequential(
    "BatchNormalization-folds-into-grouped-Conv2D",
    IMAGE,
    lambda L: [L.Conv2D(6, 3, groups=3), L.BatchNormalization()],
)
sequential(
    "BatchNormalization-folds-into-Conv1D",
    SIGNAL,
    lambda L: [L.Conv1D(4, 3), L.BatchNormalization()],
)
sequential(
    "BatchNormalization-folds-into-Conv3D",
    VOLUME,
    lambda L: [L.Conv3D(4, 2), L.BatchNormalization()],
)
sequential(
    "BatchNormalization-folds-into-Dense",
    (5,),
    lambda L: [L.Dense(4), L.BatchNormalization(), L.ReLU()],
)
sequential(
    "BatchNormalization-before-padded-Conv2D",
    IMAGE,
    lambda L: [L.BatchNormalization(), L.Conv2D(4, 3, padding="same")],
)
sequential(
    "BatchNormalization-across-padding",
    IMAGE,
    lambda L: [L.Conv2D(4, 1), L.ZeroPadding2D(1), L.BatchNormalization(), L.Conv2D(2, 3)],
)


def shared_convolution_with_two_norms(k, x):
    y = k.layers.Conv2D(4, 3, use_bias=False)(x)
    return [k.layers.BatchNormalization()(y), k.layers.BatchNormalization()(y), y]


functional("BatchNormalization-twice-on-one-Conv2D", IMAGE, shared_convolution_with_two_norms)


def one_norm_on_two_convolutions(k, x):
    norm = k.layers.BatchNormalization()
    return k.layers.Add()([norm(k.layers.Conv2D(4, 3)(x)), norm(k.layers.Conv2D(4, 3)(x))])


functional("BatchNormalization-shared", IMAGE, one_norm_on_two_convolutions)
options_of(
    "LayerNormalization",
    (4, 5, 6),
    {
        "plain": dict(),
        "axes": dict(axis=[1, 2]),
        "axis-1": dict(axis=1),
        "no-scale": dict(scale=False, epsilon=0.01),
        "no-center": dict(center=False),
    },
)
sequential(
    "LayerNormalization-rms-scaling",
    (4, 6),
    lambda L: L.LayerNormalization(rms_scaling=True),
    dialects=(KERAS,),
)
sequential("RMSNormalization", (4, 6), lambda L: L.RMSNormalization(), dialects=(KERAS,))
options_of(
    "GroupNormalization",
    (5, 4, 6),
    {
        "plain": dict(groups=3),
        "instance": dict(groups=-1),
        "layer": dict(groups=1, epsilon=0.01),
        "no-scale-no-center": dict(groups=2, scale=False, center=False),
        "axis-1": dict(groups=2, axis=2),
    },
)
sequential("GroupNormalization-sequence", (5, 6), lambda L: L.GroupNormalization(groups=2))
options_of("UnitNormalization", (4, 5), {"plain": dict(), "axes": dict(axis=[1, 2])})
sequential(
    "Normalization-given",
    (4, 3),
    lambda L: L.Normalization(mean=[0.5, -1, 2], variance=[1, 4, 0.25]),
    every_format=True,
)
sequential(
    "Normalization-scalar", (4, 3), lambda L: L.Normalization(axis=None, mean=0.5, variance=4.0)
)
sequential(
    "Normalization-invert",
    (4, 3),
    lambda L: L.Normalization(mean=[0.5, -1, 2], variance=[1, 4, 0.25], invert=True),
)


def adapted(axis):
    def layers(L):
        norm = L.Normalization(axis=axis)
        norm.adapt(
            tf.random.stateless_normal((20, 4, 3), (1, 2)) * [1.0, 2.0, 3.0] + [0.0, 5.0, 1.0]
        )
        return norm

    return layers


sequential("Normalization-adapted", (4, 3), adapted(-1), every_format=True)
sequential("Normalization-adapted-scalar", (4, 3), adapted(None))
sequential(
    "SpectralNormalization",
    IMAGE,
    lambda L: L.SpectralNormalization(L.Conv2D(4, 3)),
    dialects=(KERAS,),
)
