"""The calls of TensorFlow Serving's REST documentation, by `requests`, and their answers.

CUTOVER_TENSORFLOW_SERVING is the address of a server of half_plus_two, TensorFlow Serving's own
test model: y = x / 2 + 2.
"""

import base64
import os
import unittest

import requests

MODEL = f"http://{os.environ['CUTOVER_TENSORFLOW_SERVING']}/v1/models/half_plus_two"


def ask(verb, body):
    return requests.post(f"{MODEL}:{verb}", json=body, timeout=90)


class TensorFlowServing(unittest.TestCase):
    def answered(self, verb, body):
        response = ask(verb, body)
        self.assertEqual(response.status_code, 200, response.text)
        return response.json()

    def test_status(self):
        status = requests.get(MODEL, timeout=90).json()["model_version_status"]
        self.assertEqual([(each["version"], each["state"]) for each in status], [("123", "AVAILABLE")])

    def test_metadata(self):
        signatures = requests.get(f"{MODEL}/metadata", timeout=90).json()["metadata"]
        self.assertIn("serving_default", signatures["signature_def"]["signature_def"])

    def test_predict(self):
        rows = self.answered("predict", {"instances": [[1.0], [2.0], [5.0]]})
        self.assertEqual(rows, {"predictions": [[2.5], [3.0], [4.5]]})
        bare = self.answered("predict", {"instances": [1.0, 2.0, 5.0]})
        self.assertEqual(bare, {"predictions": [2.5, 3.0, 4.5]})
        columns = self.answered("predict", {"inputs": [[1.0], [2.0], [5.0]]})
        self.assertEqual(columns, {"outputs": [[2.5], [3.0], [4.5]]})
        named = {"signature_name": "serving_default", "instances": [{"x": [1.0]}, {"x": [2.0]}]}
        self.assertEqual(self.answered("predict", named), {"predictions": [[2.5], [3.0]]})

    def test_classify(self):
        body = {"signature_name": "classify_x_to_y", "examples": [{"x": 1.0}, {"x": 2.0}]}
        self.assertEqual(
            self.answered("classify", body), {"results": [[["", 2.5]], [["", 3.0]]]}
        )

    def test_regress(self):
        body = {"signature_name": "regress_x_to_y", "examples": [{"x": 1.0}, {"x": 2.0}]}
        self.assertEqual(self.answered("regress", body), {"results": [2.5, 3.0]})
        context = {**body, "context": {"x": 5.0}, "examples": [{}, {"x": 2.0}]}
        self.assertEqual(self.answered("regress", context), {"results": [4.5, 3.0]})

    def test_versions_and_failures(self):
        version = requests.post(
            f"{MODEL}/versions/123:predict", json={"instances": [[1.0]]}, timeout=20
        )
        self.assertEqual(version.json(), {"predictions": [[2.5]]})
        unknown = requests.post(f"{MODEL}/versions/9:predict", json={"instances": [[1]]}, timeout=90)
        self.assertEqual(unknown.status_code, 404)
        for body in ({"instances": "x"}, {}, {"instances": [base64.b64encode(b"x").decode()]}):
            response = ask("predict", body)
            self.assertEqual(response.status_code, 400)
            self.assertIn("error", response.json())


if __name__ == "__main__":
    unittest.main()
