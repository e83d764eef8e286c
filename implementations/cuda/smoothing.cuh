// Smoothing kernels of unit width, as suite/smoothing_kernels.py has them, in double precision: the
// same text for NVRTC, nvcc and a host compiler.
#pragma once

enum Smoothing { GAUSSIAN = 0, LOGISTIC = 1, TRIANGULAR = 2, EPANECHNIKOV = 3 };

__device__ __forceinline__ bool is_compact(int kernel) { return kernel >= TRIANGULAR; }

// The mass above u; of a compact kernel for u >= 0 alone.
__device__ __forceinline__ double upper_tail(double u, int kernel) {
  if (kernel == GAUSSIAN) return 0.5 * erfc(u * 0.7071067811865476);
  if (kernel == LOGISTIC) {
    const double e = exp(-fabs(u));
    return (u < 0 ? 1 : e) / (1 + e);
  }
  const double left = u < 1 ? 1 - u : 0;
  return left * left * (kernel == TRIANGULAR ? 0.5 : 0.25 * (2 + u));
}

__device__ __forceinline__ double density(double z, int kernel) {
  if (kernel == GAUSSIAN) return 0.3989422804014327 * exp(-0.5 * z * z);
  if (kernel == LOGISTIC) {
    const double e = exp(-fabs(z));
    return e / ((1 + e) * (1 + e));
  }
  const double height = fabs(z) < 1 ? 1 - fabs(z) : 0;
  return kernel == TRIANGULAR ? height : 0.75 * height * (2 - height);
}

// Bandwidths beyond which nothing is left: of what double precision holds, or of cells' float32.
__device__ __forceinline__ double reach_of(int kernel, bool single) {
  if (is_compact(kernel)) return 1;
  return kernel == GAUSSIAN ? (single ? 14.5 : 39.0) : (single ? 105.0 : 746.0);
}
