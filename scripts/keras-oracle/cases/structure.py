"""The structure of models."""

import tensorflow as tf

from cases.table import IMAGE, Input, PHOTO, TF_KERAS, fixed_batch, functional, model


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
    return k.Sequential(
        [
            k.Input((12, 10, 3)),
            L.Rescaling(1 / 127.5, -1),
            small_base(k),
            L.GlobalAveragePooling2D(),
            L.Dropout(0.2),
            L.Dense(5, activation="softmax"),
        ]
    )


model("structure-transfer-learning", PHOTO, transfer_learning, every_format=True)


def transfer_learning_functional(k):
    L = k.layers
    x = inputs = k.Input((12, 10, 3), name="photo")
    x = L.RandomFlip()(x)
    x = L.Rescaling(1 / 127.5, -1)(x)
    x = small_base(k)(x, training=False)
    x = L.GlobalAveragePooling2D()(x)
    return k.Model(inputs, L.Dense(5, activation="softmax", name="classes")(L.Dropout(0.2)(x)))


model(
    "structure-transfer-learning-functional", PHOTO, transfer_learning_functional, every_format=True
)
model(
    "structure-base-of-open-size",
    PHOTO,
    lambda k: k.Sequential(
        [k.Input((12, 10, 3)), small_base(k, size_open=True), k.layers.Flatten(), k.layers.Dense(2)]
    ),
)
model(
    "structure-base-is-first",
    PHOTO,
    lambda k: k.Sequential([small_base(k), k.layers.GlobalMaxPooling2D(), k.layers.Dense(2)]),
)
model(
    "structure-base-of-open-size-is-first",
    PHOTO,
    lambda k: k.Sequential(
        [small_base(k, size_open=True), k.layers.GlobalMaxPooling2D(), k.layers.Dense(2)]
    ),
)


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
    return k.Sequential(
        [k.layers.Conv2D(4, 3, input_shape=(9, 8, 3)), k.layers.Flatten(), k.layers.Dense(2)]
    )


model("structure-input-shape-argument", IMAGE, input_shape_argument, every_format=True)
model(
    "structure-input-layer",
    (5,),
    lambda k: k.Sequential(
        [k.layers.InputLayer((5,), name="values"), k.layers.Dense(2)], name="named"
    ),
)
model(
    "structure-sequential-in-sequential",
    (5,),
    lambda k: k.Sequential(
        [
            k.Input((5,)),
            k.Sequential([k.layers.Dense(4), k.Sequential([k.layers.ReLU(), k.layers.Dense(3)])]),
            k.layers.Dense(2),
        ]
    ),
    every_format=True,
)
model("structure-one-layer", (5,), lambda k: k.Sequential([k.Input((5,)), k.layers.ReLU()]))


def three_deep(k):
    def wrap(inner, units, n):
        x = k.Input((4,))
        return k.Model(
            x, k.layers.Dense(units, activation="tanh")(inner(x) if inner else x), name=f"deep_{n}"
        )

    return wrap(wrap(wrap(None, 5, 0), 4, 1), 3, 2)


model("structure-three-deep", (4,), three_deep, every_format=True)


def shared_layer(k, x, y):
    shared = k.layers.Dense(4, activation="relu")
    return k.layers.Dense(2)(k.layers.Concatenate()([shared(x), shared(y)]))


functional("structure-shared-layer", [(5,), (5,)], shared_layer, every_format=True)


def siamese(k, x, y):
    tower = small_base(k, name="tower")
    pool = k.layers.GlobalAveragePooling2D()
    return k.layers.Dense(1, activation="sigmoid")(
        k.layers.Subtract()([pool(tower(x)), pool(tower(y))])
    )


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


functional(
    "structure-many-in-and-out",
    [IMAGE, (4,), Input((1,), "int32", 0, 7)],
    many_in_and_out,
    every_format=True,
)


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
        return k.Sequential(
            [k.Input((4,)), k.layers.Dense(4, name="dense"), k.layers.Dense(4, name="dense_1")],
            name=f"part_{n}",
        )

    return k.Sequential([k.Input((4,)), part(0), part(1), k.layers.Dense(2, name="dense")])


model("structure-names-that-collide", (4,), names_that_collide, every_format=True)
model(
    "structure-names-with-slashes",
    (4,),
    lambda k: k.Sequential(
        [k.Input((4,)), k.layers.Dense(3, name="head/first"), k.layers.Dense(2, name="head/second")]
    ),
    dialects=(TF_KERAS,),
)


def wide(k):
    """Eleven layers of one class: dense_10 sorts before dense_2."""
    return k.Sequential([k.Input((4,)), *[k.layers.Dense(4, activation="tanh") for _ in range(12)]])


model("structure-twelve-of-a-kind", (4,), wide, every_format=True)
model(
    "structure-fixed-batch", (4,), lambda k: k.Sequential([fixed_batch(k, (4,)), k.layers.Dense(2)])
)


def compiled_and_trained(k):
    m = transfer_learning(k)
    m.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    m.fit(
        tf.random.stateless_uniform((4, 12, 10, 3), (1, 2)) * 255,
        tf.one_hot([0, 1, 2, 3], 5),
        verbose=0,
    )
    return m


model("structure-trained-with-an-optimizer", PHOTO, compiled_and_trained, every_format=True)


def mixed(policy):
    def build(k):
        return k.Sequential(
            [
                k.Input((9, 8, 3)),
                k.layers.Conv2D(4, 3, activation="relu", dtype=policy),
                k.layers.BatchNormalization(dtype=policy),
                k.layers.GlobalAveragePooling2D(dtype=policy),
                k.layers.Dense(3, activation="softmax", dtype="float32"),
            ]
        )

    return build


model("dtype-mixed_float16", IMAGE, mixed("mixed_float16"), tolerance=5e-3)
model("dtype-mixed_bfloat16", IMAGE, mixed("mixed_bfloat16"), tolerance=3e-2)
model(
    "dtype-float64",
    (5,),
    lambda k: k.Sequential([k.Input((5,)), k.layers.Dense(4, dtype="float64"), k.layers.Dense(2)]),
    tolerance=1e-5,
)
model(
    "dtype-float16",
    (5,),
    lambda k: k.Sequential(
        [k.Input((5,)), k.layers.Dense(4, dtype="float16"), k.layers.Dense(2, dtype="float32")]
    ),
    tolerance=5e-3,
)
