"""Classifier scores of signal and background: scikit-learn's breast-cancer data.

Signal is malignant (212 samples), background benign (357). Every score is out of fold: a logistic
regression on standardised features, fitted on the other four fifths. Each row is one repeat of the
five-fold split with its own shuffle, as an analysis that repeats its cross-validation would have.
Source: Wolberg, Street, Mangasarian, "Breast Cancer Wisconsin (Diagnostic)", UCI, 1995.
"""

from __future__ import annotations

import numpy as np

SEED = 20190715
REPEATS = 8


def make(repeats: int = REPEATS, seed: int = SEED) -> dict[str, np.ndarray]:
    """Return scores and logits of signal and background, each (repeats, samples) float32.

    repeats: number of shuffled five-fold cross-validations, one row each.
    seed: of the shuffles. Raises `ImportError` when scikit-learn is missing.
    """
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    signal = data.target == 0
    logits = np.stack(
        [_out_of_fold(data.data, signal, seed + repeat) for repeat in range(repeats)]
    ).astype(np.float32)
    scores = (1 / (1 + np.exp(-logits.astype(np.float64)))).astype(np.float32)
    return {
        "signal_scores": scores[:, signal],
        "background_scores": scores[:, ~signal],
        "signal_logits": logits[:, signal],
        "background_logits": logits[:, ~signal],
    }


def _out_of_fold(features: np.ndarray, signal: np.ndarray, seed: int) -> np.ndarray:
    """Return each sample's log odds of being signal, from a fit that did not see it: (N,)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, tol=1e-8))
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    return cross_val_predict(model, features, signal, cv=folds, method="decision_function")
