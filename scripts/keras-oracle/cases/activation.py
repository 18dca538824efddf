"""Activations."""

import tensorflow as tf

from cases.table import IMAGE, Input, KERAS, TF_KERAS, VALUES, options_of, sequential

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
options_of(
    "ReLU",
    VALUES,
    {
        "plain": dict(),
        "max": dict(max_value=2.5),
        "slope": dict(negative_slope=0.2),
        "threshold": dict(threshold=0.7),
        "everything": dict(max_value=3, negative_slope=0.1, threshold=0.5),
    },
)
sequential("LeakyReLU-plain", VALUES, lambda L: L.LeakyReLU(), every_format=True)
sequential("LeakyReLU-slope", VALUES, lambda L: L.LeakyReLU(0.05))
sequential("ELU", VALUES, lambda L: L.ELU(alpha=0.7), every_format=True)
options_of(
    "PReLU",
    IMAGE,
    {"plain": dict(), "shared": dict(shared_axes=[1, 2]), "shared-one": dict(shared_axes=[2])},
)
options_of("Softmax", (4, 5), {"plain": dict(), "axis-1": dict(axis=1), "axes": dict(axis=[1, 2])})
options_of("ThresholdedReLU", VALUES, {"plain": dict(theta=0.8)}, dialects=(TF_KERAS,))
sequential("activation-channels-softmax", IMAGE, lambda L: L.Activation("softmax"))
sequential(
    "activation-as-function",
    VALUES,
    lambda L: [L.Dense(4, activation=tf.nn.relu), L.Dense(3, activation=tf.nn.sigmoid)],
    dialects=(TF_KERAS,),
)
