"""Writes model.onnx: answers zeros at once and loops for 2^62 turns over any real image.

    make_model.py model.onnx
"""

import sys

from onnx import TensorProto, checker, helper, save

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL

turn = helper.make_graph(
    [
        helper.make_node("Identity", ["go_on"], ["go_on_next"]),
        helper.make_node("Add", ["value", "one"], ["value_next"]),
    ],
    "turn",
    [
        helper.make_tensor_value_info("index", INT64, []),
        helper.make_tensor_value_info("go_on", BOOL, []),
        helper.make_tensor_value_info("value", FLOAT, [1, 2]),
    ],
    [
        helper.make_tensor_value_info("go_on_next", BOOL, []),
        helper.make_tensor_value_info("value_next", FLOAT, [1, 2]),
    ],
)
graph = helper.make_graph(
    [
        helper.make_node("ReduceMax", ["image"], ["brightest"], keepdims=0),
        helper.make_node("Greater", ["brightest", "zero"], ["is_image"]),
        helper.make_node("Where", ["is_image", "forever", "never"], ["turns"]),
        helper.make_node("Loop", ["turns", "", "start"], ["probabilities"], body=turn),
    ],
    "hang",
    [helper.make_tensor_value_info("image", FLOAT, [1, 8, 8, 3])],
    [helper.make_tensor_value_info("probabilities", FLOAT, [1, 2])],
    [
        helper.make_tensor("zero", FLOAT, [], [0.0]),
        helper.make_tensor("one", FLOAT, [], [1.0]),
        helper.make_tensor("start", FLOAT, [1, 2], [0.0, 1.0]),
        helper.make_tensor("forever", INT64, [], [2**62]),
        helper.make_tensor("never", INT64, [], [0]),
    ],
)
model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
checker.check_model(model, full_check=True)
save(model, sys.argv[1])
