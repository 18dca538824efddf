"""Recurrent."""

from cases.table import Input, TOKENS, fixed_batch, functional, model, options_of, sequential

SEQUENCE = (5, 3)
options_of(
    "SimpleRNN",
    SEQUENCE,
    {
        "plain": dict(units=4),
        "sequences": dict(units=4, return_sequences=True, activation="relu"),
        "backwards": dict(units=4, go_backwards=True, use_bias=False),
    },
)
options_of(
    "LSTM",
    SEQUENCE,
    {
        "plain": dict(units=4),
        "sequences": dict(units=4, return_sequences=True),
        "backwards": dict(units=4, go_backwards=True, return_sequences=True),
        "activations": dict(units=4, activation="relu", recurrent_activation="hard_sigmoid"),
        "no-bias": dict(units=4, use_bias=False),
        "unroll-dropout": dict(units=4, unroll=True, dropout=0.3, recurrent_dropout=0.2),
        "no-forget-bias": dict(units=4, unit_forget_bias=False, activation="sigmoid"),
    },
)
options_of(
    "GRU",
    SEQUENCE,
    {
        "plain": dict(units=4),
        "sequences": dict(units=4, return_sequences=True),
        "reset-before": dict(units=4, reset_after=False),
        "reset-before-sequences-backwards": dict(
            units=4, reset_after=False, return_sequences=True, go_backwards=True
        ),
        "no-bias": dict(units=4, use_bias=False),
        "activations": dict(
            units=4, activation="relu", recurrent_activation="sigmoid", return_sequences=True
        ),
    },
)
for layer, states in (("LSTM", 3), ("GRU", 2), ("SimpleRNN", 2)):
    functional(
        f"{layer}-return-state",
        SEQUENCE,
        lambda k, x, l=layer: list(
            getattr(k.layers, l)(4, return_state=True, return_sequences=True)(x)
        ),
    )
    functional(
        f"{layer}-initial-state",
        [SEQUENCE, *[(4,)] * (states - 1)],
        lambda k, x, *s, l=layer: getattr(k.layers, l)(4)(x, initial_state=list(s)),
    )
    sequential(
        f"{layer}-masked-by-Embedding",
        TOKENS,
        lambda L, l=layer: [
            L.Embedding(11, 3, mask_zero=True),
            getattr(L, l)(4, return_sequences=True),
            getattr(L, l)(3),
        ],
    )
    sequential(
        f"{layer}-open-length",
        Input((5, 3), declared=(None, 3)),
        lambda L, l=layer: [getattr(L, l)(4, return_sequences=True), getattr(L, l)(3)],
    )


model(
    "LSTM-stateful",
    SEQUENCE,
    lambda k: k.Sequential([fixed_batch(k, SEQUENCE), k.layers.LSTM(4, stateful=True)]),
    refuses="stateful",
)
for mode in ("concat", "sum", "mul", "ave"):
    sequential(
        f"Bidirectional-{mode}",
        SEQUENCE,
        lambda L, m=mode: L.Bidirectional(L.LSTM(4), merge_mode=m),
        every_format=mode == "concat",
    )
functional(
    "Bidirectional-none",
    SEQUENCE,
    lambda k, x: list(k.layers.Bidirectional(k.layers.LSTM(4), merge_mode=None)(x)),
)
sequential(
    "Bidirectional-sequences", SEQUENCE, lambda L: L.Bidirectional(L.GRU(4, return_sequences=True))
)
sequential(
    "Bidirectional-two-layers",
    SEQUENCE,
    lambda L: L.Bidirectional(
        L.LSTM(4, return_sequences=True),
        backward_layer=L.GRU(4, return_sequences=True, go_backwards=True),
    ),
)
sequential(
    "Bidirectional-masked",
    TOKENS,
    lambda L: [
        L.Embedding(11, 3, mask_zero=True),
        L.Bidirectional(L.LSTM(4, return_sequences=True)),
        L.Bidirectional(L.GRU(3)),
    ],
)
functional(
    "Bidirectional-return-state",
    SEQUENCE,
    lambda k, x: list(k.layers.Bidirectional(k.layers.LSTM(4, return_state=True))(x)),
)
sequential("Masking-LSTM", SEQUENCE, lambda L: [L.ReLU(), L.Masking(0.0), L.LSTM(4)])
sequential("RNN-of-a-cell", SEQUENCE, lambda L: L.RNN(L.LSTMCell(4), return_sequences=True))
sequential("RNN-of-stacked-cells", SEQUENCE, lambda L: L.RNN([L.GRUCell(4), L.LSTMCell(3)]))
sequential("ConvLSTM2D", (3, 5, 4, 2), lambda L: L.ConvLSTM2D(3, 2))
sequential(
    "TimeDistributed-Dense",
    SEQUENCE,
    lambda L: L.TimeDistributed(L.Dense(4, activation="relu")),
    every_format=True,
)
sequential(
    "TimeDistributed-Conv2D",
    (3, 6, 5, 2),
    lambda L: [
        L.TimeDistributed(L.Conv2D(3, 3)),
        L.TimeDistributed(L.GlobalAveragePooling2D()),
        L.LSTM(3),
    ],
)
sequential(
    "TimeDistributed-open-length",
    Input((3, 4, 5), declared=(None, 4, 5)),
    lambda L: L.TimeDistributed(L.Flatten()),
)
