"""The table of small Keras models: what `cutover compile` must answer exactly as Keras does.

Every case builds with Keras 3 and with tf_keras (`k` is either module, `L` its layers), unless it
names one. Shapes leave out the batch. `refuses` is text that must be in the refusal.
"""

from dataclasses import dataclass
from typing import Any, Callable, Sequence

import tensorflow as tf

KERAS, TF_KERAS = "keras", "tf_keras"
BOTH = (KERAS, TF_KERAS)
BATCH_SHAPE = {KERAS: "batch_shape", TF_KERAS: "batch_input_shape"}


@dataclass(frozen=True)
class Input:
    """Values are normal for floats (or uniform in `low`…`high`) and uniform for integers."""

    shape: tuple
    dtype: str = "float32"
    low: float | None = None
    high: float | None = None
    #: What the model declares, where it leaves dimensions open that the values must have.
    declared: tuple | None = None


@dataclass(frozen=True)
class Case:
    name: str
    inputs: Sequence[Input]
    build: Callable[..., Any]
    dialects: tuple = BOTH
    #: The largest difference from Keras, as a part of the largest expected value.
    tolerance: float = 1e-5
    refuses: str | None = None
    #: Written in every dialect and format, not in one that the name picks.
    every_format: bool = False


CASES: list[Case] = []


def _inputs(shapes) -> list[Input]:
    shapes = shapes if isinstance(shapes, list) else [shapes]
    return [shape if isinstance(shape, Input) else Input(shape) for shape in shapes]


def functional(name, shapes, outputs, **options):
    """`outputs(k, *tensors)` gives the outputs of a Functional model over `shapes`."""
    inputs = _inputs(shapes)

    def build(k):
        tensors = [
            k.Input(i.declared or i.shape, dtype=i.dtype, name=f"input_{n}")
            for n, i in enumerate(inputs)
        ]
        return k.Model(tensors if len(tensors) > 1 else tensors[0], outputs(k, *tensors))

    CASES.append(Case(name, inputs, build, **options))


def sequential(name, shape, layers, **options):
    """`layers(L)` gives the layers (or one) of a Sequential model."""
    [i] = inputs = _inputs(shape)

    def build(k):
        stack = layers(k.layers)
        stack = list(stack) if isinstance(stack, (list, tuple)) else [stack]
        first = k.Input(i.declared or i.shape, dtype=i.dtype)
        return k.Sequential([first, *stack])

    CASES.append(Case(name, inputs, build, **options))


def model(name, shapes, build, **options):
    """`build(k)` gives the model itself."""
    CASES.append(Case(name, _inputs(shapes), build, **options))


def options_of(layer, shape, table, **common):
    """One case of `layer` for each entry of `table`: the options, by the case's name."""
    for number, (name, arguments) in enumerate(table.items()):
        sequential(
            f"{layer}-{name}",
            shape,
            lambda L, arguments=arguments: getattr(L, layer)(**arguments),
            **{"every_format": number == 0, **common},
        )


IMAGE = (9, 8, 3)
SIGNAL = (11, 4)
VOLUME = (6, 5, 7, 2)
TOKENS = Input((6,), "int32", 0, 11)

# --- Dense and its relatives ---------------------------------------------------------------------

options_of("Dense", (5,), {
    "plain": dict(units=4),
    "no-bias": dict(units=4, use_bias=False),
    "relu": dict(units=4, activation="relu"),
    "softmax": dict(units=4, activation="softmax"),
})
sequential("Dense-of-a-sequence", (3, 5), lambda L: L.Dense(4, activation="tanh"))
sequential("Dense-of-an-image", (3, 4, 5), lambda L: L.Dense(2))
sequential("EinsumDense-plain", (3, 5), lambda L: L.EinsumDense("abc,cd->abd", (None, 4), bias_axes="d"), every_format=True)
sequential("EinsumDense-ellipsis", (3, 5), lambda L: L.EinsumDense("...x,xy->...y", (4,), activation="relu"))
sequential("EinsumDense-heads", (3, 6), lambda L: L.EinsumDense("abc,cde->abde", (None, 2, 4), bias_axes="de"))
sequential("EinsumDense-contract-two", (3, 2, 4), lambda L: L.EinsumDense("abcd,cde->abe", (None, 5), bias_axes="e"))
sequential("EinsumDense-mixing", (4, 6), lambda L: L.EinsumDense("abc,bd->adc", (5, 6)))
sequential("Embedding-plain", TOKENS, lambda L: L.Embedding(11, 4), every_format=True)
sequential("Embedding-mask-pooled", TOKENS, lambda L: [L.Embedding(11, 4, mask_zero=True), L.GlobalAveragePooling1D()])
sequential("Embedding-of-floats", Input((6,), "float32", 0, 10), lambda L: L.Embedding(11, 4))
sequential("Embedding-flatten", TOKENS, lambda L: [L.Embedding(11, 3), L.Flatten(), L.Dense(2)])
sequential("ReversibleEmbedding", TOKENS, lambda L: L.ReversibleEmbedding(11, 4), dialects=(KERAS,))

# --- Convolutions --------------------------------------------------------------------------------

options_of("Conv1D", SIGNAL, {
    "valid": dict(filters=3, kernel_size=3),
    "same-strides": dict(filters=3, kernel_size=4, strides=2, padding="same"),
    "causal": dict(filters=3, kernel_size=3, padding="causal"),
    "causal-dilated": dict(filters=3, kernel_size=3, padding="causal", dilation_rate=2, activation="relu"),
    "causal-strides": dict(filters=3, kernel_size=4, padding="causal", strides=3),
    "dilated-same": dict(filters=3, kernel_size=3, padding="same", dilation_rate=3),
    "groups": dict(filters=4, kernel_size=3, groups=2, use_bias=False),
})
options_of("Conv2D", IMAGE, {
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
})
sequential("Conv2D-channels-first", (3, 9, 8), lambda L: L.Conv2D(4, 3, padding="same", data_format="channels_first"), dialects=(KERAS,))
sequential("Conv2D-open-size", Input((9, 8, 3), declared=(None, None, 3)), lambda L: L.Conv2D(4, 3, padding="same", activation="relu"))
sequential("Conv2D-open-size-strides", Input((9, 8, 3), declared=(None, None, 3)), lambda L: [L.Conv2D(4, 3, padding="same", strides=2), L.DepthwiseConv2D(2, padding="same", strides=2), L.MaxPooling2D(2, padding="same"), L.GlobalAveragePooling2D(), L.Dense(2)])
options_of("Conv3D", VOLUME, {
    "valid": dict(filters=3, kernel_size=2),
    "same-strides": dict(filters=3, kernel_size=3, padding="same", strides=(2, 1, 3)),
    "dilated-groups": dict(filters=4, kernel_size=2, dilation_rate=2, groups=2),
})
options_of("Conv1DTranspose", SIGNAL, {
    "valid": dict(filters=3, kernel_size=3),
    "same-strides": dict(filters=3, kernel_size=3, strides=2, padding="same"),
    "valid-strides-above-kernel": dict(filters=3, kernel_size=2, strides=3),
    "dilated": dict(filters=3, kernel_size=3, dilation_rate=2),
    "output-padding": dict(filters=3, kernel_size=3, strides=2, padding="same", output_padding=0),
})
options_of("Conv2DTranspose", (5, 4, 3), {
    "valid": dict(filters=4, kernel_size=3),
    "same": dict(filters=4, kernel_size=3, padding="same"),
    "same-strides-2": dict(filters=4, kernel_size=3, padding="same", strides=2, activation="relu"),
    "same-even-kernel": dict(filters=4, kernel_size=4, padding="same", strides=2, use_bias=False),
    "same-kernel-2": dict(filters=4, kernel_size=2, padding="same", strides=2),
    "same-strides-above-kernel": dict(filters=4, kernel_size=2, padding="same", strides=3),
    "valid-strides-differ": dict(filters=4, kernel_size=(3, 2), strides=(2, 3)),
    "valid-strides-above-kernel": dict(filters=4, kernel_size=2, strides=3),
    "output-padding-same": dict(filters=4, kernel_size=3, strides=2, padding="same", output_padding=1),
    "output-padding-valid": dict(filters=4, kernel_size=3, strides=2, padding="valid", output_padding=(1, 0)),
    "dilated": dict(filters=4, kernel_size=3, dilation_rate=2),
    "dilated-same": dict(filters=4, kernel_size=3, dilation_rate=2, padding="same"),
})
options_of("Conv3DTranspose", (3, 2, 4, 2), {
    "valid": dict(filters=3, kernel_size=2),
    "same-strides": dict(filters=3, kernel_size=3, padding="same", strides=2),
    "valid-strides-differ": dict(filters=3, kernel_size=2, strides=(1, 2, 3)),
})
options_of("DepthwiseConv1D", SIGNAL, {
    "valid": dict(kernel_size=3),
    "same-multiplier": dict(kernel_size=3, padding="same", depth_multiplier=2, strides=2),
    "dilated": dict(kernel_size=3, dilation_rate=2, activation="relu"),
})
options_of("DepthwiseConv2D", IMAGE, {
    "valid": dict(kernel_size=3),
    "same-strides-2": dict(kernel_size=3, padding="same", strides=2),
    "multiplier": dict(kernel_size=(3, 2), depth_multiplier=3, activation="relu6"),
    "dilated-same": dict(kernel_size=3, dilation_rate=2, padding="same", use_bias=False),
})
options_of("SeparableConv1D", SIGNAL, {
    "valid": dict(filters=3, kernel_size=3),
    "same-multiplier": dict(filters=3, kernel_size=3, padding="same", depth_multiplier=2, strides=2),
})
sequential("SeparableConv1D-causal", SIGNAL, lambda L: L.SeparableConv1D(3, 3, padding="causal"), dialects=(TF_KERAS,))
options_of("SeparableConv2D", IMAGE, {
    "valid": dict(filters=4, kernel_size=3),
    "same-strides-multiplier": dict(filters=4, kernel_size=3, padding="same", depth_multiplier=2, strides=2, activation="relu"),
    "dilated-no-bias": dict(filters=4, kernel_size=3, dilation_rate=2, padding="same", use_bias=False),
})
options_of("LocallyConnected2D", (5, 4, 3), {"valid": dict(filters=2, kernel_size=2)}, dialects=(TF_KERAS,), refuses="LocallyConnected2D")

# --- Pooling -------------------------------------------------------------------------------------

for pool in ("MaxPooling", "AveragePooling"):
    options_of(f"{pool}1D", SIGNAL, {
        "plain": dict(pool_size=2),
        "same": dict(pool_size=3, strides=2, padding="same"),
    })
    options_of(f"{pool}2D", IMAGE, {
        "plain": dict(pool_size=2),
        "same": dict(pool_size=3, strides=2, padding="same"),
        "same-differ": dict(pool_size=(2, 3), strides=(3, 1), padding="same"),
        "overlapping": dict(pool_size=3, strides=1),
        "same-strides-1": dict(pool_size=3, strides=1, padding="same"),
        "channels-first": dict(pool_size=2, data_format="channels_first"),
    })
    options_of(f"{pool}3D", VOLUME, {
        "plain": dict(pool_size=2),
        "same": dict(pool_size=(2, 3, 2), strides=(1, 2, 3), padding="same"),
    })
for pool in ("GlobalMaxPooling", "GlobalAveragePooling"):
    for dimensions, shape in ((1, SIGNAL), (2, IMAGE), (3, VOLUME)):
        options_of(f"{pool}{dimensions}D", shape, {"plain": dict(), "keepdims": dict(keepdims=True)})
    sequential(f"{pool}2D-channels-first", IMAGE, lambda L, pool=pool: getattr(L, f"{pool}2D")(data_format="channels_first"))
sequential("AdaptiveAveragePooling2D", IMAGE, lambda L: L.AdaptiveAveragePooling2D((3, 4)), dialects=(KERAS,))
sequential("AdaptiveMaxPooling2D", IMAGE, lambda L: L.AdaptiveMaxPooling2D((3, 4)), dialects=(KERAS,))

# --- Normalisation -------------------------------------------------------------------------------

options_of("BatchNormalization", IMAGE, {
    "plain": dict(),
    "epsilon": dict(epsilon=0.1),
    "no-scale": dict(scale=False),
    "no-center": dict(center=False),
    "neither": dict(scale=False, center=False),
    "axis-1": dict(axis=1),
})
sequential("BatchNormalization-dense", (5,), lambda L: L.BatchNormalization())
sequential("BatchNormalization-sequence", SIGNAL, lambda L: L.BatchNormalization())
sequential("BatchNormalization-volume", VOLUME, lambda L: L.BatchNormalization())
sequential("BatchNormalization-folds-into-Conv2D", IMAGE, lambda L: [L.Conv2D(4, 3, use_bias=False), L.BatchNormalization(), L.ReLU()], every_format=True)
sequential("BatchNormalization-folds-into-biased-Conv2D", IMAGE, lambda L: [L.Conv2D(4, 3), L.BatchNormalization()])
sequential("BatchNormalization-after-activation", IMAGE, lambda L: [L.Conv2D(4, 3, activation="relu"), L.BatchNormalization()])
sequential("BatchNormalization-folds-into-DepthwiseConv2D", IMAGE, lambda L: [L.DepthwiseConv2D(3, depth_multiplier=2, use_bias=False), L.BatchNormalization()])
sequential("BatchNormalization-folds-into-SeparableConv2D", IMAGE, lambda L: [L.SeparableConv2D(4, 3, use_bias=False), L.BatchNormalization()])
sequential("BatchNormalization-folds-into-Conv2DTranspose", IMAGE, lambda L: [L.Conv2DTranspose(4, 3, strides=2, use_bias=False), L.BatchNormalization()])
sequential("BatchNormalization-folds-into-grouped-Conv2D", IMAGE, lambda L: [L.Conv2D(6, 3, groups=3), L.BatchNormalization()])
sequential("BatchNormalization-folds-into-Conv1D", SIGNAL, lambda L: [L.Conv1D(4, 3), L.BatchNormalization()])
sequential("BatchNormalization-folds-into-Conv3D", VOLUME, lambda L: [L.Conv3D(4, 2), L.BatchNormalization()])
sequential("BatchNormalization-folds-into-Dense", (5,), lambda L: [L.Dense(4), L.BatchNormalization(), L.ReLU()])
sequential("BatchNormalization-before-padded-Conv2D", IMAGE, lambda L: [L.BatchNormalization(), L.Conv2D(4, 3, padding="same")])
sequential("BatchNormalization-across-padding", IMAGE, lambda L: [L.Conv2D(4, 1), L.ZeroPadding2D(1), L.BatchNormalization(), L.Conv2D(2, 3)])


def shared_convolution_with_two_norms(k, x):
    y = k.layers.Conv2D(4, 3, use_bias=False)(x)
    return [k.layers.BatchNormalization()(y), k.layers.BatchNormalization()(y), y]


functional("BatchNormalization-twice-on-one-Conv2D", IMAGE, shared_convolution_with_two_norms)


def one_norm_on_two_convolutions(k, x):
    norm = k.layers.BatchNormalization()
    return k.layers.Add()([norm(k.layers.Conv2D(4, 3)(x)), norm(k.layers.Conv2D(4, 3)(x))])


functional("BatchNormalization-shared", IMAGE, one_norm_on_two_convolutions)
options_of("LayerNormalization", (4, 5, 6), {
    "plain": dict(),
    "axes": dict(axis=[1, 2]),
    "axis-1": dict(axis=1),
    "no-scale": dict(scale=False, epsilon=0.01),
    "no-center": dict(center=False),
})
sequential("LayerNormalization-rms-scaling", (4, 6), lambda L: L.LayerNormalization(rms_scaling=True), dialects=(KERAS,))
sequential("RMSNormalization", (4, 6), lambda L: L.RMSNormalization(), dialects=(KERAS,))
options_of("GroupNormalization", (5, 4, 6), {
    "plain": dict(groups=3),
    "instance": dict(groups=-1),
    "layer": dict(groups=1, epsilon=0.01),
    "no-scale-no-center": dict(groups=2, scale=False, center=False),
    "axis-1": dict(groups=2, axis=2),
})
sequential("GroupNormalization-sequence", (5, 6), lambda L: L.GroupNormalization(groups=2))
options_of("UnitNormalization", (4, 5), {"plain": dict(), "axes": dict(axis=[1, 2])})
sequential("Normalization-given", (4, 3), lambda L: L.Normalization(mean=[0.5, -1, 2], variance=[1, 4, 0.25]), every_format=True)
sequential("Normalization-scalar", (4, 3), lambda L: L.Normalization(axis=None, mean=0.5, variance=4.0))
sequential("Normalization-invert", (4, 3), lambda L: L.Normalization(mean=[0.5, -1, 2], variance=[1, 4, 0.25], invert=True))


def adapted(axis):
    def layers(L):
        norm = L.Normalization(axis=axis)
        norm.adapt(tf.random.stateless_normal((20, 4, 3), (1, 2)) * [1.0, 2.0, 3.0] + [0.0, 5.0, 1.0])
        return norm

    return layers


sequential("Normalization-adapted", (4, 3), adapted(-1), every_format=True)
sequential("Normalization-adapted-scalar", (4, 3), adapted(None))
sequential("SpectralNormalization", IMAGE, lambda L: L.SpectralNormalization(L.Conv2D(4, 3)), dialects=(KERAS,))

# --- Activations ---------------------------------------------------------------------------------

VALUES = Input((5, 7), low=-4, high=4)
for activation in (
    "elu exponential gelu hard_sigmoid linear mish relu selu sigmoid softmax softplus softsign "
    "swish tanh"
).split():
    sequential(f"activation-{activation}", VALUES, lambda L, a=activation: L.Activation(a))
for activation in (
    "celu glu hard_shrink hard_silu hard_swish hard_tanh leaky_relu log_sigmoid log_softmax relu6 "
    "silu soft_shrink sparse_plus sparse_sigmoid sparsemax squareplus tanh_shrink"
).split():
    sequential(
        f"activation-{activation}",
        Input((5, 6), low=-4, high=4),
        lambda L, a=activation: L.Activation(a),
        dialects=(KERAS,),
    )
options_of("ReLU", VALUES, {
    "plain": dict(),
    "max": dict(max_value=2.5),
    "slope": dict(negative_slope=0.2),
    "threshold": dict(threshold=0.7),
    "everything": dict(max_value=3, negative_slope=0.1, threshold=0.5),
})
sequential("LeakyReLU-plain", VALUES, lambda L: L.LeakyReLU(), every_format=True)
sequential("LeakyReLU-slope", VALUES, lambda L: L.LeakyReLU(0.05))
sequential("ELU", VALUES, lambda L: L.ELU(alpha=0.7), every_format=True)
options_of("PReLU", IMAGE, {"plain": dict(), "shared": dict(shared_axes=[1, 2]), "shared-one": dict(shared_axes=[2])})
options_of("Softmax", (4, 5), {"plain": dict(), "axis-1": dict(axis=1), "axes": dict(axis=[1, 2])})
options_of("ThresholdedReLU", VALUES, {"plain": dict(theta=0.8)}, dialects=(TF_KERAS,))
sequential("activation-channels-softmax", IMAGE, lambda L: L.Activation("softmax"))
sequential("activation-as-function", VALUES, lambda L: [L.Dense(4, activation=tf.nn.relu), L.Dense(3, activation=tf.nn.sigmoid)], dialects=(TF_KERAS,))

# --- Merging -------------------------------------------------------------------------------------

for merge in "Add Multiply Average Maximum Minimum Concatenate".split():
    functional(f"{merge}-three", [(4, 3)] * 3, lambda k, *x, m=merge: getattr(k.layers, m)()(list(x)), every_format=True)
functional("Subtract", [(4, 3)] * 2, lambda k, x, y: k.layers.Subtract()([x, y]), every_format=True)
functional("Add-broadcast", [(4, 3), (1, 3)], lambda k, x, y: k.layers.Add()([x, y]))
functional("Multiply-squeeze-and-excite", [(4, 5, 3), (1, 1, 3)], lambda k, x, y: k.layers.Multiply()([x, y]))
functional("Add-ranks-differ", [(4, 3), (3,)], lambda k, x, y: k.layers.Add()([x, y]))
functional("Concatenate-axis-1", [(4, 3), (2, 3)], lambda k, x, y: k.layers.Concatenate(axis=1)([x, y]))
functional("Concatenate-images", [(4, 3, 2), (4, 3, 5)], lambda k, x, y: k.layers.Concatenate()([x, y]))
functional("Dot-axes-1", [(4,), (4,)], lambda k, x, y: k.layers.Dot(axes=1)([x, y]), every_format=True)
functional("Dot-normalize", [(4,), (4,)], lambda k, x, y: k.layers.Dot(axes=-1, normalize=True)([x, y]))
functional("Dot-axes-differ", [(4, 3), (5, 4)], lambda k, x, y: k.layers.Dot(axes=(1, 2))([x, y]))

# --- Shapes --------------------------------------------------------------------------------------

options_of("Reshape", (4, 6), {
    "plain": dict(target_shape=(3, 8)),
    "open": dict(target_shape=(-1, 4)),
    "image": dict(target_shape=(2, 3, 4)),
})
options_of("Permute", (4, 5, 6), {"plain": dict(dims=(2, 3, 1)), "swap": dict(dims=(1, 3, 2))})
options_of("Flatten", (4, 5, 3), {"plain": dict(), "channels-first": dict(data_format="channels_first")})
sequential("Flatten-scalars", (), lambda L: L.Flatten(), dialects=(KERAS,))
sequential("Flatten-after-Conv2D", IMAGE, lambda L: [L.Conv2D(2, 3), L.Flatten(), L.Dense(3)])
sequential("Reshape-after-Conv2D", IMAGE, lambda L: [L.Conv2D(4, 3), L.Reshape((-1, 2)), L.Conv1D(2, 3)])
sequential("Permute-after-Conv2D", IMAGE, lambda L: [L.Conv2D(4, 3), L.Permute((3, 1, 2)), L.Conv2D(2, 3)])
sequential("RepeatVector", (5,), lambda L: L.RepeatVector(3), every_format=True)
options_of("Cropping1D", SIGNAL, {"plain": dict(cropping=2), "differ": dict(cropping=(1, 3))})
options_of("Cropping2D", IMAGE, {"plain": dict(cropping=2), "differ": dict(cropping=((1, 2), (0, 3)))})
options_of("Cropping3D", VOLUME, {"plain": dict(cropping=1), "differ": dict(cropping=((1, 2), (0, 3), (2, 0)))})
options_of("ZeroPadding1D", SIGNAL, {"plain": dict(padding=2), "differ": dict(padding=(1, 3))})
options_of("ZeroPadding2D", IMAGE, {"plain": dict(), "differ": dict(padding=((1, 2), (0, 3))), "pair": dict(padding=(2, 1))})
options_of("ZeroPadding3D", VOLUME, {"plain": dict(), "differ": dict(padding=((1, 2), (0, 3), (2, 0)))})
sequential("ZeroPadding2D-Conv2D", IMAGE, lambda L: [L.ZeroPadding2D(((0, 1), (0, 1))), L.Conv2D(4, 3, strides=2)], every_format=True)
sequential("ZeroPadding2D-MaxPooling2D", IMAGE, lambda L: [L.Conv2D(4, 1), L.ZeroPadding2D(1), L.MaxPooling2D(3, strides=2)])
sequential("ZeroPadding2D-channels-first", IMAGE, lambda L: L.ZeroPadding2D((1, 2), data_format="channels_first"))
options_of("UpSampling1D", SIGNAL, {"plain": dict(size=3)})
options_of("UpSampling2D", (4, 5, 3), {
    "plain": dict(),
    "differ": dict(size=(3, 2)),
    "bilinear": dict(size=2, interpolation="bilinear"),
    "bilinear-differ": dict(size=(3, 2), interpolation="bilinear"),
    "bicubic": dict(size=2, interpolation="bicubic"),
})
sequential("UpSampling2D-lanczos3", (4, 5, 3), lambda L: L.UpSampling2D(2, interpolation="lanczos3"), refuses="lanczos3")
options_of("UpSampling3D", (3, 2, 4, 2), {"plain": dict(), "differ": dict(size=(1, 2, 3))})

# --- Preprocessing -------------------------------------------------------------------------------

options_of("Rescaling", IMAGE, {
    "plain": dict(scale=1 / 127.5, offset=-1),
    "scale": dict(scale=1 / 255),
    "channels": dict(scale=[0.1, 0.2, 0.3], offset=[1, 2, 3]),
})
sequential("Rescaling-of-bytes", Input((4, 5, 3), "uint8", 0, 256), lambda L: [L.Rescaling(1 / 255), L.Conv2D(2, 3)])
PIXELS = Input((9, 8, 3), low=0, high=255)
options_of("Resizing", PIXELS, {
    "down": dict(height=4, width=5),
    "up": dict(height=20, width=13),
    "nearest-down": dict(height=4, width=3, interpolation="nearest"),
    "nearest-up": dict(height=20, width=13, interpolation="nearest"),
    "crop-to-aspect": dict(height=4, width=6, crop_to_aspect_ratio=True),
})
sequential("Resizing-pad-to-aspect", PIXELS, lambda L: L.Resizing(6, 12, pad_to_aspect_ratio=True), dialects=(KERAS,))
sequential("Resizing-bicubic", PIXELS, lambda L: L.Resizing(14, 11, interpolation="bicubic"))
sequential("Resizing-open-size", Input((9, 8, 3), low=0, high=255, declared=(None, None, 3)), lambda L: [L.Resizing(6, 5), L.Conv2D(2, 3)])
options_of("CenterCrop", PIXELS, {
    "plain": dict(height=5, width=4),
    "odd": dict(height=4, width=5),
    "larger-than-the-image": dict(height=12, width=5),
})
sequential("augmentation-tf_keras", PIXELS, lambda L: [
    L.RandomFlip(), L.RandomRotation(0.1), L.RandomZoom(0.1), L.RandomTranslation(0.1, 0.1),
    L.RandomContrast(0.1), L.RandomBrightness(0.1),
    L.GaussianNoise(0.1), L.GaussianDropout(0.1), L.AlphaDropout(0.1), L.Dropout(0.1),
    L.SpatialDropout2D(0.1), L.ActivityRegularization(0.1), L.Rescaling(1 / 255),
], every_format=True)
sequential("augmentation-keras-3", PIXELS, lambda L: [
    L.RandomHue(0.1), L.RandomSaturation(0.1), L.RandomColorJitter(0.1), L.RandomSharpness(0.1),
    L.RandomShear(0.1, 0.1), L.RandomGrayscale(0.1), L.RandomErasing(), L.RandomPosterization(4),
    L.RandomGaussianBlur(), L.RandomPerspective(), L.RandomInvert(), L.RandomColorDegeneration(0.1),
    L.RandomElasticTransform(), L.Rescaling(1 / 255),
], dialects=(KERAS,))
sequential("RandomCrop", PIXELS, lambda L: L.RandomCrop(5, 4))
sequential("dropout-of-sequences", SIGNAL, lambda L: [L.SpatialDropout1D(0.2), L.Dropout(0.2, noise_shape=(None, 1, 4)), L.Dense(2)])
sequential("Identity", (4,), lambda L: [L.Identity(), L.Dense(2)])
sequential("CategoryEncoding-one-hot", Input((1,), "int32", 0, 5), lambda L: L.CategoryEncoding(5, output_mode="one_hot"))
sequential("CategoryEncoding-multi-hot", Input((3,), "int32", 0, 5), lambda L: L.CategoryEncoding(5, output_mode="multi_hot"))
sequential("Discretization", (4,), lambda L: L.Discretization(bin_boundaries=[-0.5, 0.1, 0.8]))

# --- Recurrent -----------------------------------------------------------------------------------

SEQUENCE = (5, 3)
options_of("SimpleRNN", SEQUENCE, {
    "plain": dict(units=4),
    "sequences": dict(units=4, return_sequences=True, activation="relu"),
    "backwards": dict(units=4, go_backwards=True, use_bias=False),
})
options_of("LSTM", SEQUENCE, {
    "plain": dict(units=4),
    "sequences": dict(units=4, return_sequences=True),
    "backwards": dict(units=4, go_backwards=True, return_sequences=True),
    "activations": dict(units=4, activation="relu", recurrent_activation="hard_sigmoid"),
    "no-bias": dict(units=4, use_bias=False),
    "unroll-dropout": dict(units=4, unroll=True, dropout=0.3, recurrent_dropout=0.2),
    "no-forget-bias": dict(units=4, unit_forget_bias=False, activation="sigmoid"),
})
options_of("GRU", SEQUENCE, {
    "plain": dict(units=4),
    "sequences": dict(units=4, return_sequences=True),
    "reset-before": dict(units=4, reset_after=False),
    "reset-before-sequences-backwards": dict(units=4, reset_after=False, return_sequences=True, go_backwards=True),
    "no-bias": dict(units=4, use_bias=False),
    "activations": dict(units=4, activation="relu", recurrent_activation="sigmoid", return_sequences=True),
})
for layer, states in (("LSTM", 3), ("GRU", 2), ("SimpleRNN", 2)):
    functional(f"{layer}-return-state", SEQUENCE, lambda k, x, l=layer: list(getattr(k.layers, l)(4, return_state=True, return_sequences=True)(x)))
    functional(
        f"{layer}-initial-state",
        [SEQUENCE, *[(4,)] * (states - 1)],
        lambda k, x, *s, l=layer: getattr(k.layers, l)(4)(x, initial_state=list(s)),
    )
    sequential(f"{layer}-masked-by-Embedding", TOKENS, lambda L, l=layer: [L.Embedding(11, 3, mask_zero=True), getattr(L, l)(4, return_sequences=True), getattr(L, l)(3)])
    sequential(f"{layer}-open-length", Input((5, 3), declared=(None, 3)), lambda L, l=layer: [getattr(L, l)(4, return_sequences=True), getattr(L, l)(3)])


def fixed_batch(k, shape):
    """An InputLayer with a batch of 3: the argument's name differs."""
    return k.layers.InputLayer(**{BATCH_SHAPE[k.__name__]: (3, *shape)})


model("LSTM-stateful", SEQUENCE, lambda k: k.Sequential([fixed_batch(k, SEQUENCE), k.layers.LSTM(4, stateful=True)]), refuses="stateful")
for mode in ("concat", "sum", "mul", "ave"):
    sequential(f"Bidirectional-{mode}", SEQUENCE, lambda L, m=mode: L.Bidirectional(L.LSTM(4), merge_mode=m), every_format=mode == "concat")
functional("Bidirectional-none", SEQUENCE, lambda k, x: list(k.layers.Bidirectional(k.layers.LSTM(4), merge_mode=None)(x)))
sequential("Bidirectional-sequences", SEQUENCE, lambda L: L.Bidirectional(L.GRU(4, return_sequences=True)))
sequential("Bidirectional-two-layers", SEQUENCE, lambda L: L.Bidirectional(L.LSTM(4, return_sequences=True), backward_layer=L.GRU(4, return_sequences=True, go_backwards=True)))
sequential("Bidirectional-masked", TOKENS, lambda L: [L.Embedding(11, 3, mask_zero=True), L.Bidirectional(L.LSTM(4, return_sequences=True)), L.Bidirectional(L.GRU(3))])
functional("Bidirectional-return-state", SEQUENCE, lambda k, x: list(k.layers.Bidirectional(k.layers.LSTM(4, return_state=True))(x)))
sequential("Masking-LSTM", SEQUENCE, lambda L: [L.ReLU(), L.Masking(0.0), L.LSTM(4)])
sequential("RNN-of-a-cell", SEQUENCE, lambda L: L.RNN(L.LSTMCell(4), return_sequences=True))
sequential("RNN-of-stacked-cells", SEQUENCE, lambda L: L.RNN([L.GRUCell(4), L.LSTMCell(3)]))
sequential("ConvLSTM2D", (3, 5, 4, 2), lambda L: L.ConvLSTM2D(3, 2))
sequential("TimeDistributed-Dense", SEQUENCE, lambda L: L.TimeDistributed(L.Dense(4, activation="relu")), every_format=True)
sequential("TimeDistributed-Conv2D", (3, 6, 5, 2), lambda L: [L.TimeDistributed(L.Conv2D(3, 3)), L.TimeDistributed(L.GlobalAveragePooling2D()), L.LSTM(3)])
sequential("TimeDistributed-open-length", Input((3, 4, 5), declared=(None, 4, 5)), lambda L: L.TimeDistributed(L.Flatten()))

# --- Attention -----------------------------------------------------------------------------------

functional("MultiHeadAttention-self", (5, 6), lambda k, x: k.layers.MultiHeadAttention(2, 4)(x, x), every_format=True)
functional("MultiHeadAttention-cross", [(5, 6), (3, 7)], lambda k, x, y: k.layers.MultiHeadAttention(3, 2, value_dim=5)(x, y))
functional("MultiHeadAttention-key", [(5, 6), (3, 7), (3, 4)], lambda k, x, y, z: k.layers.MultiHeadAttention(2, 3, use_bias=False)(x, y, key=z))
functional("MultiHeadAttention-output-shape", (5, 6), lambda k, x: k.layers.MultiHeadAttention(2, 4, output_shape=3)(x, x))
functional("MultiHeadAttention-causal", (5, 6), lambda k, x: k.layers.MultiHeadAttention(2, 4)(x, x, use_causal_mask=True))
functional("MultiHeadAttention-scores", (5, 6), lambda k, x: list(k.layers.MultiHeadAttention(2, 4)(x, x, return_attention_scores=True)))
functional("MultiHeadAttention-mask", [(5, 6), Input((5, 5), "bool")], lambda k, x, m: k.layers.MultiHeadAttention(2, 4)(x, x, attention_mask=m))
functional("MultiHeadAttention-two-axes", (3, 4, 6), lambda k, x: k.layers.MultiHeadAttention(2, 4, attention_axes=(1, 2))(x, x))
functional("GroupQueryAttention", (5, 8), lambda k, x: k.layers.GroupQueryAttention(head_dim=2, num_query_heads=4, num_key_value_heads=2)(x, x), dialects=(KERAS,))
functional("Attention-plain", [(5, 6), (3, 6)], lambda k, x, y: k.layers.Attention()([x, y]), every_format=True)
functional("Attention-scaled-causal", [(5, 6), (5, 6), (5, 6)], lambda k, x, y, z: k.layers.Attention(use_scale=True)([x, y, z], use_causal_mask=True))
functional("Attention-concat", [(5, 6), (3, 6)], lambda k, x, y: k.layers.Attention(score_mode="concat")([x, y]))
functional("AdditiveAttention", [(5, 6), (3, 6)], lambda k, x, y: k.layers.AdditiveAttention()([x, y]))


def transformer_block(k, x):
    L = k.layers
    y = L.Embedding(11, 8)(x)
    z = L.LayerNormalization(epsilon=1e-6)(L.Add()([y, L.MultiHeadAttention(2, 4)(y, y)]))
    w = L.Dense(8)(L.Dense(16, activation="gelu")(z))
    return L.Dense(3, activation="softmax")(L.GlobalAveragePooling1D()(L.Add()([z, w])))


functional("transformer-block", TOKENS, transformer_block, every_format=True)

# --- The structure of models ---------------------------------------------------------------------


def small_base(k, shape=(12, 10, 3), name="base", size_open=False):
    L = k.layers
    x = inputs = k.Input((None, None, 3) if size_open else shape)
    x = L.Conv2D(4, 3, strides=2, padding="same", use_bias=False)(x)
    x = L.ReLU(6.0)(L.BatchNormalization()(x))
    y = L.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    y = L.Activation("relu")(L.BatchNormalization()(y))
    y = L.BatchNormalization()(L.Conv2D(4, 1, use_bias=False)(y))
    return k.Model(inputs, L.Add()([x, y]), name=name)


def transfer_learning(k):
    L = k.layers
    return k.Sequential([
        k.Input((12, 10, 3)), L.Rescaling(1 / 127.5, -1), small_base(k),
        L.GlobalAveragePooling2D(), L.Dropout(0.2), L.Dense(5, activation="softmax"),
    ])


PHOTO = Input((12, 10, 3), low=0, high=255)
model("structure-transfer-learning", PHOTO, transfer_learning, every_format=True)


def transfer_learning_functional(k):
    L = k.layers
    x = inputs = k.Input((12, 10, 3), name="photo")
    x = L.RandomFlip()(x)
    x = L.Rescaling(1 / 127.5, -1)(x)
    x = small_base(k)(x, training=False)
    x = L.GlobalAveragePooling2D()(x)
    return k.Model(inputs, L.Dense(5, activation="softmax", name="classes")(L.Dropout(0.2)(x)))


model("structure-transfer-learning-functional", PHOTO, transfer_learning_functional, every_format=True)
model("structure-base-of-open-size", PHOTO, lambda k: k.Sequential([k.Input((12, 10, 3)), small_base(k, size_open=True), k.layers.Flatten(), k.layers.Dense(2)]))
model("structure-base-is-first", PHOTO, lambda k: k.Sequential([small_base(k), k.layers.GlobalMaxPooling2D(), k.layers.Dense(2)]))
model("structure-base-of-open-size-is-first", PHOTO, lambda k: k.Sequential([small_base(k, size_open=True), k.layers.GlobalMaxPooling2D(), k.layers.Dense(2)]))


def cut_base(k):
    base = small_base(k)
    return k.Model(base.input, k.layers.Flatten()(base.layers[-2].output))


model("structure-cut-in-the-middle", PHOTO, cut_base)


def built_when_called(k):
    m = k.Sequential([k.layers.Dense(4, activation="relu"), k.layers.Dense(2)])
    m(tf.zeros((1, 5)))
    return m


model("structure-built-when-called", (5,), built_when_called)


def input_shape_argument(k):
    return k.Sequential([k.layers.Conv2D(4, 3, input_shape=(9, 8, 3)), k.layers.Flatten(), k.layers.Dense(2)])


model("structure-input-shape-argument", IMAGE, input_shape_argument, every_format=True)
model("structure-input-layer", (5,), lambda k: k.Sequential([k.layers.InputLayer((5,), name="values"), k.layers.Dense(2)], name="named"))
model("structure-sequential-in-sequential", (5,), lambda k: k.Sequential([
    k.Input((5,)), k.Sequential([k.layers.Dense(4), k.Sequential([k.layers.ReLU(), k.layers.Dense(3)])]), k.layers.Dense(2),
]), every_format=True)
model("structure-one-layer", (5,), lambda k: k.Sequential([k.Input((5,)), k.layers.ReLU()]))


def three_deep(k):
    def wrap(inner, units, n):
        x = k.Input((4,))
        return k.Model(x, k.layers.Dense(units, activation="tanh")(inner(x) if inner else x), name=f"deep_{n}")

    return wrap(wrap(wrap(None, 5, 0), 4, 1), 3, 2)


model("structure-three-deep", (4,), three_deep, every_format=True)


def shared_layer(k, x, y):
    shared = k.layers.Dense(4, activation="relu")
    return k.layers.Dense(2)(k.layers.Concatenate()([shared(x), shared(y)]))


functional("structure-shared-layer", [(5,), (5,)], shared_layer, every_format=True)


def siamese(k, x, y):
    tower = small_base(k, name="tower")
    pool = k.layers.GlobalAveragePooling2D()
    return k.layers.Dense(1, activation="sigmoid")(k.layers.Subtract()([pool(tower(x)), pool(tower(y))]))


functional("structure-siamese", [(12, 10, 3), (12, 10, 3)], siamese, every_format=True)


def same_layer_again(k, x):
    step = k.layers.Dense(5, activation="tanh")
    y = step(x)
    z = step(y)
    return [step(z), y]


functional("structure-same-layer-in-a-row", (5,), same_layer_again)


def many_in_and_out(k, image, numbers, token):
    L = k.layers
    a = L.GlobalAveragePooling2D()(L.Conv2D(4, 3, activation="relu")(image))
    b = L.Dense(4)(numbers)
    c = L.Flatten()(L.Embedding(7, 4)(token))
    d = L.Concatenate()([a, b, c])
    return [L.Dense(3, activation="softmax", name="kind")(d), L.Dense(1, name="price")(d)]


functional("structure-many-in-and-out", [IMAGE, (4,), Input((1,), "int32", 0, 7)], many_in_and_out, every_format=True)


def inner_many(k):
    x, y = k.Input((4,)), k.Input((4,))
    s = k.layers.Add()([x, k.layers.Dense(4)(y)])
    return k.Model([x, y], [s, k.layers.Multiply()([x, y])], name="inner")


def nested_many(k, x, y):
    inner = inner_many(k)
    a, b = inner([x, y])
    c, d = inner([b, a])
    return [k.layers.Dense(2)(c), d]


functional("structure-nested-many-in-and-out", [(4,), (4,)], nested_many, every_format=True)


def by_name(k):
    x, y = k.Input((4,), name="left"), k.Input((3,), name="right")
    z = k.layers.Concatenate()([x, y])
    outputs = {"sum": k.layers.Dense(2, name="a")(z), "other": k.layers.Dense(3, name="b")(z)}
    return k.Model({"left": x, "right": y}, outputs)


model("structure-by-name", [(4,), (3,)], by_name, every_format=True)
functional("structure-output-is-an-input", (4,), lambda k, x: [x, k.layers.Dense(2)(x)])
functional("structure-one-output-twice", (4,), lambda k, x: [y := k.layers.Dense(2)(x), y])


def unused_branch(k, x):
    y = k.layers.Dense(3)(x)
    k.layers.Dense(7)(y)
    return k.layers.ReLU()(y)


functional("structure-unused-branch", (4,), unused_branch)


def names_that_collide(k):
    def part(n):
        return k.Sequential([k.Input((4,)), k.layers.Dense(4, name="dense"), k.layers.Dense(4, name="dense_1")], name=f"part_{n}")

    return k.Sequential([k.Input((4,)), part(0), part(1), k.layers.Dense(2, name="dense")])


model("structure-names-that-collide", (4,), names_that_collide, every_format=True)
model("structure-names-with-slashes", (4,), lambda k: k.Sequential([k.Input((4,)), k.layers.Dense(3, name="head/first"), k.layers.Dense(2, name="head/second")]), dialects=(TF_KERAS,))


def wide(k):
    """Eleven layers of one class: dense_10 sorts before dense_2."""
    return k.Sequential([k.Input((4,)), *[k.layers.Dense(4, activation="tanh") for _ in range(12)]])


model("structure-twelve-of-a-kind", (4,), wide, every_format=True)
model("structure-fixed-batch", (4,), lambda k: k.Sequential([fixed_batch(k, (4,)), k.layers.Dense(2)]))


def compiled_and_trained(k):
    m = transfer_learning(k)
    m.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    m.fit(tf.random.stateless_uniform((4, 12, 10, 3), (1, 2)) * 255, tf.one_hot([0, 1, 2, 3], 5), verbose=0)
    return m


model("structure-trained-with-an-optimizer", PHOTO, compiled_and_trained, every_format=True)


def mixed(policy):
    def build(k):
        return k.Sequential([
            k.Input((9, 8, 3)), k.layers.Conv2D(4, 3, activation="relu", dtype=policy), k.layers.BatchNormalization(dtype=policy),
            k.layers.GlobalAveragePooling2D(dtype=policy), k.layers.Dense(3, activation="softmax", dtype="float32"),
        ])

    return build


model("dtype-mixed_float16", IMAGE, mixed("mixed_float16"), tolerance=5e-3)
model("dtype-mixed_bfloat16", IMAGE, mixed("mixed_bfloat16"), tolerance=3e-2)
model("dtype-float64", (5,), lambda k: k.Sequential([k.Input((5,)), k.layers.Dense(4, dtype="float64"), k.layers.Dense(2)]), tolerance=1e-5)
model("dtype-float16", (5,), lambda k: k.Sequential([k.Input((5,)), k.layers.Dense(4, dtype="float16"), k.layers.Dense(2, dtype="float32")]), tolerance=5e-3)

# --- Operations that Functional models record ----------------------------------------------------


def operation(name, shapes, outputs, **options):
    functional(f"op-{name}", shapes, outputs, **options)


PAIR = [(4, 3), (4, 3)]
POSITIVE = Input((4, 3), low=0.2, high=3)
operation("plus", PAIR, lambda k, x, y: x + y, every_format=True)
operation("arithmetic", [(4, 3), POSITIVE], lambda k, x, y: (x * y - 2.0 * x + y / 3.0) / (y + 1.0) - (-x), every_format=True)
operation("number-first", POSITIVE, lambda k, x: 1.0 - 2.0 / (3.0 + x))
operation("power", POSITIVE, lambda k, x: x**2 + x**0.5 + 2.0**x)
operation("modulo-and-floor", POSITIVE, lambda k, x: x % 0.7 + x // 0.4)
operation("array-constant", (4, 3), lambda k, x: x * tf.constant([1.0, 2.0, 3.0]) + tf.constant([[0.5], [1], [2], [3]]), dialects=(TF_KERAS,))
operation("slice", (6, 5, 3), lambda k, x: x[:, 1:-1, ::2, 0], every_format=True)
operation("slice-reverse", (6, 5, 3), lambda k, x: x[:, ::-1, :, 1:])
operation("slice-ellipsis", (6, 5, 3), lambda k, x: x[..., -2:])
operation("slice-new-axis", (6, 5), lambda k, x: x[:, None, 2])
operation("slice-batch", (6, 5), lambda k, x: x[0:2], dialects=(TF_KERAS,))
operation("after-a-layer", PAIR, lambda k, x, y: k.layers.Multiply()([x, y]) * 2.0)

KERAS_OPS = {
    "abs": ((4, 3), lambda o, x: o.abs(x)),
    "add-n": (PAIR, lambda o, x, y: o.add(x, y)),
    "argmax": ((4, 3), lambda o, x: o.argmax(x, axis=-1)),
    "argmin-all-axes": ((4, 3), lambda o, x: o.cast(o.argmin(x, axis=1), "float32")),
    "broadcast_to": ((1, 3), lambda o, x: x + o.broadcast_to(o.mean(x, axis=2, keepdims=True), (3, 1, 3))),
    "cast": (Input((4, 3), "int32", 0, 9), lambda o, x: o.cast(x, "float32") / 2.0),
    "ceil-floor-round": (VALUES, lambda o, x: o.ceil(x) + 10.0 * o.floor(x) + 100.0 * o.round(x)),
    "clip": (VALUES, lambda o, x: o.clip(x, -1.0, 2.0)),
    "concatenate": (PAIR, lambda o, x, y: o.concatenate([x, y, x], axis=1)),
    "cos-sin-tanh": ((4, 3), lambda o, x: o.cos(x) + o.sin(x) * o.tanh(x)),
    "cumsum": ((4, 3), lambda o, x: o.cumsum(x, axis=1)),
    "divide": ([(4, 3), POSITIVE], lambda o, x, y: o.divide(x, y)),
    "einsum": ([(4, 3), (3, 5)], lambda o, x, y: o.einsum("bij,bjk->bik", x, y)),
    "equal-where": (PAIR, lambda o, x, y: o.where(o.greater(x, y), x, o.where(o.less_equal(y, 0.5), y, 2.0 * y))),
    "erf": ((4, 3), lambda o, x: o.erf(x)),
    "exp-log": (POSITIVE, lambda o, x: o.log(x) + o.exp(x) + o.log1p(x) + o.expm1(x)),
    "expand_dims": ((4, 3), lambda o, x: o.expand_dims(x, 1)),
    "flip": ((4, 3), lambda o, x: o.flip(x, axis=1)),
    "full_like": ((4, 3), lambda o, x: x + o.ones_like(x) + o.zeros_like(x)),
    "leaky_relu": (VALUES, lambda o, x: o.leaky_relu(x, negative_slope=0.1)),
    "log_softmax": ((4, 3), lambda o, x: o.log_softmax(x, axis=1)),
    "logical": (PAIR, lambda o, x, y: o.cast(o.logical_and(x > 0, o.logical_not(y > 0)), "float32")),
    "logsumexp": ((4, 3), lambda o, x: o.logsumexp(x, axis=-1)),
    "matmul": ([(4, 3), (3, 5)], lambda o, x, y: o.matmul(x, y)),
    "max-min": ((4, 3), lambda o, x: o.max(x, axis=1) - o.min(x, axis=1)),
    "maximum-minimum": (PAIR, lambda o, x, y: o.maximum(x, 0.3) - o.minimum(x, y)),
    "mean": ((4, 3), lambda o, x: o.mean(x, axis=[1, 2])),
    "mean-keepdims": ((4, 5, 3), lambda o, x: o.mean(x, axis=(1, 2), keepdims=True)),
    "moveaxis": ((4, 5, 3), lambda o, x: o.moveaxis(x, 1, 3)),
    "multiply-number": ((4, 3), lambda o, x: o.multiply(x, 0.17)),
    "negative-square-sqrt": (POSITIVE, lambda o, x: o.negative(o.square(x)) + o.sqrt(x) + o.rsqrt(x) + o.reciprocal(x)),
    "normalize": ((4, 3), lambda o, x: o.normalize(x, axis=-1)),
    "norm": ((4, 3), lambda o, x: o.norm(x, axis=-1)),
    "one_hot": (Input((4,), "int32", 0, 5), lambda o, x: o.one_hot(x, 5)),
    "pad": ((4, 3), lambda o, x: o.pad(x, [[0, 0], [1, 2], [0, 3]])),
    "pad-reflect": ((4, 3), lambda o, x: o.pad(x, [[0, 0], [1, 2], [0, 2]], mode="reflect")),
    "prod-var-std": ((4, 3), lambda o, x: o.prod(x, axis=1) + o.var(x, axis=1) + o.std(x, axis=1)),
    "relu6-selu-gelu": (VALUES, lambda o, x: o.relu6(x) + o.selu(x) + o.gelu(x) + o.gelu(x, approximate=False)),
    "repeat": ((4, 3), lambda o, x: o.repeat(x, 2, axis=1)),
    "reshape": ((4, 6), lambda o, x: o.reshape(x, (-1, 3, 8))),
    "roll": ((4, 3), lambda o, x: o.roll(x, 1, axis=1)),
    "sigmoid-silu": (VALUES, lambda o, x: o.sigmoid(x) + o.silu(x) + o.hard_sigmoid(x) + o.softplus(x) + o.softsign(x)),
    "sign": (VALUES, lambda o, x: o.sign(x)),
    "softmax": ((4, 3), lambda o, x: o.softmax(x, axis=1)),
    "split": ((4, 6), lambda o, x: list(o.split(x, 3, axis=-1))),
    "split-indices": ((4, 6), lambda o, x: list(o.split(x, [1, 4], axis=-1))),
    "squeeze": ((4, 1, 3), lambda o, x: o.squeeze(x, 2)),
    "stack": (PAIR, lambda o, x, y: o.stack([x, y], axis=1)),
    "sum": ((4, 3), lambda o, x: o.sum(x, axis=-1)),
    "swapaxes": ((4, 5, 3), lambda o, x: o.swapaxes(x, 1, 2)),
    "take": ((6, 3), lambda o, x: o.take(x, [4, 0, 2], axis=1)),
    "tile": ((4, 3), lambda o, x: o.tile(x, (1, 2, 3))),
    "top_k": ((7,), lambda o, x: o.top_k(x, 3)[0]),
    "transpose": ((4, 5, 3), lambda o, x: o.transpose(x, (0, 3, 1, 2))),
    "tri": ((4, 4), lambda o, x: o.tril(x) - o.triu(x, 1)),
    "average_pool": (IMAGE, lambda o, x: o.average_pool(x, 2, padding="same")),
    "max_pool": (IMAGE, lambda o, x: o.max_pool(x, 3, strides=2)),
    "image-resize": (PIXELS, lambda o, x: o.image.resize(x, (5, 6))),
    "image-resize-nearest": (PIXELS, lambda o, x: o.image.resize(x, (18, 16), interpolation="nearest")),
    "rgb_to_grayscale": (PIXELS, lambda o, x: o.image.rgb_to_grayscale(x)),
    "depth_to_space": ((3, 2, 8), lambda o, x: o.depth_to_space(x, 2)),
    "dot_product_attention": ((5, 2, 4), lambda o, x: o.dot_product_attention(x, x, x)),
    "glu": ((4, 6), lambda o, x: o.glu(x, axis=-1)),
}
for name, (shapes, outputs) in KERAS_OPS.items():
    operation(f"keras-{name}", shapes, lambda k, *x, f=outputs: f(k.ops, *x), dialects=(KERAS,))

TF_OPS = {
    "abs-exp-log": (POSITIVE, lambda x: tf.abs(x) + tf.exp(x) * tf.math.log(x)),
    "add": (PAIR, lambda x, y: tf.add(x, y)),
    "argmax": ((4, 3), lambda x: tf.cast(tf.argmax(x, axis=-1), tf.float32)),
    "cast": (Input((4, 3), "int32", 0, 9), lambda x: tf.cast(x, tf.float32) / 2.0),
    "clip_by_value": (VALUES, lambda x: tf.clip_by_value(x, -1.0, 2.0)),
    "concat": (PAIR, lambda x, y: tf.concat([x, y, x], axis=1)),
    "expand_dims-squeeze": ((4, 3), lambda x: tf.squeeze(tf.expand_dims(x, 1), axis=[1])),
    "flatten-by-reshape": ((4, 6), lambda x: tf.reshape(x, [-1, 24])),
    "reshape-by-shape": ((4, 6), lambda x: tf.reshape(x, [tf.shape(x)[0], 24])),
    "gather": ((6, 3), lambda x: tf.gather(x, [4, 0, 2], axis=1)),
    "image.resize": (PIXELS, lambda x: tf.image.resize(x, [5, 6])),
    "image.resize-up": (PIXELS, lambda x: tf.image.resize(x, [15, 16])),
    "l2_normalize": ((4, 3), lambda x: tf.math.l2_normalize(x, axis=-1)),
    "matmul": ([(4, 3), (3, 5)], lambda x, y: tf.matmul(x, y)),
    "matmul-transpose": ([(4, 3), (5, 3)], lambda x, y: tf.matmul(x, y, transpose_b=True)),
    "maximum": (PAIR, lambda x, y: tf.maximum(x, 0.3) - tf.minimum(x, y)),
    "multiply": (PAIR, lambda x, y: tf.multiply(x, y) + tf.subtract(x, y)),
    "nn.relu": (VALUES, lambda x: tf.nn.relu(x) + tf.nn.relu6(x) + tf.nn.leaky_relu(x, alpha=0.3) + tf.nn.elu(x)),
    "nn.softmax": ((4, 3), lambda x: tf.nn.softmax(x)),
    "nn.sigmoid": (VALUES, lambda x: tf.nn.sigmoid(x) + tf.nn.softplus(x) + tf.nn.silu(x) + tf.nn.gelu(x)),
    "nn.avg_pool2d": (IMAGE, lambda x: tf.nn.avg_pool2d(x, 2, 2, "SAME")),
    "nn.max_pool2d": (IMAGE, lambda x: tf.nn.max_pool2d(x, 3, 2, "VALID")),
    "one_hot": (Input((4,), "int32", 0, 5), lambda x: tf.one_hot(x, 5)),
    "pad": ((4, 3), lambda x: tf.pad(x, [[0, 0], [1, 2], [0, 3]])),
    "reduce_mean": ((4, 5, 3), lambda x: tf.reduce_mean(x, axis=[1, 2])),
    "reduce_max-sum": ((4, 5, 3), lambda x: tf.reduce_max(x, axis=1) - tf.reduce_sum(x, axis=1) + tf.reduce_min(x, axis=1)),
    "reduce_sum-keepdims": ((4, 3), lambda x: tf.reduce_sum(x, axis=-1, keepdims=True)),
    "sqrt-square": (POSITIVE, lambda x: tf.sqrt(x) - tf.square(x) + tf.math.rsqrt(x) + tf.pow(x, 3.0)),
    "split": ((4, 6), lambda x: list(tf.split(x, 3, axis=-1))),
    "stack": (PAIR, lambda x, y: tf.stack([x, y], axis=1)),
    "tanh-sigmoid": ((4, 3), lambda x: tf.tanh(x) + tf.sigmoid(x)),
    "tile": ((4, 3), lambda x: tf.tile(x, [1, 2, 3])),
    "transpose": ((4, 5, 3), lambda x: tf.transpose(x, [0, 3, 1, 2])),
    "where": (PAIR, lambda x, y: tf.where(x > y, x, 2.0 * y)),
    "space_to_depth": ((4, 6, 3), lambda x: tf.nn.space_to_depth(x, 2)),
    "depth_to_space": ((3, 2, 8), lambda x: tf.nn.depth_to_space(x, 2)),
}
for name, (shapes, outputs) in TF_OPS.items():
    operation(f"tf-{name}", shapes, lambda k, *x, f=outputs: f(*x), dialects=(TF_KERAS,))


def imagenet_preprocessing(k, x):
    """What `applications.resnet.preprocess_input` records."""
    return k.layers.Conv2D(2, 3)(k.applications.resnet.preprocess_input(x))


functional("structure-preprocess-input", PHOTO, imagenet_preprocessing, every_format=True)
functional("structure-preprocess-input-minus-one", PHOTO, lambda k, x: k.applications.mobilenet_v2.preprocess_input(x), every_format=True)


def swish_by_hand(k, x):
    y = k.layers.Conv2D(4, 3)(x)
    return y * (k.ops.sigmoid(y) if k.__name__ == "keras" else tf.sigmoid(y))


functional("structure-swish-by-hand", IMAGE, swish_by_hand)

# --- What is refused, by name --------------------------------------------------------------------

sequential("refused-Lambda", (4,), lambda L: [L.Lambda(lambda x: x * 2, name="doubled"), L.Dense(2)], refuses="doubled")
sequential("refused-Lambda-last", (4,), lambda L: [L.Dense(2), L.Lambda(lambda x: x + 1, name="increment")], refuses="increment")


def custom_layer(k):
    class Wobble(k.layers.Layer):
        def call(self, x):
            return x * 2

    return k.Sequential([k.Input((4,)), Wobble(name="wobbly"), k.layers.Dense(2)])


model("refused-custom-layer", (4,), custom_layer, refuses="Wobble")


def custom_model(k):
    class Network(k.Model):
        def __init__(self):
            super().__init__()
            self.head = k.layers.Dense(2)

        def call(self, x):
            return self.head(x)

    network = Network()
    network(tf.zeros((1, 4)))
    return network


model("refused-custom-model", (4,), custom_model, dialects=(KERAS,), refuses="Network")
sequential("refused-StringLookup", Input((1,), "string"), lambda L: L.StringLookup(vocabulary=["a", "b"]), refuses="StringLookup", dialects=(KERAS,))


def custom_activation(k):
    def wavy(x):
        return x * 2

    return k.Sequential([k.Input((4,)), k.layers.Dense(2, activation=wavy)])


model("refused-custom-activation", (4,), custom_activation, refuses="wavy")
