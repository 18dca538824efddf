"""What is refused, by name."""

import tensorflow as tf

from cases.table import Input, KERAS, model, sequential

sequential(
    "refused-Lambda",
    (4,),
    lambda L: [L.Lambda(lambda x: x * 2, name="doubled"), L.Dense(2)],
    refuses="doubled",
)
sequential(
    "refused-Lambda-last",
    (4,),
    lambda L: [L.Dense(2), L.Lambda(lambda x: x + 1, name="increment")],
    refuses="increment",
)


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
sequential(
    "refused-StringLookup",
    Input((1,), "string"),
    lambda L: L.StringLookup(vocabulary=["a", "b"]),
    refuses="StringLookup",
    dialects=(KERAS,),
)


def custom_activation(k):
    def wavy(x):
        return x * 2

    return k.Sequential([k.Input((4,)), k.layers.Dense(2, activation=wavy)])


model("refused-custom-activation", (4,), custom_activation, refuses="wavy")
