"""Merging."""

from cases.table import functional

for merge in "Add Multiply Average Maximum Minimum Concatenate".split():
    functional(
        f"{merge}-three",
        [(4, 3)] * 3,
        lambda k, *x, m=merge: getattr(k.layers, m)()(list(x)),
        every_format=True,
    )
functional("Subtract", [(4, 3)] * 2, lambda k, x, y: k.layers.Subtract()([x, y]), every_format=True)
functional("Add-broadcast", [(4, 3), (1, 3)], lambda k, x, y: k.layers.Add()([x, y]))
functional(
    "Multiply-squeeze-and-excite",
    [(4, 5, 3), (1, 1, 3)],
    lambda k, x, y: k.layers.Multiply()([x, y]),
)
functional("Add-ranks-differ", [(4, 3), (3,)], lambda k, x, y: k.layers.Add()([x, y]))
functional(
    "Concatenate-axis-1", [(4, 3), (2, 3)], lambda k, x, y: k.layers.Concatenate(axis=1)([x, y])
)
functional(
    "Concatenate-images", [(4, 3, 2), (4, 3, 5)], lambda k, x, y: k.layers.Concatenate()([x, y])
)
functional(
    "Dot-axes-1", [(4,), (4,)], lambda k, x, y: k.layers.Dot(axes=1)([x, y]), every_format=True
)
functional(
    "Dot-normalize", [(4,), (4,)], lambda k, x, y: k.layers.Dot(axes=-1, normalize=True)([x, y])
)
functional("Dot-axes-differ", [(4, 3), (5, 4)], lambda k, x, y: k.layers.Dot(axes=(1, 2))([x, y]))
