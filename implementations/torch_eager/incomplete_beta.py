"""The incomplete beta function I_x(a, b), its density and its derivatives in a and b, in torch.

Every row has one (a, b) and many x, so the work that depends on a and b is done once a row: a table
of polynomials, built by quadrature, which costs each x one look-up. In z = logit(x) the density

    f(z) = x^a (1 - x)^b / B(a, b),    x = sigmoid(z),

is smooth and I_x is its integral. Relative to its value at z = 0,

    log f(z) = log f(0) - max(-a z, b z) - (a + b) log1p(expm1(-|z|) / 2),

and relative to its mode m = log(a / b), with d = z - m, x_m = a / (a + b),

    log f(z) = log f(m) - p |d| - (a + b) log1p(q expm1(-|d|)),
               p = a, q = x_m for d < 0;  p = b, q = 1 - x_m for d > 0.

Neither overflows. The second, which does not cancel, makes the table in float64; the first, whose
rounding errors stay bounded by those of z and of a few units, serves each x. The line is cut into
2 K cells, uniform in u,

    |d| = w expm1(h |u|),    u = -K ... K,    w = min(1, sqrt(1/a + 1/b)),

fine at the mode and coarse along the exponential tails; h makes u = K the place where less than
exp(-depth) of the mass is left: |d| = (depth - (a + b) log(1 - q)) / p. In a cell, f dz/du is
interpolated at G Gauss-Legendre points; the polynomial's antiderivative plus the mass of the cells
to the left is I_x. Normalising by the whole mass replaces log B(a, b). Since

    dI/da = integral of f(z) (log x - E log x),
    dI/db = integral of f(z) (log(1 - x) - E log(1 - x)),
    log x = min(d, 0) - l + constant,    log(1 - x) = -max(d, 0) - l + constant,

with l = log1p(q expm1(-|d|)) from above, the derivatives are tables of the same kind, the two means
being integrals too (they are digamma differences). Tables are made in float64 and rounded to x's
dtype. Nothing is lost where sigmoid(z) rounds to 0 or 1, as only z enters.

Largest error over a, b in [0.05, 50] against mpmath (derivatives relative to max(1, |.|)): see
tests/implementations/test_torch_incomplete_beta.py.
"""

import math
from typing import NamedTuple

import numpy as np
import torch

from implementations.torch_eager.first_order import (
    distinct,
    once,
    reads_values,
    row_parameter,
    vmap_over_rows,
)


class Rule(NamedTuple):
    """Cells on each side of the mode, Gauss points in each, log of the mass left outside."""

    cells: int
    points: int
    depth: float


RULES = {torch.float32: Rule(48, 4, 20.0), torch.float64: Rule(80, 10, 42.0)}


class BetaTable(NamedTuple):
    """What is known of every row's (a, b), in x's dtype; all fields but the last are (R, 1).

    pieces[k][c] (R, 2 K + 2) is the coefficient of t^c, t in [-1, 1], in I (k = 0) and in its
    derivatives (k > 0). The first and last cell reach to infinity: there I is exactly 0 and 1.
    """

    a: torch.Tensor
    b: torch.Tensor
    log_beta: torch.Tensor
    mode: torch.Tensor
    inverse_width: torch.Tensor
    inverse_cell: torch.Tensor
    log_density_at_0: torch.Tensor
    pieces: tuple[tuple[torch.Tensor, ...], ...]

    def limits(self):
        """(k, log c) of the density's leading terms c x^(k - 1) at 0 and c (1 - x)^(k - 1) at 1."""
        return (self.a, -self.log_beta), (self.b, -self.log_beta)


def beta_table(a, b, dtype, derivatives=("a", "b")):
    """Tabulate I_x(a, b) and its derivatives: in "a", in "b", or along (1, -1), called "a-b".

    a, b: (R,) or, shared by all rows, (1,), float64. Where they are not positive and finite the
    row becomes NaN.
    """
    rule = RULES[dtype]
    a, b = torch.broadcast_tensors(a, b)
    a, b = (torch.where((p > 0) & (p < torch.inf), p, torch.nan).unsqueeze(-1) for p in (a, b))
    total = a + b
    mode = torch.log(a / b).to(dtype).double()
    below, above = torch.sigmoid(mode), torch.sigmoid(-mode)
    log_below, log_above = torch.log(below), torch.log(above)
    width = (1 / a + 1 / b).sqrt().clamp(max=1)
    depth = rule.depth
    reach = torch.maximum((depth - total * log_above) / a, (depth - total * log_below) / b)
    cell = torch.log1p(reach / width) / rule.cells

    points, integral = _constants(rule, a.device)
    edge = torch.arange(-rule.cells, rule.cells, device=a.device).unsqueeze(-1)
    u = edge + points
    # From here on (R, 2 K, G), or (R, 2 K, 1) for what is the same all over a cell.
    stretch = u.abs() * cell.unsqueeze(-1)
    distance = width.unsqueeze(-1) * torch.expm1(stretch)
    slope, share = (
        torch.where(edge < 0, left.unsqueeze(-1), right.unsqueeze(-1))
        for left, right in ((a, b), (below, above))
    )
    bend = torch.log1p(share * torch.expm1(-distance))
    mass = torch.exp(stretch - slope * distance - total.unsqueeze(-1) * bend)
    d = torch.copysign(distance, u)
    scores = {"a": d.clamp(max=0) - bend, "b": -d.clamp(min=0) - bend, "a-b": d}
    integrands = torch.stack([mass, *(mass * scores[name] for name in derivatives)])
    pieces, whole = _pieces(integrands @ integral, dtype)

    log_beta = torch.log(whole * width * cell) + a * mode + total * log_above
    log_density_at_0 = -log_beta - total * math.log(2)
    fields = torch.stack((a, b, log_beta, mode, 1 / width, 1 / cell, log_density_at_0)).to(dtype)
    return BetaTable(*fields.unbind(), tuple(piece.unbind() for piece in pieces.unbind()))


def _pieces(integrals, dtype):
    """Normalised coefficients (k, G + 1, R, 2 K + 2) of running integrals; the whole mass (R, 1).

    integrals: (k, R, 2 K, G + 2), the coefficients of each cell's own integral and, last, its
    total, of the mass (k = 0) and of the mass times each score. Overwritten.
    """
    whole = integrals[0, ..., -1].sum(-1)
    integrals.div_(whole[:, None, None])
    means = integrals[1:, ..., -1].sum(-1)
    integrals[1:].sub_(means[..., None, None] * integrals[:1])
    *own, totals = integrals.unbind(-1)
    own[0].add_(totals.cumsum(-1)).sub_(totals)
    count, rows, cells, _ = integrals.shape
    pieces = integrals.new_zeros(count, len(own), rows, cells + 2, dtype=dtype)
    pieces[..., 1:-1] = integrals[..., :-1].movedim(-1, 1)
    pieces[0, 0, :, -1] = 1
    return pieces, whole.unsqueeze(-1)


def beta_terms(table, z, density=True):
    """``(log f, I, dI/da, dI/db)`` at z (R, N), not for autograd.

    f is the density in z, None if not asked for; the derivatives are those that the table has.
    """
    reach = table.pieces[0][0].shape[1] // 2
    offset = z - table.mode
    u = offset.abs().mul_(table.inverse_width).log1p_().mul_(table.inverse_cell)
    u = u.copysign_(offset).clamp_(-reach, reach - 0.5)
    cell = u.floor()
    index = cell.long().add_(reach).clamp_(0, 2 * reach - 1)  # NaN may become any integer
    t = u.sub_(cell).mul_(2).sub_(1)

    values = []
    for piece in table.pieces:
        value = _look_up(piece[-1], index)
        for coefficient in piece[-2::-1]:
            value = value.mul_(t).add_(_look_up(coefficient, index))
        values.append(value)
    if not density:
        return None, *values
    fall = torch.maximum(-table.a * z, table.b * z)
    bend = z.abs().neg_().expm1_().mul_(0.5).log1p_().mul_(table.a + table.b)
    return (table.log_density_at_0 - fall).sub_(bend), *values


def density_in_x(x, density, log_density, low, high):
    """The density in x from the density in z = logit(x), with its limits at x = 0 and x = 1.

    log_density: a function that returns the logarithm of the density in z, right where that is
    small. low, high: pairs (k, log c) of (R, 1): the density is c x^(k - 1) near 0 and
    c (1 - x)^(k - 1) near 1.
    """
    spread = (1 - x).mul_(x)
    inside = density / spread
    smallest = torch.finfo(x.dtype).tiny * 2**10
    if reads_values(x) and density.min() >= smallest:
        return inside
    # A density in z that is lost to underflow may be a large one in x.
    lost = (density < smallest) & (spread > 0)
    inside = torch.where(lost, torch.exp(log_density() - torch.log(spread)), inside)
    near = (torch.exp(torch.xlogy(k - 1, y) + c) for y, (k, c) in ((x, low), (1 - x, high)))
    return torch.where(spread == 0, torch.where(x < 0.5, *near), inside)


def incomplete_beta(x, a, b, *, from_logits=False):
    """I_x(a, b), differentiable once in x, a and b.

    x: (R, N) in [0, 1], or their logits with ``from_logits``; float32 or float64, in any order.
    a, b: host scalars, or tensors () or (R,). Invalid values give NaN; where the density is
    infinite so is the gradient to x. Returns (R, N).

    Raises RuntimeError for second derivatives. Source: DLMF 8.17.
    """
    return _IncompleteBeta.apply(x, row_parameter(a, x), row_parameter(b, x), from_logits)[0]


class _IncompleteBeta(torch.autograd.Function):
    @staticmethod
    def forward(x, a, b, from_logits):
        table = beta_table(distinct(a), distinct(b), x.dtype)
        log_density, *values = beta_terms(table, x if from_logits else torch.logit(x))
        density = torch.exp(log_density)
        if not from_logits:
            density = density_in_x(x, density, lambda: log_density, *table.limits())
        return values[0], density, *values[1:]

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.mark_non_differentiable(*output[1:])
        ctx.save_for_backward(*inputs[:3], *output[1:])

    @staticmethod
    def backward(ctx, cotangent, *_):
        x, a, b, density, d_a, d_b = ctx.saved_tensors
        to_x = once(density, cotangent, x, a, b)
        to_a = once(d_a, cotangent, x, a, b).sum(1).to(a.dtype)
        to_b = once(d_b, cotangent, x, a, b).sum(1).to(b.dtype)
        return to_x, to_a, to_b, None

    @staticmethod
    def vmap(info, in_dims, *arguments):
        return vmap_over_rows(_IncompleteBeta, info, in_dims, *arguments)


def _gauss(points):
    """Gauss points on [0, 1], and the matrix from values there to :func:`_pieces`' integrals."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    to_coefficients = np.linalg.inv(np.polynomial.polynomial.polyvander(nodes, points - 1))
    integral = np.polynomial.polynomial.polyint(to_coefficients, lbnd=-1, axis=0).T
    return (nodes + 1) / 2, np.column_stack((integral, weights)) / 2


_GAUSS = {rule.points: tuple(c.tolist() for c in _gauss(rule.points)) for rule in RULES.values()}
_on_device: dict = {}


def _constants(rule, device):
    """``_gauss`` as float64 tensors, copied to a device once."""
    key = rule.points, device
    if key in _on_device and not torch.compiler.is_compiling():
        return _on_device[key]
    constants = [torch.tensor(c, device=device, dtype=torch.float64) for c in _GAUSS[rule.points]]
    # A fake or wrapped tensor of some tracer must not outlive it.
    if type(constants[0]) is torch.Tensor and not torch.compiler.is_compiling():
        _on_device[key] = constants
    return constants


def _look_up(table, index):
    return torch.gather(table.expand(index.shape[0], -1), 1, index)
