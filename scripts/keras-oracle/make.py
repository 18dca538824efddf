"""Writes small Keras files with the answers that Keras itself gives to random inputs.

    make.py --out FOLDER [--only TEXT] [--every-format | --few]

FOLDER/GROUP.json.gz holds the cases of cases.py whose names begin with GROUP: an object that gives
for each name the inputs, the expected outputs by dialect, and the files, `DIALECT.FORMAT`, in
base64. (A small HDF5 file is mostly air, and the same air in each: together they compress to a
tenth.) By default most cases are in one format, by turns, and those marked `every_format` in all.
"""

import argparse
import base64
import gzip
import json
import os
import pathlib
import tempfile
import warnings
import zlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
warnings.filterwarnings("ignore")

import absl.logging
import numpy as np
import tensorflow as tf

from cases import CASES, KERAS, TF_KERAS
from weights import random_weights

absl.logging.set_verbosity(absl.logging.ERROR)
tf.get_logger().setLevel("ERROR")

BATCH = 3
if tf.__version__.startswith("2.12."):
    # Its Keras is the older tf_keras: one of the two that an environment has.
    MODULES = {TF_KERAS: tf.keras}
else:
    import keras
    import tf_keras

    MODULES = {KERAS: keras, TF_KERAS: tf_keras}


def values_of(spec, rng):
    shape = (BATCH, *spec.shape)
    if spec.dtype == "bool":
        return rng.random(shape) < 0.7
    if spec.dtype == "string":
        return np.full(shape, "a", dtype=object)
    if "int" in spec.dtype:
        return rng.integers(int(spec.low), int(spec.high), shape).astype(spec.dtype)
    if spec.low is not None:
        return rng.uniform(spec.low, spec.high, shape).astype(spec.dtype)
    return rng.normal(0, 1, shape).astype(spec.dtype)


def encoded(array):
    """Little-endian bytes in base64: exact, and shorter than decimal numbers."""
    array = np.ascontiguousarray(array)
    data = b"" if array.dtype == object else array.tobytes()
    name = "string" if array.dtype == object else str(array.dtype)
    return {"dtype": name, "shape": list(array.shape), "data": base64.b64encode(data).decode()}


def answers(model, inputs):
    """Every output in the order of `model.outputs`, as float32 where the model computes in less."""
    given = [tf.constant(i) for i in inputs]
    named = getattr(model, "_inputs_struct", getattr(model, "_nested_inputs", None))
    if isinstance(named, dict):
        given = dict(zip(named, given))
    elif len(given) == 1:
        [given] = given
    flat = tf.nest.flatten(model(given, training=False))
    return [y.numpy().astype("float32") if y.dtype.is_floating else y.numpy() for y in flat]


def formats_of(case, every_format):
    formats = [(d, f) for d in case.dialects if d in MODULES for f in ("h5", "keras")]
    if case.every_format or every_format:
        return formats
    return formats and [formats[zlib.crc32(case.name.encode()) % len(formats)]]


def make(case, every_format):
    """Gives the case as it is written, and what could not be saved with the reason."""
    formats, failures = formats_of(case, every_format), []
    rng = np.random.default_rng(zlib.crc32(case.name.encode()))
    inputs = [values_of(i, rng) for i in case.inputs]
    made = {"files": {}}
    if case.refuses is None:
        made |= {
            "tolerance": case.tolerance,
            "inputs": [encoded(i) for i in inputs],
            "expected": {},
        }
    else:
        made |= {"refuses": case.refuses}
    for dialect in dict.fromkeys(d for d, _ in formats):
        k = MODULES[dialect]
        k.backend.clear_session()
        try:
            model = case.build(k)
        except (AttributeError, TypeError) as error:  # a layer or an option that this Keras lacks
            failures.append(f"{dialect}: {error}")
            continue
        if case.refuses is None:
            random_weights(model, rng)
            made["expected"][dialect] = [encoded(y) for y in answers(model, inputs)]
        for format in [f for d, f in formats if d == dialect]:
            try:
                made["files"][f"{dialect}.{format}"] = saved(model, format)
            except Exception as error:
                failures.append(f"{dialect}.{format}: {type(error).__name__}: {str(error)[:200]}")
    return made, failures


def saved(model, format):
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, f"model.{format}")
        model.save(file)
        return base64.b64encode(file.read_bytes()).decode()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--every-format", action="store_true")
    parser.add_argument(
        "--few", action="store_true", help="only the cases that are in every format"
    )
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    names = [case.name for case in CASES]
    assert len(names) == len(set(names)), "two cases with one name"
    groups = {}
    for case in CASES:
        if options.only not in case.name or options.few and not case.every_format:
            continue
        made, failures = make(case, options.every_format)
        for failure in failures:
            print(f"{case.name} {failure}", flush=True)
        if made["files"]:
            groups.setdefault(case.name.split("-")[0], {})[case.name] = made
    for group, cases in groups.items():
        text = json.dumps(cases, indent=0).encode()
        (options.out / f"{group}.json.gz").write_bytes(gzip.compress(text, 9, mtime=0))


if __name__ == "__main__":
    main()
