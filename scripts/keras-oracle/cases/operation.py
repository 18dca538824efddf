"""Operations that Functional models record."""

import tensorflow as tf

from cases.table import IMAGE, Input, KERAS, PHOTO, PIXELS, TF_KERAS, VALUES, functional, is_keras_3


def operation(name, shapes, outputs, **options):
    functional(f"op-{name}", shapes, outputs, **options)


PAIR = [(4, 3), (4, 3)]
POSITIVE = Input((4, 3), low=0.2, high=3)
operation("plus", PAIR, lambda k, x, y: x + y, every_format=True)
operation(
    "arithmetic",
    [(4, 3), POSITIVE],
    lambda k, x, y: (x * y - 2.0 * x + y / 3.0) / (y + 1.0) - (-x),
    every_format=True,
)
operation("number-first", POSITIVE, lambda k, x: 1.0 - 2.0 / (3.0 + x))
operation("power", POSITIVE, lambda k, x: x**2 + x**0.5 + 2.0**x)
operation("modulo-and-floor", POSITIVE, lambda k, x: x % 0.7 + x // 0.4)
operation(
    "array-constant",
    (4, 3),
    lambda k, x: x * tf.constant([1.0, 2.0, 3.0]) + tf.constant([[0.5], [1], [2], [3]]),
    dialects=(TF_KERAS,),
)
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
    "cast": (Input((4, 3), "int32", 0, 9), lambda o, x: o.cast(x, "float32") / 2.0),
    "ceil-floor-round": (VALUES, lambda o, x: o.ceil(x) + 10.0 * o.floor(x) + 100.0 * o.round(x)),
    "clip": (VALUES, lambda o, x: o.clip(x, -1.0, 2.0)),
    "concatenate": (PAIR, lambda o, x, y: o.concatenate([x, y, x], axis=1)),
    "cos-sin-tanh": ((4, 3), lambda o, x: o.cos(x) + o.sin(x) * o.tanh(x)),
    "cumsum": ((4, 3), lambda o, x: o.cumsum(x, axis=1)),
    "divide": ([(4, 3), POSITIVE], lambda o, x, y: o.divide(x, y)),
    "einsum": ([(4, 3), (3, 5)], lambda o, x, y: o.einsum("bij,bjk->bik", x, y)),
    "equal-where": (
        PAIR,
        lambda o, x, y: o.where(o.greater(x, y), x, o.where(o.less_equal(y, 0.5), y, 2.0 * y)),
    ),
    "erf": ((4, 3), lambda o, x: o.erf(x)),
    "exp-log": (POSITIVE, lambda o, x: o.log(x) + o.exp(x) + o.log1p(x) + o.expm1(x)),
    "expand_dims": ((4, 3), lambda o, x: o.expand_dims(x, 1)),
    "flip": ((4, 3), lambda o, x: o.flip(x, axis=1)),
    "full_like": ((4, 3), lambda o, x: x + o.ones_like(x) + o.zeros_like(x)),
    "leaky_relu": (VALUES, lambda o, x: o.leaky_relu(x, negative_slope=0.1)),
    "log_softmax": ((4, 3), lambda o, x: o.log_softmax(x, axis=1)),
    "logical": (
        PAIR,
        lambda o, x, y: o.cast(o.logical_and(x > 0, o.logical_not(y > 0)), "float32"),
    ),
    "logsumexp": ((4, 3), lambda o, x: o.logsumexp(x, axis=-1)),
    "matmul": ([(4, 3), (3, 5)], lambda o, x, y: o.matmul(x, y)),
    "max-min": ((4, 3), lambda o, x: o.max(x, axis=1) - o.min(x, axis=1)),
    "maximum-minimum": (PAIR, lambda o, x, y: o.maximum(x, 0.3) - o.minimum(x, y)),
    "mean": ((4, 3), lambda o, x: o.mean(x, axis=[1, 2])),
    "mean-keepdims": ((4, 5, 3), lambda o, x: o.mean(x, axis=(1, 2), keepdims=True)),
    "moveaxis": ((4, 5, 3), lambda o, x: o.moveaxis(x, 1, 3)),
    "multiply-number": ((4, 3), lambda o, x: o.multiply(x, 0.17)),
    "negative-square-sqrt": (
        POSITIVE,
        lambda o, x: o.negative(o.square(x)) + o.sqrt(x) + o.rsqrt(x) + o.reciprocal(x),
    ),
    "normalize": ((4, 3), lambda o, x: o.normalize(x, axis=-1)),
    "norm": ((4, 3), lambda o, x: o.norm(x, axis=-1)),
    "one_hot": (Input((4,), "int32", 0, 5), lambda o, x: o.one_hot(x, 5)),
    "pad": ((4, 3), lambda o, x: o.pad(x, [[0, 0], [1, 2], [0, 3]])),
    "pad-reflect": ((4, 3), lambda o, x: o.pad(x, [[0, 0], [1, 2], [0, 2]], mode="reflect")),
    "prod-var-std": ((4, 3), lambda o, x: o.prod(x, axis=1) + o.var(x, axis=1) + o.std(x, axis=1)),
    "relu6-selu-gelu": (
        VALUES,
        lambda o, x: o.relu6(x) + o.selu(x) + o.gelu(x) + o.gelu(x, approximate=False),
    ),
    "repeat": ((4, 3), lambda o, x: o.repeat(x, 2, axis=1)),
    "reshape": ((4, 6), lambda o, x: o.reshape(x, (-1, 3, 8))),
    "roll": ((4, 3), lambda o, x: o.roll(x, 1, axis=1)),
    "sigmoid-silu": (
        VALUES,
        lambda o, x: o.sigmoid(x) + o.silu(x) + o.hard_sigmoid(x) + o.softplus(x) + o.softsign(x),
    ),
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
    "image-resize-nearest": (
        PIXELS,
        lambda o, x: o.image.resize(x, (18, 16), interpolation="nearest"),
    ),
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
    "nn.relu": (
        VALUES,
        lambda x: tf.nn.relu(x) + tf.nn.relu6(x) + tf.nn.leaky_relu(x, alpha=0.3) + tf.nn.elu(x),
    ),
    "nn.softmax": ((4, 3), lambda x: tf.nn.softmax(x)),
    "nn.sigmoid": (
        VALUES,
        lambda x: tf.nn.sigmoid(x) + tf.nn.softplus(x) + tf.nn.silu(x) + tf.nn.gelu(x),
    ),
    "nn.avg_pool2d": (IMAGE, lambda x: tf.nn.avg_pool2d(x, 2, 2, "SAME")),
    "nn.max_pool2d": (IMAGE, lambda x: tf.nn.max_pool2d(x, 3, 2, "VALID")),
    "one_hot": (Input((4,), "int32", 0, 5), lambda x: tf.one_hot(x, 5)),
    "pad": ((4, 3), lambda x: tf.pad(x, [[0, 0], [1, 2], [0, 3]])),
    "reduce_mean": ((4, 5, 3), lambda x: tf.reduce_mean(x, axis=[1, 2])),
    "reduce_max-sum": (
        (4, 5, 3),
        lambda x: tf.reduce_max(x, axis=1) - tf.reduce_sum(x, axis=1) + tf.reduce_min(x, axis=1),
    ),
    "reduce_sum-keepdims": ((4, 3), lambda x: tf.reduce_sum(x, axis=-1, keepdims=True)),
    "sqrt-square": (
        POSITIVE,
        lambda x: tf.sqrt(x) - tf.square(x) + tf.math.rsqrt(x) + tf.pow(x, 3.0),
    ),
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
functional(
    "structure-preprocess-input-minus-one",
    PHOTO,
    lambda k, x: k.applications.mobilenet_v2.preprocess_input(x),
    every_format=True,
)


def swish_by_hand(k, x):
    y = k.layers.Conv2D(4, 3)(x)
    return y * (k.ops.sigmoid(y) if is_keras_3(k) else tf.sigmoid(y))


functional("structure-swish-by-hand", IMAGE, swish_by_hand)
