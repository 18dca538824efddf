"""Shapes."""

from cases.table import IMAGE, KERAS, SIGNAL, VOLUME, options_of, sequential

options_of(
    "Reshape",
    (4, 6),
    {
        "plain": dict(target_shape=(3, 8)),
        "open": dict(target_shape=(-1, 4)),
        "image": dict(target_shape=(2, 3, 4)),
    },
)
options_of("Permute", (4, 5, 6), {"plain": dict(dims=(2, 3, 1)), "swap": dict(dims=(1, 3, 2))})
options_of(
    "Flatten", (4, 5, 3), {"plain": dict(), "channels-first": dict(data_format="channels_first")}
)
sequential("Flatten-scalars", (), lambda L: L.Flatten(), dialects=(KERAS,))
sequential("Flatten-after-Conv2D", IMAGE, lambda L: [L.Conv2D(2, 3), L.Flatten(), L.Dense(3)])
sequential(
    "Reshape-after-Conv2D", IMAGE, lambda L: [L.Conv2D(4, 3), L.Reshape((-1, 2)), L.Conv1D(2, 3)]
)
sequential(
    "Permute-after-Conv2D", IMAGE, lambda L: [L.Conv2D(4, 3), L.Permute((3, 1, 2)), L.Conv2D(2, 3)]
)
sequential("RepeatVector", (5,), lambda L: L.RepeatVector(3), every_format=True)
options_of("Cropping1D", SIGNAL, {"plain": dict(cropping=2), "differ": dict(cropping=(1, 3))})
options_of(
    "Cropping2D", IMAGE, {"plain": dict(cropping=2), "differ": dict(cropping=((1, 2), (0, 3)))}
)
options_of(
    "Cropping3D",
    VOLUME,
    {"plain": dict(cropping=1), "differ": dict(cropping=((1, 2), (0, 3), (2, 0)))},
)
options_of("ZeroPadding1D", SIGNAL, {"plain": dict(padding=2), "differ": dict(padding=(1, 3))})
options_of(
    "ZeroPadding2D",
    IMAGE,
    {"plain": dict(), "differ": dict(padding=((1, 2), (0, 3))), "pair": dict(padding=(2, 1))},
)
options_of(
    "ZeroPadding3D", VOLUME, {"plain": dict(), "differ": dict(padding=((1, 2), (0, 3), (2, 0)))}
)
sequential(
    "ZeroPadding2D-Conv2D",
    IMAGE,
    lambda L: [L.ZeroPadding2D(((0, 1), (0, 1))), L.Conv2D(4, 3, strides=2)],
    every_format=True,
)
sequential(
    "ZeroPadding2D-MaxPooling2D",
    IMAGE,
    lambda L: [L.Conv2D(4, 1), L.ZeroPadding2D(1), L.MaxPooling2D(3, strides=2)],
)
sequential(
    "ZeroPadding2D-channels-first",
    IMAGE,
    lambda L: L.ZeroPadding2D((1, 2), data_format="channels_first"),
)
options_of("UpSampling1D", SIGNAL, {"plain": dict(size=3)})
options_of(
    "UpSampling2D",
    (4, 5, 3),
    {
        "plain": dict(),
        "differ": dict(size=(3, 2)),
        "bilinear": dict(size=2, interpolation="bilinear"),
        "bilinear-differ": dict(size=(3, 2), interpolation="bilinear"),
        "bicubic": dict(size=2, interpolation="bicubic"),
    },
)
sequential(
    "UpSampling2D-lanczos3",
    (4, 5, 3),
    lambda L: L.UpSampling2D(2, interpolation="lanczos3"),
    refuses="lanczos3",
)
options_of("UpSampling3D", (3, 2, 4, 2), {"plain": dict(), "differ": dict(size=(1, 2, 3))})
