// Batch shaping, one block a row: sort, ranks, prior, loss and every gradient in one launch. Rows too
// long for a block come sorted, and many blocks share one.
//
// A row's samples are sorted as ordered integers with their places; its loss is the mean squared
// difference of the prior's CDF and the plotting position (rank + offset) step. The gradient needs
// nothing more than the loss does, so both are computed.
// suite/operators/batch_shaping.py states the function.
#include <cub/block/block_reduce.cuh>

#include "priors.cuh"
#include "row_sort.cuh"
#include "storage.cuh"

// One call. x (R, N) row by row; as computed in to_x (R, N), loss, to_a and to_b (R,), of which to_x,
// to_a and to_b are null where they are not wanted. low, high: samples are clamped to them, infinite
// where they are not. mid: equal samples share the mean of their ranks, else they keep their order.
struct BatchShaping {
  const void* x;
  void *loss, *to_x, *to_a, *to_b;
  Parameter a, b;
  long long samples;
  double step, offset, low, high;
  int mid, logits;
};

struct Barrier {
  __device__ void operator()() const { __syncthreads(); }
};

// What is known of a row's prior.
template <typename T, int PRIOR> struct RowOf {
  using Type = BetaTable<T>;
};
template <typename T> struct RowOf<T, RELAXED_BERNOULLI> {
  using Type = RelaxedBernoulli<T>;
};
template <typename T> struct RowOf<T, NORMAL> {
  using Type = Normal<T>;
};

// It is filled by all threads of a block where it is a table, else by one.
template <typename T>
__device__ void fill(BetaTable<T>& table, double a, double b, int thread, int threads) {
  table.set(a, b, thread, threads, Barrier());
}
template <typename Row>
__device__ void fill(Row& row, double a, double b, int thread, int) {
  if (thread == 0) row.set(a, b);
  __syncthreads();
}

// Fills what is known of a row's prior, by all threads of its block.
template <typename T, int PRIOR>
__device__ void fill_row(typename RowOf<T, PRIOR>::Type& prior, const BatchShaping& call,
                         long long row) {
  const double a = call.a.of(row), b = PRIOR == SYMBETA ? 1 - inside(a, 0, 1) : call.b.of(row);
  fill(prior, a, b, threadIdx.x, blockDim.x);
}

// A sample's gradient; the sample is clamped to where its prior was evaluated.
template <typename T>
__device__ __forceinline__ T gradient(T residual, T density, const BatchShaping& call) {
  const T scale = static_cast<T>(2.0 / call.samples);
  return residual == 0 ? residual : residual * density * scale;
}

// The samples' mean square and the sums for a and b, from those of a row's blocks.
template <typename T, int PRIOR>
__device__ void finish(const BatchShaping& call, long long row, double* sums, bool bad) {
  const T none = static_cast<T>(not_a_number());
  if (PRIOR == SYMBETA) sums[1] -= sums[2];
  static_cast<T*>(call.loss)[row] = bad ? none : static_cast<T>(sums[0] / call.samples);
  T* to[2] = {static_cast<T*>(call.to_a), static_cast<T*>(call.to_b)};
  for (int k = 0; k < 2; ++k) {
    if (to[k]) to[k][row] = bad ? none : static_cast<T>(2 * sums[k + 1] / call.samples);
  }
}

template <typename S, int PRIOR, int THREADS, int ITEMS> struct RowShared {
  union {
    RowSort<S, THREADS, ITEMS> row;
    typename cub::BlockReduce<double, THREADS>::TempStorage reduce;
  };
  typename RowOf<ComputedIn<S>, PRIOR>::Type prior;
};

// One block a row of at most THREADS ITEMS samples. SHARED: the bytes it is launched with.
template <typename S, int PRIOR, int THREADS, int ITEMS, int SHARED>
__global__ void __launch_bounds__(THREADS) batch_shaping_rows(BatchShaping call) {
  using Shared = RowShared<S, PRIOR, THREADS, ITEMS>;
  using T = ComputedIn<S>;
  static_assert(sizeof(Shared) <= SHARED, "too little shared memory");
  Shared& shared = *reinterpret_cast<Shared*>(shared_memory);
  const int thread = threadIdx.x, samples = static_cast<int>(call.samples);
  const long long row = blockIdx.x;
  const S* x = static_cast<const S*>(call.x) + row * call.samples;
  const T low = static_cast<T>(call.low), high = static_cast<T>(call.high);
  fill_row<T, PRIOR>(shared.prior, call, row);

  auto& sorted = shared.row;
  bool bad = sorted.fill(x, samples, low, high);

  double sums[3] = {0, 0, 0};
#pragma unroll 1
  for (int rank = thread; rank < samples; rank += THREADS) {
    double shared_rank = rank;
    if (call.mid) {
      shared_rank = 0.5 * (first_equal(sorted.keys, rank) + last_equal(sorted.keys, samples, rank));
    }
    const T position = static_cast<T>((shared_rank + 1 + call.offset) * call.step);
    const Terms<T> terms = shared.prior.at(sorted.sample(rank), call.logits);
    const T residual = terms.cdf - position;
    sums[0] += static_cast<double>(residual) * residual;
    sums[1] += static_cast<double>(residual) * terms.slope_a;
    sums[2] += static_cast<double>(residual) * terms.slope_b;
    bad = bad || !(terms.cdf == terms.cdf);
    sorted.values[sorted.places[rank]] = gradient(residual, terms.density, call);
  }
  bad = __syncthreads_or(bad);
  if (call.to_x) {
    T* to_x = static_cast<T*>(call.to_x) + row * call.samples;
    const T none = static_cast<T>(not_a_number());
    for (int place = thread; place < samples; place += THREADS) {
      const T sample = loaded(x[place]);
      const T slope = sample < low || sample > high ? T(0) : sorted.values[place];
      to_x[place] = bad ? none : slope;
    }
  }
  for (int k = 0; k < 3; ++k) {
    __syncthreads();
    sums[k] = cub::BlockReduce<double, THREADS>(shared.reduce).Sum(sums[k]);
  }
  if (thread == 0) finish<T, PRIOR>(call, row, sums, bad);
}

// A row in ascending order, whose samples somebody else has sorted: ascending (R, N) as computed in,
// NaN last, order (R, N) where each came from, of 64 bits where wide, else 32; partial (R, blocks, 3)
// the sums of a row's blocks, each of which has a share of the samples.
struct Sorted {
  BatchShaping call;
  const void *ascending, *order;
  double* partial;
  long long rows, blocks, share, wide;
};

template <typename S, int PRIOR, int THREADS> struct SortedShared {
  typename RowOf<ComputedIn<S>, PRIOR>::Type prior;
  typename cub::BlockReduce<double, THREADS>::TempStorage reduce;
};

// Whether a sorted row has no loss: where its prior has no CDF at one end of it, or a NaN is there.
template <typename Row, typename T>
__device__ bool spoilt(const Row& prior, const T* values, const BatchShaping& call) {
  const T low = prior.at(values[0], call.logits).cdf;
  const T high = prior.at(values[call.samples - 1], call.logits).cdf;
  return !(low == low) || !(high == high);
}

// Blocks of one row after another.
template <typename S, int PRIOR, int THREADS, int SHARED>
__global__ void __launch_bounds__(THREADS) batch_shaping_sorted(Sorted sorted) {
  using Shared = SortedShared<S, PRIOR, THREADS>;
  using T = ComputedIn<S>;
  static_assert(sizeof(Shared) <= SHARED, "too little shared memory");
  Shared& shared = *reinterpret_cast<Shared*>(shared_memory);
  const BatchShaping& call = sorted.call;
  const long long row = blockIdx.x / sorted.blocks, part = blockIdx.x % sorted.blocks;
  const long long samples = call.samples, start = row * samples;
  const T* values = static_cast<const T*>(sorted.ascending) + start;
  const S* x = static_cast<const S*>(call.x) + start;
  const T low = static_cast<T>(call.low), high = static_cast<T>(call.high);
  fill_row<T, PRIOR>(shared.prior, call, row);
  const bool bad = spoilt(shared.prior, values, call);

  double sums[3] = {0, 0, 0};
  const long long first_rank = part * sorted.share;
  const long long rest = samples - first_rank;
  const long long end = first_rank + (rest < sorted.share ? rest : sorted.share);
#pragma unroll 1
  for (long long rank = first_rank + threadIdx.x; rank < end; rank += THREADS) {
    const T value = values[rank];
    double shared_rank = static_cast<double>(rank);
    if (call.mid) {
      shared_rank = 0.5 * static_cast<double>(first_equal(values, rank) +
                                              last_equal(values, samples, rank));
    }
    const T position = static_cast<T>((shared_rank + 1 + call.offset) * call.step);
    const Terms<T> terms = shared.prior.at(value, call.logits);
    const T residual = terms.cdf - position;
    sums[0] += static_cast<double>(residual) * residual;
    sums[1] += static_cast<double>(residual) * terms.slope_a;
    sums[2] += static_cast<double>(residual) * terms.slope_b;
    if (call.to_x) {
      const long long at = start + rank;
      const long long place = sorted.wide ? static_cast<const long long*>(sorted.order)[at]
                                          : static_cast<const int*>(sorted.order)[at];
      const T sample = loaded(x[place]);
      T slope = gradient(residual, terms.density, call);
      if (sample < low || sample > high) slope = 0;
      static_cast<T*>(call.to_x)[start + place] = bad ? static_cast<T>(not_a_number()) : slope;
    }
  }
  for (int k = 0; k < 3; ++k) {
    __syncthreads();
    sums[k] = cub::BlockReduce<double, THREADS>(shared.reduce).Sum(sums[k]);
    if (threadIdx.x == 0) sorted.partial[blockIdx.x * 3LL + k] = sums[k];
  }
}

// One thread a row: its blocks' sums in order, so that they do not depend on who ended first.
template <typename S, int PRIOR>
__global__ void batch_shaping_finish(Sorted sorted) {
  using T = ComputedIn<S>;
  const long long row = blockIdx.x * static_cast<long long>(blockDim.x) + threadIdx.x;
  if (row >= sorted.rows) return;
  double sums[3] = {0, 0, 0};
  for (long long block = 0; block < sorted.blocks; ++block) {
    for (int k = 0; k < 3; ++k) sums[k] += sorted.partial[(row * sorted.blocks + block) * 3 + k];
  }
  finish<T, PRIOR>(sorted.call, row, sums, !(sums[0] == sums[0]));
}
