"""Writes one network of each family of keras.applications, with Keras' answers to 32 images.

    families.py --out FOLDER [--only NAME,NAME] [--dialects keras,tf_keras] [--onnx]

Each becomes FOLDER/DIALECT-NAME with model.h5, model.keras (Keras 3 only), inputs.f32 and
expected.f32 (little-endian), about.json and, with --onnx, model.onnx by tf2onnx. What is there
already is kept. The weights are random, but live: the statistics of every BatchNormalization are
those of real activations, shaken, and the head is scaled so that the answers differ from image
to image.
"""

import argparse
import json
import os
import pathlib
import shutil
import traceback
import warnings
import zlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
warnings.filterwarnings("ignore")

import absl.logging
import keras
import numpy as np
import tensorflow as tf
import tf_keras

from weights import every_layer, leaf_name

absl.logging.set_verbosity(absl.logging.ERROR)

IMAGES = 32
#: The standard deviation of the logits over the classes and over the images.
LOGITS_STD = 2.5
FAMILIES = (
    "MobileNetV2 MobileNet MobileNetV3Small MobileNetV3Large EfficientNetB0 EfficientNetV2B0 "
    "DenseNet121 NASNetMobile ResNet50 ResNet50V2 InceptionV3 Xception ConvNeXtTiny "
    "InceptionResNetV2 VGG16"
).split()
MODULES = {
    "keras": (keras, FAMILIES),
    "tf_keras": (tf_keras, [*FAMILIES, "RegNetX002", "RegNetY002", "ResNetRS50"]),
}
#: For VGG16 tf2onnx takes over 24 GB of memory; of ConvNeXt it writes operators that ONNX lacks.
NOT_EXPORTED = ("VGG16", "ConvNeXtTiny")
#: These begin with a Rescaling or Normalization of raw pixels; the others take about -1…1.
RAW_PIXELS = ("MobileNetV3", "EfficientNet", "ConvNeXt", "RegNet", "ResNetRS")


def random_images(size, rng):
    """Coarse blobs of random colour and contrast with some noise, in -1…1."""
    images = []
    for _ in range(IMAGES):
        cells = int(rng.integers(2, 20))
        blobs = tf.image.resize(rng.normal(0, 1, (cells, cells, 3)), size, "bicubic").numpy()
        noise = rng.normal(0, rng.uniform(0.02, 0.5), (*size, 3))
        images.append(rng.normal(0, 0.4, 3) + rng.uniform(0.2, 1) * blobs + noise)
    return np.clip(np.stack(images), -1, 1).astype("float32")


def random_kernels(model, rng):
    for layer in every_layer(model):
        depthwise = "Depthwise" in type(layer).__name__
        for weight in (
            layer._trainable_weights
            if hasattr(layer, "_trainable_weights")
            else layer.trainable_weights
        ):
            name, shape = leaf_name(weight), tuple(weight.shape)
            if name == "gamma":
                value = rng.uniform(0.6, 1.4, shape)
            elif len(shape) == 1:
                value = rng.normal(0, 0.2, shape)
            else:
                fan_in = np.prod(shape[:2] if depthwise or "depthwise" in name else shape[:-1])
                value = rng.normal(0, np.sqrt(2 / fan_in), shape)
            weight.assign(value.astype("float32"))


def live_statistics(model, images, rng):
    """One pass in training mode with a momentum of 0 stores the statistics of `images`."""
    norms = [l for l in every_layer(model) if type(l).__name__ == "BatchNormalization"]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    model(images, training=True)
    for norm, momentum in zip(norms, momenta):
        norm.momentum = momentum
        mean, variance = norm.moving_mean.numpy(), norm.moving_variance.numpy()
        norm.moving_mean.assign(mean + rng.normal(0, 0.1, mean.shape) * np.sqrt(variance))
        norm.moving_variance.assign(variance * rng.uniform(0.8, 1.25, variance.shape))


def has_softmax(answers):
    return bool((answers >= 0).all())


def logits_of(answers):
    """But for a constant: their mean is 0. RegNet has no softmax, whatever its arguments say."""
    logs = np.log(answers.astype("float64")) if has_softmax(answers) else answers
    return logs - logs.mean(axis=-1, keepdims=True)


def spread_answers(model, images):
    head = [
        l for l in every_layer(model) if {leaf_name(w) for w in l.weights} == {"kernel", "bias"}
    ][-1]
    kernel, bias = (w.numpy() for w in head.weights)
    head.weights[0].assign(kernel * 0.01)
    head.weights[1].assign(bias * 0)
    for _ in range(2):
        kernel, bias = (w.numpy() for w in head.weights)
        logits = logits_of(model.predict(images, batch_size=8, verbose=0)).reshape(IMAGES, -1)
        mean = logits.mean(axis=0)
        scale = LOGITS_STD / (logits - mean).std()
        head.weights[0].assign((kernel * scale).astype("float32"))
        head.weights[1].assign(((bias - mean) * scale).astype("float32"))


def make(dialect, name, folder, onnx):
    k, _ = MODULES[dialect]
    k.backend.clear_session()
    k.utils.set_random_seed(1)  # of the dropout in the pass that makes the statistics
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    model = getattr(k.applications, name)(weights=None)
    # Some leave the size open.
    images = random_images([side or 224 for side in model.input_shape[1:3]], rng)
    if name.startswith(RAW_PIXELS):
        images = (images + 1) * 127.5
    random_kernels(model, rng)
    live_statistics(model, images, rng)
    spread_answers(model, images)
    expected = model.predict(images, batch_size=8, verbose=0)
    one_by_one = model.predict(images, batch_size=1, verbose=0)
    about = {
        "family": name,
        "dialect": dialect,
        "inputShape": list(images.shape),
        "outputShape": list(expected.shape),
        "softmax": has_softmax(expected),
        "topClasses": len(set(expected.argmax(axis=-1).tolist())),
        "largestProbability": float(expected.max()),
        # How much Keras differs from itself when only the batch size changes.
        "ownDifference": float(np.abs(expected - one_by_one).max()),
        "ownLogitsDifference": float(
            np.abs(logits_of(expected) - logits_of(one_by_one)).max()
            / np.abs(logits_of(expected)).max()
        ),
    }
    model.save(folder / "model.h5")
    if dialect == "keras":
        model.save(folder / "model.keras")
    if onnx:
        model.export(folder / "model.onnx", format="onnx", verbose=False)
    (folder / "inputs.f32").write_bytes(images.astype("<f4").tobytes())
    (folder / "expected.f32").write_bytes(expected.astype("<f4").tobytes())
    (folder / "about.json").write_text(json.dumps(about, indent=2) + "\n")
    print(json.dumps(about), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--only", type=lambda text: text.split(","))
    parser.add_argument("--dialects", type=lambda text: text.split(","), default=list(MODULES))
    parser.add_argument("--onnx", action="store_true")
    options = parser.parse_args()
    failed = False
    for dialect in options.dialects:
        for name in MODULES[dialect][1]:
            folder = options.out / f"{dialect}-{name}"
            onnx = options.onnx and dialect == "keras" and name not in NOT_EXPORTED
            wanted = options.only is None or name in options.only
            if not wanted or folder.exists() and (not onnx or (folder / "model.onnx").exists()):
                continue
            staging = options.out / f".{dialect}-{name}"
            shutil.rmtree(staging, ignore_errors=True)
            staging.mkdir(parents=True)
            try:
                make(dialect, name, staging, onnx)
            except Exception:
                traceback.print_exc()
                failed = True
                continue
            shutil.rmtree(folder, ignore_errors=True)
            staging.rename(folder)
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
