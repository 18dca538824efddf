"""Pooling."""

from cases.table import IMAGE, KERAS, SIGNAL, VOLUME, options_of, sequential

for pool in ("MaxPooling", "AveragePooling"):
    options_of(
        f"{pool}1D",
        SIGNAL,
        {
            "plain": dict(pool_size=2),
            "same": dict(pool_size=3, strides=2, padding="same"),
        },
    )
    options_of(
        f"{pool}2D",
        IMAGE,
        {
            "plain": dict(pool_size=2),
            "same": dict(pool_size=3, strides=2, padding="same"),
            "same-differ": dict(pool_size=(2, 3), strides=(3, 1), padding="same"),
            "overlapping": dict(pool_size=3, strides=1),
            "same-strides-1": dict(pool_size=3, strides=1, padding="same"),
            "channels-first": dict(pool_size=2, data_format="channels_first"),
        },
    )
    options_of(
        f"{pool}3D",
        VOLUME,
        {
            "plain": dict(pool_size=2),
            "same": dict(pool_size=(2, 3, 2), strides=(1, 2, 3), padding="same"),
        },
    )
for pool in ("GlobalMaxPooling", "GlobalAveragePooling"):
    for dimensions, shape in ((1, SIGNAL), (2, IMAGE), (3, VOLUME)):
        options_of(
            f"{pool}{dimensions}D", shape, {"plain": dict(), "keepdims": dict(keepdims=True)}
        )
    sequential(
        f"{pool}2D-channels-first",
        IMAGE,
        lambda L, pool=pool: getattr(L, f"{pool}2D")(data_format="channels_first"),
    )
sequential(
    "AdaptiveAveragePooling2D",
    IMAGE,
    lambda L: L.AdaptiveAveragePooling2D((3, 4)),
    dialects=(KERAS,),
)
sequential(
    "AdaptiveMaxPooling2D", IMAGE, lambda L: L.AdaptiveMaxPooling2D((3, 4)), dialects=(KERAS,)
)
