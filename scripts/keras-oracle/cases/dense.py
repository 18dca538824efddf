"""Dense and its relatives."""

from cases.table import Input, KERAS, TOKENS, options_of, sequential

options_of(
    "Dense",
    (5,),
    {
        "plain": dict(units=4),
        "no-bias": dict(units=4, use_bias=False),
        "relu": dict(units=4, activation="relu"),
        "softmax": dict(units=4, activation="softmax"),
    },
)
sequential("Dense-of-a-sequence", (3, 5), lambda L: L.Dense(4, activation="tanh"))
sequential("Dense-of-an-image", (3, 4, 5), lambda L: L.Dense(2))
sequential(
    "EinsumDense-plain",
    (3, 5),
    lambda L: L.EinsumDense("abc,cd->abd", (None, 4), bias_axes="d"),
    every_format=True,
)
sequential(
    "EinsumDense-ellipsis",
    (3, 5),
    lambda L: L.EinsumDense("...x,xy->...y", (4,), activation="relu"),
)
sequential(
    "EinsumDense-heads",
    (3, 6),
    lambda L: L.EinsumDense("abc,cde->abde", (None, 2, 4), bias_axes="de"),
)
sequential(
    "EinsumDense-contract-two",
    (3, 2, 4),
    lambda L: L.EinsumDense("abcd,cde->abe", (None, 5), bias_axes="e"),
)
sequential("EinsumDense-mixing", (4, 6), lambda L: L.EinsumDense("abc,bd->adc", (5, 6)))
sequential("Embedding-plain", TOKENS, lambda L: L.Embedding(11, 4), every_format=True)
sequential(
    "Embedding-mask-pooled",
    TOKENS,
    lambda L: [L.Embedding(11, 4, mask_zero=True), L.GlobalAveragePooling1D()],
)
sequential("Embedding-of-floats", Input((6,), "float32", 0, 10), lambda L: L.Embedding(11, 4))
sequential("Embedding-flatten", TOKENS, lambda L: [L.Embedding(11, 3), L.Flatten(), L.Dense(2)])
sequential("ReversibleEmbedding", TOKENS, lambda L: L.ReversibleEmbedding(11, 4), dialects=(KERAS,))
