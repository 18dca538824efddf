"""The service that cutover replaces: an image in, {"class_index": n} out, gunicorn in front."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
import tensorflow as tf
from flask import Flask, jsonify, request

app = Flask(__name__)
model = tf.keras.models.load_model(os.environ["FLASK_MODEL"], compile=False)


@app.post("/predict")
def predict():
    image = tf.image.decode_jpeg(request.files["image"].read(), channels=3)
    batch = tf.image.resize(image, [224, 224])[tf.newaxis]
    probabilities = model.predict(batch, verbose=0)
    return jsonify({"class_index": int(np.argmax(probabilities[0]))})
