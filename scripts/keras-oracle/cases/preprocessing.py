"""Preprocessing."""

from cases.table import IMAGE, Input, KERAS, PIXELS, SIGNAL, options_of, sequential

options_of(
    "Rescaling",
    IMAGE,
    {
        "plain": dict(scale=1 / 127.5, offset=-1),
        "scale": dict(scale=1 / 255),
        "channels": dict(scale=[0.1, 0.2, 0.3], offset=[1, 2, 3]),
    },
)
sequential(
    "Rescaling-of-bytes",
    Input((4, 5, 3), "uint8", 0, 256),
    lambda L: [L.Rescaling(1 / 255), L.Conv2D(2, 3)],
)
options_of(
    "Resizing",
    PIXELS,
    {
        "down": dict(height=4, width=5),
        "up": dict(height=20, width=13),
        "nearest-down": dict(height=4, width=3, interpolation="nearest"),
        "nearest-up": dict(height=20, width=13, interpolation="nearest"),
        "crop-to-aspect": dict(height=4, width=6, crop_to_aspect_ratio=True),
    },
)
sequential(
    "Resizing-pad-to-aspect",
    PIXELS,
    lambda L: L.Resizing(6, 12, pad_to_aspect_ratio=True),
    dialects=(KERAS,),
)
sequential("Resizing-bicubic", PIXELS, lambda L: L.Resizing(14, 11, interpolation="bicubic"))
sequential(
    "Resizing-open-size",
    Input((9, 8, 3), low=0, high=255, declared=(None, None, 3)),
    lambda L: [L.Resizing(6, 5), L.Conv2D(2, 3)],
)
options_of(
    "CenterCrop",
    PIXELS,
    {
        "plain": dict(height=5, width=4),
        "odd": dict(height=4, width=5),
        "larger-than-the-image": dict(height=12, width=5),
    },
)
sequential(
    "augmentation-tf_keras",
    PIXELS,
    lambda L: [
        L.RandomFlip(),
        L.RandomRotation(0.1),
        L.RandomZoom(0.1),
        L.RandomTranslation(0.1, 0.1),
        L.RandomContrast(0.1),
        L.RandomBrightness(0.1),
        L.GaussianNoise(0.1),
        L.GaussianDropout(0.1),
        L.AlphaDropout(0.1),
        L.Dropout(0.1),
        L.SpatialDropout2D(0.1),
        L.ActivityRegularization(0.1),
        L.Rescaling(1 / 255),
    ],
    every_format=True,
)
sequential(
    "augmentation-keras-3",
    PIXELS,
    lambda L: [
        L.RandomHue(0.1),
        L.RandomSaturation(0.1),
        L.RandomColorJitter(0.1),
        L.RandomSharpness(0.1),
        L.RandomShear(0.1, 0.1),
        L.RandomGrayscale(0.1),
        L.RandomErasing(),
        L.RandomPosterization(4),
        L.RandomGaussianBlur(),
        L.RandomPerspective(),
        L.RandomInvert(),
        L.RandomColorDegeneration(0.1),
        L.RandomElasticTransform(),
        L.Rescaling(1 / 255),
    ],
    dialects=(KERAS,),
)
sequential("RandomCrop", PIXELS, lambda L: L.RandomCrop(5, 4))
sequential(
    "dropout-of-sequences",
    SIGNAL,
    lambda L: [L.SpatialDropout1D(0.2), L.Dropout(0.2, noise_shape=(None, 1, 4)), L.Dense(2)],
)
sequential("Identity", (4,), lambda L: [L.Identity(), L.Dense(2)])
sequential(
    "CategoryEncoding-one-hot",
    Input((1,), "int32", 0, 5),
    lambda L: L.CategoryEncoding(5, output_mode="one_hot"),
)
sequential(
    "CategoryEncoding-multi-hot",
    Input((3,), "int32", 0, 5),
    lambda L: L.CategoryEncoding(5, output_mode="multi_hot"),
)
sequential("Discretization", (4,), lambda L: L.Discretization(bin_boundaries=[-0.5, 0.1, 0.8]))
