// Empirical distribution functions, one block a row, and the surrogates of their gradients that sum
// over all pairs of a row's samples. Rows too long for a block come sorted, and many blocks share one.
// suite/operators/ecdf.py states the functions.
#include "limits.cuh"
#include "row_sort.cuh"
#include "storage.cuh"

// The ranks of equal samples: in their order, the mean, the largest.
enum Ties { ORDINAL = 0, MID = 1, MAX = 2 };

// One call. x and positions (R, N) row by row; the position of a rank, from 1, is (rank + offset) step.
struct Ecdf {
  const void* x;
  void* positions;
  long long samples;
  double step, offset;
  long long ties;
};

template <typename T, typename Value, typename Place>
__device__ T position(const Ecdf& call, const Value* ascending, Place samples, Place rank) {
  double shared_rank = static_cast<double>(rank);
  if (call.ties != ORDINAL) {
    const Place last = last_equal(ascending, samples, rank);
    const Place first = call.ties == MID ? first_equal(ascending, rank) : last;
    shared_rank = 0.5 * (static_cast<double>(first) + static_cast<double>(last));
  }
  return static_cast<T>((shared_rank + 1 + call.offset) * call.step);
}

// One block a row of at most THREADS ITEMS samples. SHARED: the bytes it is launched with.
template <typename S, int THREADS, int ITEMS, int SHARED>
__global__ void __launch_bounds__(THREADS) ecdf_rows(Ecdf call) {
  using Row = RowSort<S, THREADS, ITEMS>;
  using T = ComputedIn<S>;
  static_assert(sizeof(Row) <= SHARED, "too little shared memory");
  Row& row = *reinterpret_cast<Row*>(shared_memory);
  const int samples = static_cast<int>(call.samples);
  const long long start = blockIdx.x * call.samples;
  const T end = static_cast<T>(infinity()), none = static_cast<T>(not_a_number());
  const bool bad = row.fill(static_cast<const S*>(call.x) + start, samples, -end, end);
#pragma unroll 1
  for (int rank = threadIdx.x; rank < samples; rank += THREADS) {
    row.values[row.places[rank]] = position<T>(call, row.keys, samples, rank);
  }
  __syncthreads();
  S* positions = static_cast<S*>(call.positions) + start;
  for (int place = threadIdx.x; place < samples; place += THREADS) {
    store(positions + place, bad ? none : row.values[place]);
  }
}

// A row in ascending order, whose samples somebody else has sorted: ascending (R, N) as computed in,
// NaN last, order (R, N) where each came from, of 64 bits where wide, else 32. A row has blocks
// blocks, each of which has a share of the samples.
struct SortedEcdf {
  Ecdf call;
  const void *ascending, *order;
  long long blocks, share, wide;
};

template <typename S> __global__ void ecdf_sorted(SortedEcdf sorted) {
  using T = ComputedIn<S>;
  const Ecdf& call = sorted.call;
  const long long row = blockIdx.x / sorted.blocks, part = blockIdx.x % sorted.blocks;
  const long long samples = call.samples, start = row * samples, first = part * sorted.share;
  const long long end = first + (samples - first < sorted.share ? samples - first : sorted.share);
  const T* ascending = static_cast<const T*>(sorted.ascending) + start;
  const bool bad = !(ascending[samples - 1] == ascending[samples - 1]);
  const T none = static_cast<T>(not_a_number());
#pragma unroll 1
  for (long long rank = first + threadIdx.x; rank < end; rank += blockDim.x) {
    const long long place = sorted.wide ? static_cast<const long long*>(sorted.order)[start + rank]
                                        : static_cast<const int*>(sorted.order)[start + rank];
    store(static_cast<S*>(call.positions) + start + place,
          bad ? none : position<T>(call, ascending, samples, rank));
  }
}

// The gradient (R, N) of a surrogate for a cotangent (R, N), both stored as x is: weight g_i times the
// sum of 2^-d^2, or weight times that of (g_i - g_j) / (2 cosh(d log 2 / 2))^2, over the samples j of
// d = (x_i - x_j) factor.
enum Surrogate { DENSITY = 0, SOFT_RANK = 1 };

struct Pairs {
  const void *x, *cotangent;
  void* gradient;
  long long samples, blocks;
  double factor, weight;
};

// Of a number from 1 to 2, to within a unit in the last place.
__device__ __forceinline__ float reciprocal(float value) {
#ifdef __CUDA_ARCH__
  float result;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(value));
  return result;
#else
  return 1 / value;
#endif
}
__device__ __forceinline__ double reciprocal(double value) { return 1 / value; }

template <int SURROGATE, typename T>
__device__ __forceinline__ T term(T distance, T own, T other) {
  if (SURROGATE == DENSITY) return exp2(-distance * distance);
  const T far = exp2(-fabs(distance)), near = reciprocal(1 + far);
  return far * near * near * (own - other);
}

// One thread a sample, blocks of one row after another. A sum runs over THREADS samples as computed
// in, over these sums in double.
template <typename S, int SURROGATE, int THREADS>
__global__ void __launch_bounds__(THREADS) ecdf_pairs(Pairs call) {
  using T = ComputedIn<S>;
  struct Sample {
    T x, cotangent;
  };
  Sample* tile = reinterpret_cast<Sample*>(shared_memory);
  const int thread = threadIdx.x;
  const long long row = blockIdx.x / call.blocks, samples = call.samples;
  const long long start = row * samples, place = blockIdx.x % call.blocks * THREADS + thread;
  const S* x = static_cast<const S*>(call.x) + start;
  const S* cotangent = static_cast<const S*>(call.cotangent) + start;
  const bool mine = place < samples;
  const T factor = static_cast<T>(call.factor);
  const Sample own = {mine ? loaded(x[place]) : T(0), mine ? loaded(cotangent[place]) : T(0)};
  double total = 0;
  for (long long first = 0; first < samples; first += THREADS) {
    const int count = static_cast<int>(samples - first < THREADS ? samples - first : THREADS);
    __syncthreads();
    if (thread < count) tile[thread] = {loaded(x[first + thread]), loaded(cotangent[first + thread])};
    __syncthreads();
    T part = 0;
#pragma unroll 8
    for (int j = 0; j < count; ++j) {
      part += term<SURROGATE>((own.x - tile[j].x) * factor, own.cotangent, tile[j].cotangent);
    }
    total += static_cast<double>(part);
  }
  if (!mine) return;
  if (SURROGATE == DENSITY) total *= static_cast<double>(own.cotangent);
  store(static_cast<S*>(call.gradient) + start + place, static_cast<T>(total * call.weight));
}
