"""What small networks are trained on: two features of every breast-cancer sample, and the digits.

As scikit-learn has them. Signal is malignant (212 samples), background benign (357); the features
are the first two, mean radius and mean texture. The digits are 8 x 8 pixels, over 16.
Sources: Wolberg, Street, Mangasarian, "Breast Cancer Wisconsin (Diagnostic)", UCI, 1995; Alpaydin,
Kaynak, "Optical Recognition of Handwritten Digits", UCI, 1998.
"""

from __future__ import annotations

import numpy as np

FEATURES = 2


def make() -> dict[str, np.ndarray]:
    """Return features x samples of signal and of background, pixels x images, and (1, images).

    float32. Raises `ImportError` when scikit-learn is missing.
    """
    from sklearn.datasets import load_breast_cancer, load_digits

    cancer, digits = load_breast_cancer(), load_digits()
    features, signal = cancer.data.T[:FEATURES].astype(np.float32), cancer.target == 0
    return {
        "signal_features": features[:, signal],
        "background_features": features[:, ~signal],
        "images": (digits.data.T / 16).astype(np.float32),
        "labels": digits.target[None].astype(np.float32),
    }
