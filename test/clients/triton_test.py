"""What the examples of Triton's own Python client do, over HTTP with JSON and with binary data and
over gRPC. The answers must be equal bit for bit.

CUTOVER_HTTP and CUTOVER_GRPC are the addresses of a server of test/fixtures/v2/models, all versions
of which are loaded.
"""

import asyncio
import os
import queue
import unittest

import numpy as np
import tritonclient.grpc as triton_grpc
import tritonclient.grpc.aio as triton_grpc_aio
import tritonclient.http as triton_http
import tritonclient.http.aio as triton_http_aio
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

HTTP = os.environ["CUTOVER_HTTP"]
GRPC = os.environ["CUTOVER_GRPC"]
FIRST = np.arange(16, dtype=np.int32).reshape(1, 16)
SECOND = np.full((1, 16), 3, dtype=np.int32)


class Http:
    """HTTP with tensors as binary data, as the client does unless told otherwise, or as JSON."""

    module = triton_http

    def __init__(self, binary):
        self.binary = binary
        self.client = triton_http.InferenceServerClient(HTTP, concurrency=8)

    def input(self, name, array):
        tensor = triton_http.InferInput(name, array.shape, np_to_triton_dtype(array.dtype))
        tensor.set_data_from_numpy(array, binary_data=self.binary)
        return tensor

    def output(self, name, classes=0):
        return triton_http.InferRequestedOutput(name, binary_data=self.binary, class_count=classes)


class Grpc:
    module = triton_grpc
    binary = True

    def __init__(self):
        self.client = triton_grpc.InferenceServerClient(GRPC)

    def input(self, name, array):
        tensor = triton_grpc.InferInput(name, array.shape, np_to_triton_dtype(array.dtype))
        tensor.set_data_from_numpy(array)
        return tensor

    def output(self, name, classes=0):
        return triton_grpc.InferRequestedOutput(name, class_count=classes)


def transports():
    return {"json": Http(binary=False), "binary": Http(binary=True), "grpc": Grpc()}


def bits(array):
    if array.dtype != object:
        return (array.dtype, array.shape, array.tobytes())
    return (array.dtype, array.shape, [encoded(each) for each in array.flat])


def encoded(element):
    """The client gives strings out of JSON as text, and others as bytes."""
    return element.encode() if isinstance(element, str) else element


class TritonClient(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.transports = transports()

    @classmethod
    def tearDownClass(cls):
        for transport in cls.transports.values():
            transport.client.close()

    def each(self):
        for name, transport in self.transports.items():
            with self.subTest(transport=name):
                yield transport

    def equal_everywhere(self, model, inputs, outputs, **options):
        """The outputs, after every transport that can carry them gave the same ones."""
        answers = {}
        for name, transport in self.transports.items():
            if name == "json" and any(array.dtype == np.float16 for array in inputs.values()):
                continue
            result = transport.client.infer(
                model,
                [transport.input(*each) for each in inputs.items()],
                outputs=[transport.output(each) for each in outputs],
                **options,
            )
            answers[name] = {each: bits(result.as_numpy(each)) for each in outputs}
        first = next(iter(answers.values()))
        for name, answer in answers.items():
            self.assertEqual(answer, first, f"{model} over {name}")
        return {each: result.as_numpy(each) for each in outputs}

    def test_health(self):
        for transport in self.each():
            client = transport.client
            self.assertTrue(client.is_server_live())
            self.assertTrue(client.is_server_ready())
            self.assertTrue(client.is_model_ready("simple"))
            self.assertTrue(client.is_model_ready("versioned", "2"))
            self.assertFalse(client.is_model_ready("nope"))

    def test_metadata(self):
        http, grpc = self.transports["binary"].client, self.transports["grpc"].client
        self.assertEqual(http.get_server_metadata(), grpc.get_server_metadata(as_json=True))
        for model in ("simple", "versioned", "identity_bytes"):
            ours = grpc.get_model_metadata(model, as_json=True)
            for tensor in ours["inputs"] + ours["outputs"]:
                tensor["shape"] = [int(size) for size in tensor["shape"]]
            self.assertEqual(http.get_model_metadata(model), ours)
        for transport in self.each():
            with self.assertRaises(InferenceServerException):
                transport.client.get_model_metadata("nope")

    def test_config(self):
        http = self.transports["binary"].client.get_model_config("simple")
        grpc = self.transports["grpc"].client.get_model_config("simple", as_json=True)["config"]
        for key in ("name", "platform", "backend"):
            self.assertEqual(http[key], grpc[key])
        self.assertEqual(
            [each["data_type"] for each in http["input"]],
            [each["data_type"] for each in grpc["input"]],
        )

    def test_every_datatype(self):
        edges = {
            "int8": np.int8, "int16": np.int16, "int32": np.int32, "int64": np.int64,
            "uint8": np.uint8, "uint16": np.uint16, "uint32": np.uint32, "uint64": np.uint64,
        }  # fmt: skip
        for name, dtype in edges.items():
            info = np.iinfo(dtype)
            array = np.array([[info.min, info.max], [0, 1]], dtype=dtype)
            given = self.equal_everywhere(f"identity_{name}", {"INPUT0": array}, ["OUTPUT0"])
            self.assertEqual(bits(given["OUTPUT0"]), bits(array))
        floats = {"fp16": np.float16, "fp32": np.float32, "fp64": np.float64}
        for name, dtype in floats.items():
            info = np.finfo(dtype)
            array = np.array([[info.max, info.tiny, -0.0], [np.inf, 0.1, 1 / 3]], dtype=dtype)
            given = self.equal_everywhere(f"identity_{name}", {"INPUT0": array}, ["OUTPUT0"])
            self.assertEqual(bits(given["OUTPUT0"]), bits(array))
        array = np.array([[True, False]])
        given = self.equal_everywhere("identity_bool", {"INPUT0": array}, ["OUTPUT0"])
        self.assertEqual(bits(given["OUTPUT0"]), bits(array))

    def test_infer(self):
        inputs = {"INPUT0": FIRST, "INPUT1": SECOND}
        both = self.equal_everywhere("simple", inputs, ["OUTPUT0", "OUTPUT1"], request_id="7")
        np.testing.assert_array_equal(both["OUTPUT0"], FIRST + SECOND)
        np.testing.assert_array_equal(both["OUTPUT1"], FIRST - SECOND)
        for transport in self.each():
            tensors = [transport.input("INPUT0", FIRST), transport.input("INPUT1", SECOND)]
            result = transport.client.infer("simple", tensors)
            np.testing.assert_array_equal(result.as_numpy("OUTPUT0"), FIRST + SECOND)
            one = transport.client.infer("simple", tensors, outputs=[transport.output("OUTPUT1")])
            self.assertIsNone(one.as_numpy("OUTPUT0"))

    def test_reused_objects(self):
        for transport in self.each():
            first, second = transport.input("INPUT0", FIRST), transport.input("INPUT1", SECOND)
            transport.client.infer("simple", [first, second])
            if isinstance(transport, Http):
                first.set_data_from_numpy(SECOND, binary_data=transport.binary)
            else:
                first.set_data_from_numpy(SECOND)
            result = transport.client.infer("simple", [first, second])
            np.testing.assert_array_equal(result.as_numpy("OUTPUT0"), SECOND + SECOND)

    def test_versions(self):
        for transport in self.each():
            for version in (1, 2, 3):
                result = transport.client.infer(
                    "versioned",
                    [transport.input("INPUT0", np.zeros((1, 1), dtype=np.int32))],
                    model_version=str(version),
                )
                # Its models answer their version.
                self.assertEqual(result.as_numpy("OUTPUT0").tolist(), [[version]])

    def test_strings(self):
        texts = np.array([[str(i).encode() for i in range(16)]], dtype=np.object_)
        ones = np.array([[b"1"] * 16], dtype=np.object_)
        given = self.equal_everywhere(
            "simple_string", {"INPUT0": texts, "INPUT1": ones}, ["OUTPUT0", "OUTPUT1"]
        )
        self.assertEqual([int(each) for each in given["OUTPUT0"][0]], list(range(1, 17)))
        words = np.array([["é\n".encode(), b"", b"x" * 1000]], dtype=np.object_)
        given = self.equal_everywhere("identity_bytes", {"INPUT0": words}, ["OUTPUT0"])
        self.assertEqual(bits(given["OUTPUT0"]), bits(words))

    def test_classification(self):
        scores = np.arange(20, dtype=np.float32).reshape(2, 10)
        answers = []
        for transport in self.each():
            result = transport.client.infer(
                "classifier",
                [transport.input("INPUT0", scores)],
                outputs=[transport.output("OUTPUT0", classes=3)],
            )
            answers.append(bits(result.as_numpy("OUTPUT0")))
        self.assertEqual(answers, [answers[0]] * len(self.transports))
        _, shape, (best, *_) = answers[0]
        self.assertEqual((shape, best[:11]), ((2, 3), b"9.000000:9:"))

    def test_async_infer_over_http(self):
        transport = self.transports["binary"]
        tensors = [transport.input("INPUT0", FIRST), transport.input("INPUT1", SECOND)]
        pending = [transport.client.async_infer("simple", tensors) for _ in range(50)]
        for each in pending:
            np.testing.assert_array_equal(each.get_result().as_numpy("OUTPUT0"), FIRST + SECOND)

    def test_async_infer_over_grpc(self):
        transport = self.transports["grpc"]
        tensors = [transport.input("INPUT0", FIRST), transport.input("INPUT1", SECOND)]
        done = queue.Queue()
        for _ in range(50):
            transport.client.async_infer(
                "simple", tensors, callback=lambda result, error: done.put((result, error))
            )
        for _ in range(50):
            result, error = done.get(timeout=90)
            self.assertIsNone(error)
            np.testing.assert_array_equal(result.as_numpy("OUTPUT0"), FIRST + SECOND)

    def test_asyncio(self):
        async def infer(client, transport):
            tensors = [transport.input("INPUT0", FIRST), transport.input("INPUT1", SECOND)]
            async with client:
                self.assertTrue(await client.is_server_ready())
                results = await asyncio.gather(
                    *(client.infer("simple", tensors) for _ in range(10))
                )
                for each in results:
                    np.testing.assert_array_equal(each.as_numpy("OUTPUT1"), FIRST - SECOND)

        async def both():
            http = triton_http_aio.InferenceServerClient(HTTP)
            await infer(http, self.transports["binary"])
            await infer(triton_grpc_aio.InferenceServerClient(GRPC), self.transports["grpc"])

        asyncio.run(both())

    def test_stream(self):
        transport = self.transports["grpc"]
        done = queue.Queue()
        client = transport.client
        client.start_stream(callback=lambda result, error: done.put((result, error)))
        for i in range(20):
            value = np.full((1, 16), i, dtype=np.int32)
            tensors = [transport.input("INPUT0", value), transport.input("INPUT1", SECOND)]
            client.async_stream_infer("simple", tensors, request_id=str(i))
        client.async_stream_infer("simple", tensors[:1], request_id="bad")
        client.async_stream_infer("simple", tensors, request_id="last")
        for i in range(20):
            result, error = done.get(timeout=90)
            self.assertIsNone(error)
            self.assertEqual(result.get_response().id, str(i))
            self.assertEqual(result.as_numpy("OUTPUT0")[0, 0], i + 3)
        result, error = done.get(timeout=90)
        self.assertIn("INPUT1", error.message())
        result, error = done.get(timeout=90)
        self.assertEqual(result.get_response().id, "last")
        client.stop_stream()

    def test_compression(self):
        for algorithm in ("gzip", "deflate"):
            transport = self.transports["binary"]
            tensors = [transport.input("INPUT0", FIRST), transport.input("INPUT1", SECOND)]
            result = transport.client.infer(
                "simple",
                tensors,
                request_compression_algorithm=algorithm,
                response_compression_algorithm=algorithm,
            )
            np.testing.assert_array_equal(result.as_numpy("OUTPUT0"), FIRST + SECOND)
            transport = self.transports["grpc"]
            tensors = [transport.input("INPUT0", FIRST), transport.input("INPUT1", SECOND)]
            result = transport.client.infer("simple", tensors, compression_algorithm=algorithm)
            np.testing.assert_array_equal(result.as_numpy("OUTPUT0"), FIRST + SECOND)

    def test_parameters(self):
        for transport in self.each():
            tensors = [transport.input("INPUT0", FIRST), transport.input("INPUT1", SECOND)]
            transport.client.infer(
                "simple",
                tensors,
                priority=1,
                timeout=1_000_000,
                parameters={"a": 1, "b": "text", "c": True},
            )

    def test_failures(self):
        for transport in self.each():
            client = transport.client
            one = transport.input("INPUT0", FIRST)
            with self.assertRaisesRegex(InferenceServerException, "INPUT1: int32.* is missing"):
                client.infer("simple", [one])
            wrong = transport.input("INPUT1", FIRST.astype(np.int64))
            with self.assertRaisesRegex(InferenceServerException, "INPUT1: .*given as int64"):
                client.infer("simple", [one, wrong])
            with self.assertRaisesRegex(InferenceServerException, "no model nope"):
                client.infer("nope", [one])
            with self.assertRaisesRegex(InferenceServerException, "version 9 of simple"):
                client.infer("simple", [one], model_version="9")

    def test_deadline_over_grpc(self):
        transport = self.transports["grpc"]
        tensors = [transport.input("INPUT0", FIRST), transport.input("INPUT1", SECOND)]
        with self.assertRaisesRegex(InferenceServerException, "(?i)deadline exceeded"):
            transport.client.infer("simple", tensors, client_timeout=1e-6)

    def test_model_control(self):
        http, grpc = self.transports["binary"].client, self.transports["grpc"].client
        listed = grpc.get_model_repository_index(as_json=True)["models"]
        ours = {(each["name"], each["version"], each["state"]) for each in listed}
        theirs = http.get_model_repository_index()
        self.assertEqual(ours, {(each["name"], each["version"], each["state"]) for each in theirs})
        self.assertIn(("simple", "1", "READY"), ours)
        for transport in self.each():
            transport.client.load_model("simple")
            with self.assertRaisesRegex(InferenceServerException, "holds no version"):
                transport.client.load_model("none")
            transport.client.unload_model("none")
            with self.assertRaisesRegex(InferenceServerException, "the registry holds"):
                transport.client.unload_model("simple")

    def test_statistics(self):
        http, grpc = self.transports["binary"].client, self.transports["grpc"].client

        def inferences():
            (over_http,) = http.get_inference_statistics("tiny")["model_stats"]
            (over_grpc,) = grpc.get_inference_statistics("tiny").model_stats
            self.assertEqual(over_http["inference_count"], over_grpc.inference_count)
            self.assertEqual(
                over_http["inference_stats"]["success"]["ns"], over_grpc.inference_stats.success.ns
            )
            return over_grpc.inference_count

        before = inferences()
        for transport in self.each():
            transport.client.infer("tiny", [transport.input("x", np.ones((2, 4), np.float32))])
        self.assertEqual(inferences(), before + 2 * len(self.transports))
        self.assertGreater(len(http.get_inference_statistics()["model_stats"]), 15)

    def test_settings_and_shared_memory_over_grpc(self):
        client = self.transports["grpc"].client
        self.assertEqual(client.get_trace_settings().settings["trace_level"].value, ["OFF"])
        self.assertTrue(client.get_log_settings().settings["log_error"].bool_param)
        client.unregister_system_shared_memory()
        client.unregister_cuda_shared_memory()
        self.assertEqual(len(client.get_system_shared_memory_status().regions), 0)
        with self.assertRaisesRegex(InferenceServerException, "raw_input_contents"):
            client.register_system_shared_memory("a", "/a", 64)


if __name__ == "__main__":
    unittest.main()
