// Batch shaping, one block a row: sort, ranks, prior, loss and every gradient in one launch.
//
// A row's samples are sorted as ordered integers with their indices; its loss is the mean squared
// difference of the prior's CDF and the plotting position (rank + offset) step. The gradient needs
// nothing more than the loss does, so both are computed, and each sample is read and written once.
// suite/operators/batch_shaping.py states the function.
#include <cub/block/block_radix_sort.cuh>
#include <cub/block/block_reduce.cuh>

#include "priors.cuh"

template <typename T> struct Ordered;
template <> struct Ordered<float> {
  using Key = unsigned int;
  static __device__ Key key(float value) {
    const Key bits = __float_as_uint(value + 0.0f);  // -0.0 becomes 0.0
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
  }
  static __device__ float value(Key key) {
    return __uint_as_float(key & 0x80000000u ? key & 0x7fffffffu : ~key);
  }
};
template <> struct Ordered<double> {
  using Key = unsigned long long;
  static __device__ Key key(double value) {
    const Key bits = static_cast<Key>(__double_as_longlong(value + 0.0));
    return bits & (Key(1) << 63) ? ~bits : bits | (Key(1) << 63);
  }
  static __device__ double value(Key key) {
    const Key bits = key & (Key(1) << 63) ? key & ~(Key(1) << 63) : ~key;
    return __longlong_as_double(static_cast<long long>(bits));
  }
};

// What all rows share. low, high: samples are clamped to them, infinite where they are not.
// mid: equal samples share the mean of their ranks, else they keep their order.
struct Options {
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

// The first place in ascending keys that is not below (strict: that is above) a key.
template <typename Key> __device__ int bound(const Key* keys, int count, Key key, bool strict) {
  int low = 0, high = count;
  while (low < high) {
    const int middle = low + (high - low) / 2;
    if (keys[middle] < key || (strict && keys[middle] == key)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

template <typename T, int PRIOR, int THREADS, int ITEMS> struct RowShared {
  using Key = typename Ordered<T>::Key;
  using Sort = cub::BlockRadixSort<Key, THREADS, ITEMS, int>;
  using Reduce = cub::BlockReduce<double, THREADS>;
  union {
    typename Sort::TempStorage sort;
    typename Reduce::TempStorage reduce;
    Key keys[THREADS * ITEMS];
  };
  typename RowOf<T, PRIOR>::Type prior;
};

extern __shared__ __align__(16) unsigned char shared_memory[];

// x, to_x (R, N) row by row, N = samples <= THREADS ITEMS; a, b (R,); loss, to_a, to_b (R,).
// to_x, to_a and to_b are null where they are not wanted. One block a row.
template <typename T, int PRIOR, int THREADS, int ITEMS>
__global__ void __launch_bounds__(THREADS)
    batch_shaping_rows(const T* x, const double* a, const double* b, T* loss, T* to_x, T* to_a,
                       T* to_b, Options options) {
  using Shared = RowShared<T, PRIOR, THREADS, ITEMS>;
  using Key = typename Shared::Key;
  Shared& shared = *reinterpret_cast<Shared*>(shared_memory);
  const int thread = threadIdx.x, samples = static_cast<int>(options.samples);
  const long long row = blockIdx.x;
  const T* own = x + row * options.samples;
  const T low = static_cast<T>(options.low), high = static_cast<T>(options.high);

  const double row_b = PRIOR == SYMBETA ? 1 - inside(a[row], 0, 1) : b[row];
  fill(shared.prior, a[row], row_b, thread, THREADS);

  // In a blocked arrangement, so that the sort keeps the order of equal samples.
  Key keys[ITEMS];
  int places[ITEMS];
  bool bad = false;
  for (int i = 0; i < ITEMS; ++i) {
    const int place = thread * ITEMS + i;
    places[i] = place;
    keys[i] = ~Key(0);
    if (place < samples) {
      const T sample = own[place];
      bad = bad || !(sample == sample);
      keys[i] = Ordered<T>::key(sample < low ? low : sample > high ? high : sample);
    }
  }
  bad = __syncthreads_or(bad);
  typename Shared::Sort(shared.sort).Sort(keys, places);
  __syncthreads();
  for (int i = 0; i < ITEMS; ++i) shared.keys[thread * ITEMS + i] = keys[i];
  __syncthreads();

  double sums[3] = {0, 0, 0};
  const T none = static_cast<T>(not_a_number());
  for (int i = 0; i < ITEMS; ++i) {
    const int rank = thread * ITEMS + i;
    if (rank >= samples) continue;
    double shared_rank = rank;
    if (options.mid) {
      int first = rank, last = rank;
      if (rank > 0 && shared.keys[rank - 1] == keys[i]) {
        first = bound(shared.keys, rank, keys[i], false);
      }
      if (rank + 1 < samples && shared.keys[rank + 1] == keys[i]) {
        last = bound(shared.keys, samples, keys[i], true) - 1;
      }
      shared_rank = 0.5 * (first + last);
    }
    const T position = static_cast<T>((shared_rank + 1 + options.offset) * options.step);
    const Terms<T> terms = shared.prior.at(Ordered<T>::value(keys[i]), options.logits);
    const T residual = terms.cdf - position;
    sums[0] += static_cast<double>(residual) * residual;
    if (to_a) sums[1] += static_cast<double>(residual) * terms.slope_a;
    if (to_b || PRIOR == SYMBETA) sums[2] += static_cast<double>(residual) * terms.slope_b;
    if (to_x) {
      const long long place = row * options.samples + places[i];
      const T scale = static_cast<T>(2.0 / samples);
      T gradient = residual == 0 ? residual : residual * terms.density * scale;
      if (x[place] < low || x[place] > high) gradient = 0;
      to_x[place] = bad || !(terms.cdf == terms.cdf) ? none : gradient;
    }
  }
  for (int k = 0; k < 3; ++k) {
    __syncthreads();
    sums[k] = typename Shared::Reduce(shared.reduce).Sum(sums[k]);
  }
  if (thread == 0) {
    if (PRIOR == SYMBETA) sums[1] -= sums[2];
    loss[row] = bad ? none : static_cast<T>(sums[0] / samples);
    if (to_a) to_a[row] = bad ? none : static_cast<T>(2 * sums[1] / samples);
    if (to_b) to_b[row] = bad ? none : static_cast<T>(2 * sums[2] / samples);
  }
}
