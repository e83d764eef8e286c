// CDF, density and parameter slopes of the priors of batch shaping: the same text for NVRTC, nvcc and
// a host compiler. Formulas in suite/priors.py; the beta prior's table as in torch_eager's
// incomplete_beta.py, which derives it. Parameters outside their range give NaN everywhere.
#pragma once

#include "gauss.cuh"
#include "limits.cuh"

enum Prior { BETA = 0, SYMBETA = 1, RELAXED_BERNOULLI = 2, NORMAL = 3 };

// At a sample: the CDF, its derivative in the sample, and its derivatives in a and b.
template <typename T> struct Terms {
  T cdf, density, slope_a, slope_b;
};

__device__ __forceinline__ double inside(double value, double low, double high) {
  return value > low && value < high ? value : not_a_number();
}

template <typename T> __device__ __forceinline__ T sigmoid(T z) {
  return z < 0 ? exp(z) / (1 + exp(z)) : 1 / (1 + exp(-z));
}

// log x - log(1 - x), infinite at the ends and NaN outside.
template <typename T> __device__ __forceinline__ T logit(T x) { return log(x) - log1p(-x); }

// c y^(k - 1), its limit at y = 0 included.
template <typename T> __device__ __forceinline__ T power_limit(T y, T k, T log_c) {
  const T exponent = k - 1;
  const T log_power = exponent == 0 ? T(0) : exponent * log(y);
  return exp(log_power + log_c);
}

// The density in x from that in z = logit(x). log_density: of z, right where that is lost to
// underflow. Near 0 it is c x^(low - 1), near 1 c (1 - x)^(high - 1), c given as logarithms.
template <typename T>
__device__ __forceinline__ T density_in_x(T x, T density, T log_density, T low, T log_low, T high,
                                          T log_high) {
  const T spread = (1 - x) * x;
  if (spread == 0) {
    return x < T(0.5) ? power_limit(x, low, log_low) : power_limit(1 - x, high, log_high);
  }
  if (density < Limits<T>::tiny() && spread > 0) return exp(log_density - log(spread));
  return density / spread;
}

// Phi((x - a) / b).
template <typename T> struct Normal {
  T mean, std;

  __device__ void set(double a, double b) {
    mean = T(inside(a, -infinity(), infinity()));
    std = T(inside(b, 0, infinity()));
  }

  __device__ Terms<T> at(T sample, bool logits) const {
    const T x = logits ? sigmoid(sample) : sample;
    const T u = (x - mean) / std;
    const T height = exp(T(-0.5) * u * u) * T(0.3989422804014327) / std;
    // Clamped, since an infinite u times a vanished density would be NaN.
    const T near = u < -10000 ? T(-10000) : u > 10000 ? T(10000) : u;
    const T chain = logits ? x * sigmoid(-sample) : T(1);
    return {erfc(-u * T(0.7071067811865476)) / 2, height * chain, -height, -near * height};
  }
};

// sigmoid(b logit(x) - logit(a)).
template <typename T> struct RelaxedBernoulli {
  T logit_a, temperature, logit_slope, log_temperature;

  __device__ void set(double a, double b) {
    a = inside(a, 0, 1);
    b = inside(b, 0, infinity());
    logit_a = T(logit(a));
    temperature = T(b);
    logit_slope = T(1 / (a * (1 - a)));
    log_temperature = T(log(b));
  }

  __device__ Terms<T> at(T sample, bool logits) const {
    const T z = logits ? sample : logit(sample);
    const T t = temperature * z - logit_a;
    const T cdf = sigmoid(t), height = cdf * sigmoid(-t);
    T density = height * temperature;
    if (!logits) {
      density = density_in_x(sample, density, log_temperature - fabs(t), temperature,
                             log_temperature - logit_a, temperature, log_temperature + logit_a);
    }
    const T most = Limits<T>::largest();
    const T finite = z < -most ? -most : z > most ? most : z;
    return {cdf, density, -height * logit_slope, finite * height};
  }
};

// Cells on each side of the mode, Gauss points in each, log of the mass left outside.
template <typename T> struct BetaRule;
template <> struct BetaRule<float> {
  static constexpr int CELLS = 48, POINTS = 4;
  static constexpr double DEPTH = 20;
};
template <> struct BetaRule<double> {
  static constexpr int CELLS = 80, POINTS = 10;
  static constexpr double DEPTH = 42;
};

// I_x(a, b) of one row, tabulated: a look-up a sample. Filled by all threads of a block.
template <typename T> struct BetaTable {
  using Rule = BetaRule<T>;
  static constexpr int SIZE = 2 * Rule::CELLS, TERMS = Rule::POINTS + 1;

  T a, b, mode, inverse_width, inverse_cell, log_beta, log_density_at_0;
  // Coefficients of t^c in the CDF (0) and its derivatives in a (1) and b (2); by cell, then c.
  T pieces[3][SIZE][TERMS];
  double totals[3][SIZE];
  double whole, means[2];

  struct Shape {
    double a, b, mode, width, cell, below, above;
  };

  static __device__ Shape shape(double a, double b) {
    Shape s;
    s.a = inside(a, 0, infinity());
    s.b = inside(b, 0, infinity());
    s.mode = double(T(log(s.a / s.b)));
    s.below = sigmoid(s.mode);
    s.above = sigmoid(-s.mode);
    s.width = sqrt(1 / s.a + 1 / s.b);
    if (s.width > 1) s.width = 1;
    const double total = s.a + s.b;
    const double left = (Rule::DEPTH - total * log(s.above)) / s.a;
    const double right = (Rule::DEPTH - total * log(s.below)) / s.b;
    s.cell = log1p((left > right ? left : right) / s.width) / Rule::CELLS;
    return s;
  }

  // Integrals over one cell: coefficients, and the whole of it last, of mass and mass times scores.
  static __device__ void integrate(const Shape& s, int cell, double found[3][TERMS + 1]) {
    for (int k = 0; k < 3; ++k)
      for (int c = 0; c <= TERMS; ++c) found[k][c] = 0;
    const int edge = cell - Rule::CELLS;
    const bool low = edge < 0;
    const double slope = low ? s.a : s.b, share = low ? s.below : s.above;
    for (int g = 0; g < Rule::POINTS; ++g) {
      const double u = edge + Gauss<Rule::POINTS>::point(g);
      const double stretch = fabs(u) * s.cell, distance = s.width * expm1(stretch);
      const double bend = log1p(share * expm1(-distance));
      const double mass = exp(stretch - slope * distance - (s.a + s.b) * bend);
      const double d = low ? -distance : distance;
      const double score_a = (d < 0 ? d : 0) - bend, score_b = -(d > 0 ? d : 0) - bend;
      for (int c = 0; c <= TERMS; ++c) {
        const double weight = mass * Gauss<Rule::POINTS>::integral(g, c);
        found[0][c] += weight;
        found[1][c] += weight * score_a;
        found[2][c] += weight * score_b;
      }
    }
  }

  // thread, threads: of the block. barrier: waits for all of them; called as often by each.
  template <typename Barrier>
  __device__ void set(double row_a, double row_b, int thread, int threads, Barrier barrier) {
    const Shape s = shape(row_a, row_b);
    double found[3][TERMS + 1];
    for (int cell = thread; cell < SIZE; cell += threads) {
      integrate(s, cell, found);
      for (int k = 0; k < 3; ++k) totals[k][cell] = found[k][TERMS];
    }
    barrier();
    if (thread == 0) {
      double sums[3] = {0, 0, 0};
      for (int cell = 0; cell < SIZE; ++cell)
        for (int k = 0; k < 3; ++k) sums[k] += totals[k][cell];
      whole = sums[0];
      means[0] = sums[1] / whole;
      means[1] = sums[2] / whole;
      double before[3] = {0, 0, 0};
      for (int cell = 0; cell < SIZE; ++cell) {
        const double mass = totals[0][cell] / whole;
        for (int k = 0; k < 3; ++k) {
          const double own = k ? totals[k][cell] / whole - means[k - 1] * mass : mass;
          totals[k][cell] = before[k];
          before[k] += own;
        }
      }
      a = T(s.a);
      b = T(s.b);
      mode = T(s.mode);
      inverse_width = T(1 / s.width);
      inverse_cell = T(1 / s.cell);
      const double log_b =
          log(whole * s.width * s.cell) + s.a * s.mode + (s.a + s.b) * log(s.above);
      log_beta = T(log_b);
      log_density_at_0 = T(-log_b - (s.a + s.b) * 0.6931471805599453);
    }
    barrier();
    for (int cell = thread; cell < SIZE; cell += threads) {
      integrate(s, cell, found);
      for (int c = 0; c < TERMS; ++c) {
        const double own = found[0][c] / whole;
        pieces[0][cell][c] = T(own + (c ? 0 : totals[0][cell]));
        for (int k = 1; k < 3; ++k) {
          const double slope = found[k][c] / whole - means[k - 1] * own;
          pieces[k][cell][c] = T(slope + (c ? 0 : totals[k][cell]));
        }
      }
    }
    barrier();
  }

  __device__ Terms<T> at(T sample, bool logits) const {
    const T z = logits ? sample : logit(sample);
    if (!(z == z) || !(a == a) || !(b == b)) {
      const T none = T(not_a_number());
      return {none, none, none, none};
    }
    const T offset = z - mode;
    T u = log1p(fabs(offset) * inverse_width) * inverse_cell;
    T value[3] = {offset < 0 ? T(0) : T(1), T(0), T(0)};
    if (u < Rule::CELLS) {  // beyond, nothing is left
      u = offset < 0 ? -u : u;
      T start = floor(u);
      int cell = int(start) + Rule::CELLS;
      cell = cell < 0 ? 0 : cell >= SIZE ? SIZE - 1 : cell;
      const T t = 2 * (u - T(cell - Rule::CELLS)) - 1;
      for (int k = 0; k < 3; ++k) {
        const T* piece = pieces[k][cell];
        T sum = piece[TERMS - 1];
        for (int c = TERMS - 2; c >= 0; --c) sum = sum * t + piece[c];
        value[k] = sum;
      }
    }
    const T fall = -a * z > b * z ? -a * z : b * z;
    const T bend = (a + b) * log1p(expm1(-fabs(z)) / 2);
    const T log_density = log_density_at_0 - fall - bend;
    T density = exp(log_density);
    if (!logits) density = density_in_x(sample, density, log_density, a, -log_beta, b, -log_beta);
    return {value[0], density, value[1], value[2]};
  }
};
