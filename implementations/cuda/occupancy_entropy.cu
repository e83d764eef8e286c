// The entropy of a unit's on/off state, with the factor that its gradient needs: one block a row, or
// several whose sums a second launch adds. The gradient computes the sigmoids again.
// suite/operators/occupancy_entropy.py states the function.
#include <cub/block/block_reduce.cuh>

#include "limits.cuh"
#include "storage.cuh"

// HARD: both straight-through estimators.
enum Estimator { SIGMOID = 0, MEAN_BERNOULLI = 1, HARD = 2 };

// z (R, N) row by row, noise the same or null; temperature one for all rows.
struct Units {
  const void *z, *noise;
  Parameter temperature;
  long long samples;
};

// value and factor (R,), as computed in; partial (R, blocks, 2) the sums of a row's blocks, each of
// which has a share of the samples, null where a row has one block.
struct Entropy {
  Units units;
  void *value, *factor;
  double* partial;
  long long blocks, share;
};

// cotangent and factor (R,) as computed in, gradient (R, N) as stored.
struct EntropyGradient {
  Units units;
  const void *cotangent, *factor;
  void* gradient;
  long long blocks, share;
};

extern __shared__ __align__(16) unsigned char shared_memory[];

// v = (z + noise) / T, bounded so that a vanished slope times it is 0.
template <typename S> struct Arguments {
  using T = ComputedIn<S>;
  const S *z, *noise;
  T inverse;

  __device__ Arguments(const Units& units, long long row) {
    const long long start = row * units.samples;
    z = static_cast<const S*>(units.z) + start;
    noise = units.noise ? static_cast<const S*>(units.noise) + start : nullptr;
    const double exact = 1 / units.temperature.of(0);
    const double most = static_cast<double>(Limits<T>::largest());
    inverse = static_cast<T>(exact > most ? most : exact);
  }
  __device__ __forceinline__ T at(long long place) const {
    const T sum = noise ? loaded(z[place]) + loaded(noise[place]) : loaded(z[place]);
    const T v = sum * inverse, largest = T(1e30);
    return v > largest ? largest : v < -largest ? -largest : v;
  }
  // COUNT of them, a stride apart, loaded before any is used; 0 from end on.
  template <int COUNT>
  __device__ __forceinline__ void some(long long place, int stride, long long end,
                                       T (&v)[COUNT]) const {
#pragma unroll
    for (int k = 0; k < COUNT; ++k) v[k] = place + k * stride < end ? at(place + k * stride) : T(0);
  }
};

// What a sample adds to its row's sums: s and 1 - s, h(s), or whether it is on; NaN where v is.
template <int ESTIMATOR, typename T> __device__ __forceinline__ void add(T v, T (&sums)[2]) {
  if (ESTIMATOR == HARD) {
    sums[0] += v > 0 ? T(1) : v <= 0 ? T(0) : v;
    return;
  }
  const T e = exp(-fabs(v)), more = 1 / (1 + e), less = e * more;
  if (ESTIMATOR == SIGMOID) {
    sums[0] += v > 0 ? more : less;
    sums[1] += v > 0 ? less : more;
  } else {
    sums[0] += log1p(e) + fabs(v) * less;
  }
}

__device__ __forceinline__ double floored_log(double value) {
  const double tiny = Limits<double>::tiny();
  return log(value < tiny ? tiny : value);
}

// A row's entropy, and what its slopes are multiplied by besides -v.
template <typename T, int ESTIMATOR>
__device__ void finish(const Entropy& call, long long row, const double (&sums)[2]) {
  const double samples = static_cast<double>(call.units.samples);
  double value, factor;
  if (ESTIMATOR == MEAN_BERNOULLI) {
    value = sums[0] / samples;
    factor = value == value ? 1 : value;
  } else {
    const double p = sums[0] / samples;
    const double q = (ESTIMATOR == SIGMOID ? sums[1] : samples - sums[0]) / samples;
    // A logarithm near that of 1 has its digits in the other's argument.
    const double on = p > 0.5 ? log1p(-q) : floored_log(p);
    const double off = q > 0.5 ? log1p(-p) : floored_log(q);
    value = -(p * on + q * off);
    factor = off - on;
    if (ESTIMATOR == HARD) {
      const double half = 0.5, most = samples - half;
      const double clipped = sums[0] < half ? half : sums[0] > most ? most : sums[0];
      factor = log((samples - clipped) / clipped);
    }
  }
  static_cast<T*>(call.value)[row] = static_cast<T>(value);
  static_cast<T*>(call.factor)[row] = static_cast<T>(factor);
}

// Blocks of one row after another. A thread's sum runs over TERMS samples as computed in, over these
// sums in double.
template <typename S, int ESTIMATOR, int THREADS>
__global__ void __launch_bounds__(THREADS) occupancy_sums(Entropy call) {
  using T = ComputedIn<S>;
  using Reduce = cub::BlockReduce<double, THREADS>;
  auto& reduce = *reinterpret_cast<typename Reduce::TempStorage*>(shared_memory);
  constexpr int TERMS = 8;
  const long long row = blockIdx.x / call.blocks, first = blockIdx.x % call.blocks * call.share;
  const long long rest = call.units.samples - first;
  const long long end = first + (rest < call.share ? rest : call.share);
  const Arguments<S> arguments(call.units, row);
  double sums[2] = {0, 0};
  for (long long place = first + threadIdx.x; place < end; place += TERMS * THREADS) {
    T parts[2] = {0, 0}, v[TERMS];
    arguments.some(place, THREADS, end, v);
#pragma unroll
    for (int k = 0; k < TERMS; ++k) {
      if (place + k * THREADS < end) add<ESTIMATOR>(v[k], parts);
    }
    for (int k = 0; k < 2; ++k) sums[k] += static_cast<double>(parts[k]);
  }
  for (int k = 0; k < 2; ++k) {
    __syncthreads();
    sums[k] = Reduce(reduce).Sum(sums[k]);
  }
  if (threadIdx.x) return;
  if (!call.partial) {
    finish<T, ESTIMATOR>(call, row, sums);
  } else {
    for (int k = 0; k < 2; ++k) call.partial[blockIdx.x * 2LL + k] = sums[k];
  }
}

// One block a row: the sums of its blocks, in an order that does not depend on who ended first.
template <typename S, int ESTIMATOR, int THREADS>
__global__ void __launch_bounds__(THREADS) occupancy_finish(Entropy call) {
  using Reduce = cub::BlockReduce<double, THREADS>;
  auto& reduce = *reinterpret_cast<typename Reduce::TempStorage*>(shared_memory);
  const double* partial = call.partial + blockIdx.x * call.blocks * 2;
  double sums[2] = {0, 0};
  for (long long block = threadIdx.x; block < call.blocks; block += THREADS) {
    for (int k = 0; k < 2; ++k) sums[k] += partial[block * 2 + k];
  }
  for (int k = 0; k < 2; ++k) {
    __syncthreads();
    sums[k] = Reduce(reduce).Sum(sums[k]);
  }
  if (threadIdx.x == 0) finish<ComputedIn<S>, ESTIMATOR>(call, blockIdx.x, sums);
}

// Blocks of one row after another, a share of its samples each.
template <typename S, int ESTIMATOR> __global__ void occupancy_gradient(EntropyGradient call) {
  using T = ComputedIn<S>;
  const long long row = blockIdx.x / call.blocks, first = blockIdx.x % call.blocks * call.share;
  const long long samples = call.units.samples, rest = samples - first;
  const long long end = first + (rest < call.share ? rest : call.share);
  const Arguments<S> arguments(call.units, row);
  const double factor = static_cast<const T*>(call.factor)[row];
  const T push = static_cast<T>(static_cast<const T*>(call.cotangent)[row] * factor /
                                (samples * call.units.temperature.of(0)));
  S* gradient = static_cast<S*>(call.gradient) + row * samples;
  constexpr int TERMS = 4;
  const int stride = blockDim.x;
  for (long long place = first + threadIdx.x; place < end; place += TERMS * stride) {
    T v[TERMS];
    arguments.some(place, stride, end, v);
#pragma unroll
    for (int k = 0; k < TERMS; ++k) {
      const T e = exp(-fabs(v[k])), near = 1 / (1 + e);
      T slope = e * near * near;
      if (ESTIMATOR == MEAN_BERNOULLI) slope *= -v[k];
      // A tiny temperature's infinite push does not make NaN of a slope that has vanished.
      const T result = slope == 0 && push == push ? slope : push * slope;
      if (place + k * stride < end) store(gradient + place + k * stride, result);
    }
  }
}
