"""Attention."""

from cases.table import Input, KERAS, TOKENS, functional

functional(
    "MultiHeadAttention-self",
    (5, 6),
    lambda k, x: k.layers.MultiHeadAttention(2, 4)(x, x),
    every_format=True,
)
functional(
    "MultiHeadAttention-cross",
    [(5, 6), (3, 7)],
    lambda k, x, y: k.layers.MultiHeadAttention(3, 2, value_dim=5)(x, y),
)
functional(
    "MultiHeadAttention-key",
    [(5, 6), (3, 7), (3, 4)],
    lambda k, x, y, z: k.layers.MultiHeadAttention(2, 3, use_bias=False)(x, y, key=z),
)
functional(
    "MultiHeadAttention-output-shape",
    (5, 6),
    lambda k, x: k.layers.MultiHeadAttention(2, 4, output_shape=3)(x, x),
)
functional(
    "MultiHeadAttention-causal",
    (5, 6),
    lambda k, x: k.layers.MultiHeadAttention(2, 4)(x, x, use_causal_mask=True),
)
functional(
    "MultiHeadAttention-scores",
    (5, 6),
    lambda k, x: list(k.layers.MultiHeadAttention(2, 4)(x, x, return_attention_scores=True)),
)
functional(
    "MultiHeadAttention-mask",
    [(5, 6), Input((5, 5), "bool")],
    lambda k, x, m: k.layers.MultiHeadAttention(2, 4)(x, x, attention_mask=m),
)
functional(
    "MultiHeadAttention-two-axes",
    (3, 4, 6),
    lambda k, x: k.layers.MultiHeadAttention(2, 4, attention_axes=(1, 2))(x, x),
)
functional(
    "GroupQueryAttention",
    (5, 8),
    lambda k, x: k.layers.GroupQueryAttention(head_dim=2, num_query_heads=4, num_key_value_heads=2)(
        x, x
    ),
    dialects=(KERAS,),
)
functional(
    "Attention-plain",
    [(5, 6), (3, 6)],
    lambda k, x, y: k.layers.Attention()([x, y]),
    every_format=True,
)
functional(
    "Attention-scaled-causal",
    [(5, 6), (5, 6), (5, 6)],
    lambda k, x, y, z: k.layers.Attention(use_scale=True)([x, y, z], use_causal_mask=True),
)
functional(
    "Attention-concat",
    [(5, 6), (3, 6)],
    lambda k, x, y: k.layers.Attention(score_mode="concat")([x, y]),
)
functional(
    "AdditiveAttention", [(5, 6), (3, 6)], lambda k, x, y: k.layers.AdditiveAttention()([x, y])
)


def transformer_block(k, x):
    L = k.layers
    y = L.Embedding(11, 8)(x)
    z = L.LayerNormalization(epsilon=1e-6)(L.Add()([y, L.MultiHeadAttention(2, 4)(y, y)]))
    w = L.Dense(8)(L.Dense(16, activation="gelu")(z))
    return L.Dense(3, activation="softmax")(L.GlobalAveragePooling1D()(L.Add()([z, w])))


functional("transformer-block", TOKENS, transformer_block, every_format=True)
