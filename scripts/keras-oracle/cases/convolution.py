"""Convolutions."""

from cases.table import IMAGE, Input, KERAS, SIGNAL, TF_KERAS, VOLUME, options_of, sequential

options_of(
    "Conv1D",
    SIGNAL,
    {
        "valid": dict(filters=3, kernel_size=3),
        "same-strides": dict(filters=3, kernel_size=4, strides=2, padding="same"),
        "causal": dict(filters=3, kernel_size=3, padding="causal"),
        "causal-dilated": dict(
            filters=3, kernel_size=3, padding="causal", dilation_rate=2, activation="relu"
        ),
        "causal-strides": dict(filters=3, kernel_size=4, padding="causal", strides=3),
        "dilated-same": dict(filters=3, kernel_size=3, padding="same", dilation_rate=3),
        "groups": dict(filters=4, kernel_size=3, groups=2, use_bias=False),
    },
)
options_of(
    "Conv2D",
    IMAGE,
    {
        "valid": dict(filters=4, kernel_size=3),
        "same": dict(filters=4, kernel_size=3, padding="same", activation="relu"),
        "same-even-kernel": dict(filters=4, kernel_size=(2, 4), padding="same"),
        "same-strides-2": dict(filters=4, kernel_size=3, padding="same", strides=2),
        "same-strides-differ": dict(filters=4, kernel_size=5, padding="same", strides=(3, 2)),
        "valid-strides-differ": dict(filters=4, kernel_size=(2, 3), strides=(2, 3)),
        "dilated": dict(filters=4, kernel_size=3, dilation_rate=2),
        "dilated-same-differ": dict(filters=4, kernel_size=3, dilation_rate=(2, 3), padding="same"),
        "pointwise-no-bias": dict(filters=4, kernel_size=1, use_bias=False, activation="swish"),
        "pointwise-strides": dict(filters=4, kernel_size=1, strides=2, padding="same"),
        "groups": dict(filters=6, kernel_size=3, groups=3, padding="same"),
        "softmax": dict(filters=4, kernel_size=1, activation="softmax"),
    },
)
sequential(
    "Conv2D-channels-first",
    (3, 9, 8),
    lambda L: L.Conv2D(4, 3, padding="same", data_format="channels_first"),
    dialects=(KERAS,),
)
sequential(
    "Conv2D-open-size",
    Input((9, 8, 3), declared=(None, None, 3)),
    lambda L: L.Conv2D(4, 3, padding="same", activation="relu"),
)
sequential(
    "Conv2D-open-size-strides",
    Input((9, 8, 3), declared=(None, None, 3)),
    lambda L: [
        L.Conv2D(4, 3, padding="same", strides=2),
        L.DepthwiseConv2D(2, padding="same", strides=2),
        L.MaxPooling2D(2, padding="same"),
        L.GlobalAveragePooling2D(),
        L.Dense(2),
    ],
)
options_of(
    "Conv3D",
    VOLUME,
    {
        "valid": dict(filters=3, kernel_size=2),
        "same-strides": dict(filters=3, kernel_size=3, padding="same", strides=(2, 1, 3)),
        "dilated-groups": dict(filters=4, kernel_size=2, dilation_rate=2, groups=2),
    },
)
options_of(
    "Conv1DTranspose",
    SIGNAL,
    {
        "valid": dict(filters=3, kernel_size=3),
        "same-strides": dict(filters=3, kernel_size=3, strides=2, padding="same"),
        "valid-strides-above-kernel": dict(filters=3, kernel_size=2, strides=3),
        "dilated": dict(filters=3, kernel_size=3, dilation_rate=2),
        "output-padding": dict(
            filters=3, kernel_size=3, strides=2, padding="same", output_padding=0
        ),
    },
)
options_of(
    "Conv2DTranspose",
    (5, 4, 3),
    {
        "valid": dict(filters=4, kernel_size=3),
        "same": dict(filters=4, kernel_size=3, padding="same"),
        "same-strides-2": dict(
            filters=4, kernel_size=3, padding="same", strides=2, activation="relu"
        ),
        "same-even-kernel": dict(
            filters=4, kernel_size=4, padding="same", strides=2, use_bias=False
        ),
        "same-kernel-2": dict(filters=4, kernel_size=2, padding="same", strides=2),
        "same-strides-above-kernel": dict(filters=4, kernel_size=2, padding="same", strides=3),
        "valid-strides-differ": dict(filters=4, kernel_size=(3, 2), strides=(2, 3)),
        "valid-strides-above-kernel": dict(filters=4, kernel_size=2, strides=3),
        "output-padding-same": dict(
            filters=4, kernel_size=3, strides=2, padding="same", output_padding=1
        ),
        "output-padding-valid": dict(
            filters=4, kernel_size=3, strides=2, padding="valid", output_padding=(1, 0)
        ),
        "dilated": dict(filters=4, kernel_size=3, dilation_rate=2),
        "dilated-same": dict(filters=4, kernel_size=3, dilation_rate=2, padding="same"),
    },
)
options_of(
    "Conv3DTranspose",
    (3, 2, 4, 2),
    {
        "valid": dict(filters=3, kernel_size=2),
        "same-strides": dict(filters=3, kernel_size=3, padding="same", strides=2),
        "valid-strides-differ": dict(filters=3, kernel_size=2, strides=(1, 2, 3)),
    },
)
options_of(
    "DepthwiseConv1D",
    SIGNAL,
    {
        "valid": dict(kernel_size=3),
        "same-multiplier": dict(kernel_size=3, padding="same", depth_multiplier=2, strides=2),
        "dilated": dict(kernel_size=3, dilation_rate=2, activation="relu"),
    },
)
options_of(
    "DepthwiseConv2D",
    IMAGE,
    {
        "valid": dict(kernel_size=3),
        "same-strides-2": dict(kernel_size=3, padding="same", strides=2),
        "multiplier": dict(kernel_size=(3, 2), depth_multiplier=3, activation="relu6"),
        "dilated-same": dict(kernel_size=3, dilation_rate=2, padding="same", use_bias=False),
    },
)
options_of(
    "SeparableConv1D",
    SIGNAL,
    {
        "valid": dict(filters=3, kernel_size=3),
        "same-multiplier": dict(
            filters=3, kernel_size=3, padding="same", depth_multiplier=2, strides=2
        ),
    },
)
sequential(
    "SeparableConv1D-causal",
    SIGNAL,
    lambda L: L.SeparableConv1D(3, 3, padding="causal"),
    dialects=(TF_KERAS,),
)
options_of(
    "SeparableConv2D",
    IMAGE,
    {
        "valid": dict(filters=4, kernel_size=3),
        "same-strides-multiplier": dict(
            filters=4,
            kernel_size=3,
            padding="same",
            depth_multiplier=2,
            strides=2,
            activation="relu",
        ),
        "dilated-no-bias": dict(
            filters=4, kernel_size=3, dilation_rate=2, padding="same", use_bias=False
        ),
    },
)
options_of(
    "LocallyConnected2D",
    (5, 4, 3),
    {"valid": dict(filters=2, kernel_size=2)},
    dialects=(TF_KERAS,),
    refuses="LocallyConnected2D",
)
