// The priors of the shipped header, for arrays: out is (4, n), CDF, density and both slopes.
#include "cuda.h"

#include "priors.cuh"

template <typename Row, typename T>
static void evaluate(const Row& row, const T* x, long n, int logits, T* out) {
  for (long i = 0; i < n; ++i) {
    const Terms<T> terms = row.at(x[i], logits != 0);
    out[i] = terms.cdf;
    out[n + i] = terms.density;
    out[2 * n + i] = terms.slope_a;
    out[3 * n + i] = terms.slope_b;
  }
}

template <typename T>
static void any_prior(int prior, double a, double b, const T* x, long n, int logits, T* out) {
  if (prior == NORMAL) {
    Normal<T> row;
    row.set(a, b);
    evaluate(row, x, n, logits, out);
  } else if (prior == RELAXED_BERNOULLI) {
    RelaxedBernoulli<T> row;
    row.set(a, b);
    evaluate(row, x, n, logits, out);
  } else {
    static BetaTable<T> row;
    row.set(a, b, 0, 1, [] {});
    evaluate(row, x, n, logits, out);
  }
}

extern "C" void priors_float(int prior, double a, double b, const float* x, long n, int logits,
                             float* out) {
  any_prior(prior, a, b, x, n, logits, out);
}

extern "C" void priors_double(int prior, double a, double b, const double* x, long n, int logits,
                              double* out) {
  any_prior(prior, a, b, x, n, logits, out);
}

extern "C" double gauss_point(int points, int g) {
  return points == 4 ? Gauss<4>::point(g) : Gauss<10>::point(g);
}

extern "C" double gauss_integral(int points, int g, int c) {
  return points == 4 ? Gauss<4>::integral(g, c) : Gauss<10>::integral(g, c);
}
