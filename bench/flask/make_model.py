"""Rebuilds an ONNX image classifier as the Keras HDF5 file that the Flask service loads.

    make_model.py model.onnx model.h5

Reads the node types of an EfficientNet-Lite with folded BatchNormalization and refuses any
other. The Keras model takes raw 0..255 RGB in NHWC: (value - 127) / 128 is its first layer.
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["TF_USE_LEGACY_KERAS"] = "1"

import onnx
import tensorflow as tf
from onnx import numpy_helper

layers = tf.keras.layers


def attributes_of(node):
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def convolution(x, node, kernel, bias):
    """ONNX kernels are [out, in / group, h, w]; its pads [top, left, bottom, right]."""
    given = attributes_of(node)
    top, left, bottom, right = given["pads"]
    if any(given["pads"]):
        x = layers.ZeroPadding2D(((top, bottom), (left, right)))(x)
    size, strides = given["kernel_shape"], given["strides"]
    if given["group"] == 1:
        layer = layers.Conv2D(kernel.shape[0], size, strides, name=node.output[0])
        weights = kernel.transpose(2, 3, 1, 0)
    elif given["group"] == kernel.shape[0] == x.shape[-1]:
        layer = layers.DepthwiseConv2D(size, strides, name=node.output[0])
        weights = kernel.transpose(2, 3, 0, 1)
    else:
        raise SystemExit(f"{node.output[0]}: grouped convolutions are not supported")
    y = layer(x)
    layer.set_weights([weights, bias])
    return y


def dense(x, node, kernel, bias):
    layer = layers.Dense(kernel.shape[0], name=node.output[0])
    y = layer(x)
    layer.set_weights([kernel.T, bias])
    return y


def convert(graph):
    constants = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    height, width = (d.dim_value for d in graph.input[0].type.tensor_type.shape.dim[1:3])
    image = layers.Input((height, width, 3), name="image_raw")
    values = {graph.input[0].name: layers.Rescaling(1 / 128, -127 / 128)(image)}
    for node in graph.node:
        name, x = node.output[0], values.get(node.input[0])
        match node.op_type:
            case "Cast":
                constants[name] = constants[node.input[0]].astype("float32")
            case "Transpose" | "Flatten":
                values[name] = x  # Keras stays in NHWC, and its pooling has flattened already
            case "Conv":
                values[name] = convolution(x, node, *(constants[i] for i in node.input[1:]))
            case "Clip":
                values[name] = layers.ReLU(float(constants[node.input[2]]), name=name)(x)
            case "Add":
                values[name] = layers.Add(name=name)([values[i] for i in node.input])
            case "GlobalAveragePool":
                values[name] = layers.GlobalAveragePooling2D(name=name)(x)
            case "Gemm":
                values[name] = dense(x, node, *(constants[i] for i in node.input[1:]))
            case "Softmax":
                values[name] = layers.Softmax(name=name)(x)
            case other:
                raise SystemExit(f"{name}: the node type {other} is not supported")
    return tf.keras.Model(image, values[graph.output[0].name])


if __name__ == "__main__":
    source, target = sys.argv[1:]
    staging = f"{target}.{os.getpid()}.tmp.h5"
    convert(onnx.load(source).graph).save(staging, save_format="h5")
    os.replace(staging, target)
