"""Score matching in torch: Laplacians in closed form or by blocks of tangents."""

from implementations.torch_eager.energies import energy_of, metrics, where_finite
from suite.registry import implements


@implements(
    "energy_score_matching",
    framework="torch",
    devices=("cpu", "cuda"),
    dtypes=("float32", "float64", "float16", "bfloat16"),
)
def energy_score_matching(x, theta, *, energy="gaussian", block=None):
    """Loss and metrics; arguments as in ``suite.operators.energy_score_matching``."""
    gradient, laplacian = energy_of(energy, theta).gradient_and_laplacian(x, block)
    square = gradient.square().sum() / x.shape[0]
    loss = where_finite(0.5 * square - laplacian, x, theta)
    return loss, metrics(score_square=square, laplacian=laplacian)
