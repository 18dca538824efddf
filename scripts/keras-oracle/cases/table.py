"""How a case of the table is written down.

Every case builds with Keras 3 and with tf_keras (`k` is either module, `L` its layers), unless it
names one. Shapes leave out the batch. `refuses` is text that must be in the refusal.
"""

from dataclasses import dataclass
from typing import Any, Callable, Sequence

KERAS, TF_KERAS = "keras", "tf_keras"
BOTH = (KERAS, TF_KERAS)


def is_keras_3(k):
    return hasattr(k, "ops")


@dataclass(frozen=True)
class Input:
    """Values are normal for floats (or uniform in `low`…`high`) and uniform for integers."""

    shape: tuple
    dtype: str = "float32"
    low: float | None = None
    high: float | None = None
    #: What the model declares, where it leaves dimensions open that the values must have.
    declared: tuple | None = None


@dataclass(frozen=True)
class Case:
    name: str
    inputs: Sequence[Input]
    build: Callable[..., Any]
    dialects: tuple = BOTH
    #: The largest difference from Keras, as a part of the largest expected value.
    tolerance: float = 1e-5
    refuses: str | None = None
    #: Written in every dialect and format, not in one that the name picks.
    every_format: bool = False


CASES: list[Case] = []


def _inputs(shapes) -> list[Input]:
    shapes = shapes if isinstance(shapes, list) else [shapes]
    return [shape if isinstance(shape, Input) else Input(shape) for shape in shapes]


def functional(name, shapes, outputs, **options):
    """`outputs(k, *tensors)` gives the outputs of a Functional model over `shapes`."""
    inputs = _inputs(shapes)

    def build(k):
        tensors = [
            k.Input(i.declared or i.shape, dtype=i.dtype, name=f"input_{n}")
            for n, i in enumerate(inputs)
        ]
        return k.Model(tensors if len(tensors) > 1 else tensors[0], outputs(k, *tensors))

    CASES.append(Case(name, inputs, build, **options))


def sequential(name, shape, layers, **options):
    """`layers(L)` gives the layers (or one) of a Sequential model."""
    [i] = inputs = _inputs(shape)

    def build(k):
        stack = layers(k.layers)
        stack = list(stack) if isinstance(stack, (list, tuple)) else [stack]
        first = k.Input(i.declared or i.shape, dtype=i.dtype)
        return k.Sequential([first, *stack])

    CASES.append(Case(name, inputs, build, **options))


def model(name, shapes, build, **options):
    """`build(k)` gives the model itself."""
    CASES.append(Case(name, _inputs(shapes), build, **options))


def options_of(layer, shape, table, **common):
    """One case of `layer` for each entry of `table`: the options, by the case's name."""
    for number, (name, arguments) in enumerate(table.items()):
        sequential(
            f"{layer}-{name}",
            shape,
            lambda L, arguments=arguments: getattr(L, layer)(**arguments),
            **{"every_format": number == 0, **common},
        )


IMAGE = (9, 8, 3)
SIGNAL = (11, 4)
VOLUME = (6, 5, 7, 2)
TOKENS = Input((6,), "int32", 0, 11)
VALUES = Input((5, 7), low=-4, high=4)
PIXELS = Input((9, 8, 3), low=0, high=255)
PHOTO = Input((12, 10, 3), low=0, high=255)


def fixed_batch(k, shape):
    """An InputLayer with a batch of 3: the argument's name differs."""
    return k.layers.InputLayer(
        **{"batch_shape" if is_keras_3(k) else "batch_input_shape": (3, *shape)}
    )
