// Soft histogram. Every sample at every edge, or by moments: a row's samples become a few weighted
// ones, the Chebyshev nodes of small cells, and these are taken to every edge in their place. A
// polynomial through a cell's nodes stands for what an edge makes of a sample anywhere in the cell;
// implementations/moments/accuracy.py says how small cells must be. Which it is a row's edges and
// bandwidth decide, on the device, so that nothing is read back.
//
// suite/operators/soft_histogram.py states the function. With S(z) a kernel's upper tail for z >= 0
// and minus its lower tail for z < 0, a bin's count is the number of samples in it minus the step of
// sum S from its lower edge to its upper one.
#include <cub/block/block_reduce.cuh>

#include "smoothing.cuh"
#include "storage.cuh"

__device__ __forceinline__ double not_a_number() { return nan(""); }

// Of a row: every sample is taken to every edge; there is nothing but NaN in it.
enum Flag { DIRECT = 1, BAD = 2 };

// One call. R rows of N samples, E edges, E + 1 bins with the open ones, W words a row for cells.
// x (R, N), weights (R, N) or null for ones; cotangent, output (R, E - 1); to_x, to_weights (R, N);
// as computed in edges, to_edges (R, E), to_bandwidth (R,). What is not asked for is null.
//
// In double: nodes (R, W), sums (R, 2, E + 1) at edges, partial (R, parts, 2, E + 1) the same of a
// part of the samples, counts and g (R, E + 1), own (R, E). deposits (R, blocks, W): cells of a
// block's samples. spilled (R, W): 64-bit cells, integers or, where blocks is 0, doubles. table
// (R, W): cells' polynomials, as computed in. flags (R,), and what they were after the forward pass.
struct Histogram {
  const void *x, *edges, *weights, *cotangent;
  void *output, *to_x, *to_weights, *to_edges, *to_bandwidth, *table, *spilled;
  double *nodes, *sums, *partial, *counts, *g, *own;
  int *deposits, *flags;
  const int* before;
  Parameter bandwidth;
  long long rows, samples, edge_count, edge_stride, weight_stride, words, blocks, parts;
  int kernel, density, reflect, moments;
};

extern __shared__ __align__(16) unsigned char shared_memory[];

template <typename S> struct RowOfSamples {
  const S *x, *weights;
  const ComputedIn<S>* edges;
  double h;

  __device__ RowOfSamples(const Histogram& call, long long row) {
    x = static_cast<const S*>(call.x) + row * call.samples;
    edges = static_cast<const ComputedIn<S>*>(call.edges) + row * call.edge_stride;
    weights = static_cast<const S*>(call.weights);
    if (weights) weights += row * call.weight_stride;
    h = call.bandwidth.of(row);
  }
  __device__ double edge(long long e) const { return edges[e]; }
  __device__ double weight(long long i) const { return weights ? loaded(weights[i]) : 1.0; }
};

template <typename S> struct IsSingle {
  static constexpr bool VALUE = sizeof(ComputedIn<S>) == 4;
};

// Cells of one width over all that an edge of a row can see, and the terms of their polynomials.
struct Cells {
  double lo, width, inverse;
  long long count;
  int terms;

  __device__ double centre(long long cell) const { return lo + (cell + 0.5) * width; }
  // The first cell whose centre is above a value.
  __device__ long long first_above(double value) const {
    const double at = floor((value - lo) * inverse - 0.5) + 1;
    long long cell = at < 0 ? 0 : at > count ? count : static_cast<long long>(at);
    while (cell > 0 && centre(cell - 1) > value) --cell;
    while (cell < count && !(centre(cell) > value)) ++cell;
    return cell;
  }
  // Where a value is, in cells; at the ends if it is outside.
  __device__ double place(double value) const {
    const double at = (value - lo) * inverse, end = count * (1 - 1e-15);
    return at > 0 ? (at < end ? at : end) : 0;
  }
};

// Terms, and cells a bandwidth that so many need. terms 0: none are left.
struct Choice {
  int terms;
  double density;
};
__device__ __forceinline__ Choice choice_of(int kernel, bool single, int which) {
  if (kernel == GAUSSIAN) {
    const Choice fine[4] = {{3, 128}, {4, 32}, {6, 8}, {9, 4}};
    if (single) return which < 4 ? fine[which] : Choice{0, 0};
    return which < 1 ? Choice{12, 16} : Choice{0, 0};
  }
  const Choice fine[3] = {{3, 16}, {4, 4}, {6, 1}};
  if (single) return which < 3 ? fine[which] : Choice{0, 0};
  return which < 1 ? Choice{8, 4} : Choice{0, 0};
}

// The cells with the fewest terms that the words hold; count 0 where none will do.
__device__ inline Cells cells_of(double first, double last, double h, int kernel, bool single,
                                 long long words) {
  const double reach = reach_of(kernel, single), span = (last - first) / h + 2 * reach;
  for (int which = 0;; ++which) {
    const Choice choice = choice_of(kernel, single, which);
    if (choice.terms == 0) return {0, 0, 0, 0, 0};
    const double count = ceil(span * choice.density);
    if (!(count * choice.terms <= static_cast<double>(words))) continue;
    const double width = span * h / count;
    return {first - reach * h, width, 1 / width, static_cast<long long>(count), choice.terms};
  }
}

template <typename S>
__device__ Cells cells_in(const Histogram& call, const RowOfSamples<S>& row) {
  return cells_of(row.edge(0), row.edge(call.edge_count - 1), row.h, call.kernel,
                  IsSingle<S>::VALUE, call.words);
}

// T_0 ... T_{K-1} at t.
template <int K, typename T> __device__ __forceinline__ void chebyshev(T t, T (&values)[K]) {
  values[0] = 1;
  if (K > 1) values[K > 1 ? 1 : 0] = t;
  for (int k = 2; k < K; ++k) values[k] = 2 * t * values[k - 1] - values[k - 2];
}

__device__ __forceinline__ double node(int q, int terms) {
  return cos(3.141592653589793 * (q + 0.5) / terms);
}

// Runs a statement with K the number of terms, which is one of those in choice_of.
#define WITH_TERMS(terms, single, ...)               \
  if (single) {                                      \
    switch (terms) {                                 \
      case 3: { constexpr int K = 3; __VA_ARGS__; break; } \
      case 4: { constexpr int K = 4; __VA_ARGS__; break; } \
      case 6: { constexpr int K = 6; __VA_ARGS__; break; } \
      default: { constexpr int K = 9; __VA_ARGS__; break; } \
    }                                                \
  } else if (terms == 8) {                           \
    constexpr int K = 8;                             \
    __VA_ARGS__;                                     \
  } else {                                           \
    constexpr int K = 12;                            \
    __VA_ARGS__;                                     \
  }

// Which way every row goes, and empty cells. blocks: any number a row.
template <typename S> __global__ void soft_histogram_plan(Histogram call) {
  const long long row = blockIdx.x;
  const RowOfSamples<S> given(call, row);
  bool bad = !(given.h > 0) || !(given.h < 1e308);
  bool narrow = false;
  const double least = (IsSingle<S>::VALUE ? 1e-9 : 5e-3) * given.h;
  for (long long e = threadIdx.x; e < call.edge_count; e += blockDim.x) {
    const double edge = given.edge(e);
    bad = bad || !(fabs(edge) < 1e308);
    if (e > 0) {
      const double width = edge - given.edge(e - 1);
      bad = bad || !(width > 0);
      narrow = narrow || width < least;
    }
  }
  bad = __syncthreads_or(bad);
  narrow = __syncthreads_or(narrow);
  int flags = bad ? DIRECT | BAD : 0;
  long long used = 0;
  if (!bad) {
    Cells cells = {0, 0, 0, 0, 0};
    if (call.moments && !narrow) cells = cells_in(call, given);
    used = cells.count * cells.terms;
    if (used == 0) flags = DIRECT;
  }
  long long* spilled = static_cast<long long*>(call.spilled) + row * call.words;
  for (long long word = threadIdx.x; word < used; word += blockDim.x) spilled[word] = 0;
  if (threadIdx.x == 0) call.flags[row] = flags;
}

// Fixed point of a block's cells: a Chebyshev polynomial's value takes SHIFT bits. A cell's sums are
// moved to 64 bits once LIMIT samples are in it, before BATCH more of every thread can overflow it.
constexpr int SHIFT = 18, LIMIT = 2048, BATCH = 4;

template <typename S, int K>
__device__ bool deposit(const Histogram& call, const RowOfSamples<S>& given, const Cells& cells,
                        long long row, long long part) {
  int* table = reinterpret_cast<int*>(shared_memory);
  const int thread = threadIdx.x, threads = blockDim.x, count = static_cast<int>(cells.count);
  for (int word = thread; word < K * count; word += threads) table[word] = 0;
  __syncthreads();
  const long long share = (call.samples + call.blocks - 1) / call.blocks, start = part * share;
  const long long rest = call.samples - start, end = start + (rest < share ? rest : share);
  long long* spilled = static_cast<long long*>(call.spilled) + row * call.words;
  bool bad = false;
  for (long long base = start; base < end; base += static_cast<long long>(BATCH) * threads) {
    bool full = false;
    for (int j = 0; j < BATCH; ++j) {
      const long long i = base + static_cast<long long>(j) * threads + thread;
      if (i >= end) continue;
      const float sample = static_cast<float>(loaded(given.x[i]));
      if (!(sample == sample)) {
        bad = true;
        continue;
      }
      const double at = cells.place(sample);
      const int cell = static_cast<int>(at);
      float values[K];
      chebyshev<K>(static_cast<float>(2 * (at - cell) - 1), values);
      const int before = atomicAdd(table + cell, 1);
      full = full || before == LIMIT - 1;
      for (int k = 1; k < K; ++k) {
        atomicAdd(table + k * count + cell, __float2int_rn(values[k] * (1 << SHIFT)));
      }
    }
    if (__syncthreads_or(full)) {
      for (int cell = thread; cell < count; cell += threads) {
        if (table[cell] < LIMIT) continue;
        for (int k = 0; k < K; ++k) {
          const int word = k * count + cell;
          atomicAdd(reinterpret_cast<unsigned long long*>(spilled + word),
                    static_cast<unsigned long long>(static_cast<long long>(table[word])));
          table[word] = 0;
        }
      }
      __syncthreads();
    }
  }
  __syncthreads();
  int* out = call.deposits + (row * call.blocks + part) * call.words;
  for (int word = thread; word < K * count; word += threads) out[word] = table[word];
  return bad;
}

// Float32 samples without weights, blocks after blocks of a row: deterministic.
template <typename S>
__global__ void __launch_bounds__(1024, 1) soft_histogram_deposit(Histogram call) {
  const long long row = blockIdx.x / call.blocks, part = blockIdx.x % call.blocks;
  if (call.flags[row] & DIRECT) return;
  const RowOfSamples<S> given(call, row);
  const Cells cells = cells_in(call, given);
  bool bad = false;
  WITH_TERMS(cells.terms, true, bad = deposit<S, K>(call, given, cells, row, part));
  if (bad) atomicOr(call.flags + row, BAD);
}

template <typename S, int K>
__device__ bool deposit_one(const Histogram& call, const RowOfSamples<S>& given,
                            const Cells& cells, long long row, long long i) {
  using T = ComputedIn<S>;
  const double sample = loaded(given.x[i]), weight = given.weight(i);
  if (!(sample == sample) || !(weight >= 0) || !(weight < 1e308)) return true;
  const double at = cells.place(sample);
  const long long cell = static_cast<long long>(at);
  T values[K];
  chebyshev<K>(static_cast<T>(2 * (at - cell) - 1), values);
  double* table = static_cast<double*>(call.spilled) + row * call.words;
  for (int k = 0; k < K; ++k) atomicAdd(table + k * cells.count + cell, weight * values[k]);
  return false;
}

// Weighted samples, or float64: cells in double precision, in global memory. parts blocks a row.
template <typename S> __global__ void soft_histogram_deposit_doubles(Histogram call) {
  const long long row = blockIdx.x / call.parts, part = blockIdx.x % call.parts;
  if (call.flags[row] & DIRECT) return;
  const RowOfSamples<S> given(call, row);
  const Cells cells = cells_in(call, given);
  const long long step = call.parts * blockDim.x;
  bool bad = false;
  for (long long i = part * blockDim.x + threadIdx.x; i < call.samples; i += step) {
    bool own = false;
    WITH_TERMS(cells.terms, IsSingle<S>::VALUE,
               own = deposit_one<S, K>(call, given, cells, row, i));
    bad = bad || own;
  }
  if (bad) atomicOr(call.flags + row, BAD);
}

template <int K>
__device__ void weigh_nodes(const Histogram& call, const Cells& cells, long long row,
                            long long cell) {
  double sums[K];
  for (int k = 0; k < K; ++k) {
    const long long word = k * cells.count + cell, place = row * call.words + word;
    if (call.blocks == 0) {
      sums[k] = static_cast<const double*>(call.spilled)[place];
      continue;
    }
    long long total = static_cast<const long long*>(call.spilled)[place];
    const int* deposits = call.deposits + row * call.blocks * call.words + word;
    for (long long block = 0; block < call.blocks; ++block) total += deposits[block * call.words];
    sums[k] = static_cast<double>(total) * (k ? 1.0 / (1 << SHIFT) : 1.0);
  }
  double* nodes = call.nodes + row * call.words + cell * K;
  for (int q = 0; q < K; ++q) {
    double values[K];
    chebyshev<K>(node(q, K), values);
    double weight = 0.5 * sums[0];
    for (int k = 1; k < K; ++k) weight += values[k] * sums[k];
    nodes[q] = weight * (2.0 / K);
  }
}

// Cells' sums to weights of their nodes; one thread a cell, W / 3 threads a row in whole blocks.
template <typename S> __global__ void soft_histogram_nodes(Histogram call) {
  const long long across = (call.words / 3 + blockDim.x - 1) / blockDim.x;
  const long long row = blockIdx.x / across;
  const long long cell = blockIdx.x % across * blockDim.x + threadIdx.x;
  if (call.flags[row] & DIRECT) return;
  const Cells cells = cells_in(call, RowOfSamples<S>(call, row));
  if (cell >= cells.count) return;
  WITH_TERMS(cells.terms, IsSingle<S>::VALUE, weigh_nodes<K>(call, cells, row, cell));
}

// Two sums at an edge: forward S and the number of samples from the edge below up to it; backward
// the kernel's density, and density times distance.
struct Pair {
  double first, second;
};

// A block's sums, for all its threads. Launched with SHARED bytes, as every block of a row or an edge.
constexpr int SHARED = 4096;

template <int THREADS> struct SumShared {
  using Reduce = cub::BlockReduce<double, THREADS>;
  typename Reduce::TempStorage storage;
  Pair sums;
  double places[12];
};

template <int THREADS> __device__ SumShared<THREADS>& sum_shared() {
  static_assert(sizeof(SumShared<THREADS>) <= SHARED, "too little shared memory");
  return *reinterpret_cast<SumShared<THREADS>*>(shared_memory);
}

template <int THREADS> __device__ Pair block_sums(Pair own) {
  SumShared<THREADS>& shared = sum_shared<THREADS>();
  own.first = typename SumShared<THREADS>::Reduce(shared.storage).Sum(own.first);
  __syncthreads();
  own.second = typename SumShared<THREADS>::Reduce(shared.storage).Sum(own.second);
  if (threadIdx.x == 0) shared.sums = own;
  __syncthreads();
  own = shared.sums;
  __syncthreads();
  return own;
}

// One block an edge, E + 1 of them a row: over the nodes that the edge sees.
template <typename S, bool BACKWARD, int THREADS>
__global__ void __launch_bounds__(THREADS) soft_histogram_sums(Histogram call) {
  const long long row = blockIdx.x / (call.edge_count + 1), e = blockIdx.x % (call.edge_count + 1);
  if (call.flags[row] & DIRECT) return;
  const RowOfSamples<S> given(call, row);
  const Cells cells = cells_in(call, given);
  const double* nodes = call.nodes + row * call.words;
  const int terms = cells.terms;
  double(&places)[12] = sum_shared<THREADS>().places;
  if (static_cast<int>(threadIdx.x) < terms) places[threadIdx.x] = node(threadIdx.x, terms);
  __syncthreads();
  Pair own = {0, 0};
  if (e < call.edge_count) {
    const double edge = given.edge(e), reach = reach_of(call.kernel, IsSingle<S>::VALUE) * given.h;
    const long long first = static_cast<long long>(cells.place(edge - reach));
    const long long last = static_cast<long long>(cells.place(edge + reach));
    for (long long k = first * terms + threadIdx.x; k < (last + 1) * terms; k += THREADS) {
      const long long cell = k / terms;
      const double centre = cells.centre(cell), weight = nodes[k];
      const double z = (edge - centre - 0.5 * cells.width * places[k % terms]) / given.h;
      if (BACKWARD) {
        const double height = weight * density(z, call.kernel);
        own.first += height;
        own.second += height * z;
      } else {
        const double side = centre > edge ? -1 : 1;
        own.first += weight * side * upper_tail(side * z, call.kernel);
      }
    }
  }
  if (!BACKWARD) {
    const long long first = e == 0 ? 0 : cells.first_above(given.edge(e - 1));
    const long long end = e == call.edge_count ? cells.count : cells.first_above(given.edge(e));
    for (long long k = first * terms + threadIdx.x; k < end * terms; k += THREADS) {
      own.second += nodes[k];
    }
  }
  own = block_sums<THREADS>(own);
  if (threadIdx.x == 0) {
    double* sums = call.sums + row * 2 * (call.edge_count + 1) + e;
    sums[0] = own.first;
    sums[call.edge_count + 1] = own.second;
  }
}

__device__ __forceinline__ double count_of(const double* sums, long long edges, long long bin) {
  const double above = bin < edges ? sums[bin] : 0, below = bin > 0 ? sums[bin - 1] : 0;
  return sums[edges + 1 + bin] - (above - below);
}

// Rows with next to nothing between their edges, of which float32's cells may have lost all, go the
// other way. One block a row.
template <typename S, int THREADS>
__global__ void __launch_bounds__(THREADS) soft_histogram_faint(Histogram call) {
  const long long row = blockIdx.x, edges = call.edge_count;
  if (!IsSingle<S>::VALUE || call.flags[row] & DIRECT) return;
  const double* sums = call.sums + row * 2 * (edges + 1);
  Pair own = {0, 0};
  for (long long bin = threadIdx.x; bin <= edges; bin += THREADS) {
    const double count = count_of(sums, edges, bin);
    own.second += count;
    if (bin > 0 && bin < edges) own.first += count;
  }
  own = block_sums<THREADS>(own);
  const double least = call.kernel == GAUSSIAN ? 1e-8 : 1e-7;
  if (threadIdx.x == 0 && own.first < least * own.second) call.flags[row] |= DIRECT;
}

// Every sample at every edge, a thread an edge: tiles of edges of parts of rows, tile by tile.
template <typename S, bool BACKWARD, int TILE>
__global__ void __launch_bounds__(TILE) soft_histogram_direct(Histogram call) {
  const long long edges = call.edge_count, tiles = (edges + TILE) / TILE;
  const long long tile = blockIdx.x % tiles, part = blockIdx.x / tiles % call.parts;
  const long long row = blockIdx.x / tiles / call.parts;
  if (!(call.flags[row] & DIRECT)) return;
  const RowOfSamples<S> given(call, row);
  static_assert(2 * TILE * sizeof(double) <= SHARED, "too little shared memory");
  double *samples = reinterpret_cast<double*>(shared_memory), *weights = samples + TILE;
  const long long e = tile * TILE + threadIdx.x;
  // The last bin has no edge above it, the first none below.
  const double edge = e < edges ? given.edge(e) : 0;
  const double below = e > 0 && e <= edges ? given.edge(e - 1) : 0;
  const double reach = reach_of(call.kernel, false);
  // Infinite samples would make z k(z) NaN; a thousand bandwidths outside are as good.
  const double low = given.edge(0) - 1000 * given.h, high = given.edge(edges - 1) + 1000 * given.h;
  const long long share = (call.samples + call.parts - 1) / call.parts, start = part * share;
  const long long rest = call.samples - start, end = start + (rest < share ? rest : share);
  Pair own = {0, 0};
  bool bad = false;
  for (long long base = start; base < end; base += TILE) {
    const long long i = base + threadIdx.x;
    __syncthreads();
    if (i < end) {
      const double sample = loaded(given.x[i]), weight = given.weight(i);
      bad = bad || !(sample == sample) || !(weight >= 0) || !(weight < 1e308);
      samples[threadIdx.x] = sample < low ? low : sample > high ? high : sample;
      weights[threadIdx.x] = weight;
    }
    __syncthreads();
    if (e > edges) continue;
    const int many = static_cast<int>(end - base < TILE ? end - base : TILE);
    for (int j = 0; j < many; ++j) {
      const double sample = samples[j], weight = weights[j];
      if (e < edges) {
        const double z = (edge - sample) / given.h;
        if (fabs(z) < reach) {
          if (BACKWARD) {
            const double height = weight * density(z, call.kernel);
            own.first += height;
            own.second += height * z;
          } else {
            const double tail = upper_tail(fabs(z), call.kernel);
            own.first += z < 0 ? -weight * tail : weight * tail;
          }
        }
      }
      if (!BACKWARD && (e == edges || sample <= edge) && (e == 0 || sample > below)) {
        own.second += weight;
      }
    }
  }
  if (e <= edges) {
    double* partial = call.partial + (row * call.parts + part) * 2 * (edges + 1) + e;
    partial[0] = own.first;
    partial[edges + 1] = own.second;
  }
  if (bad) atomicOr(call.flags + row, BAD);
}

// Sums at an edge of a row that went either way.
__device__ inline Pair sums_at(const Histogram& call, long long row, long long e) {
  const long long edges = call.edge_count;
  if (!(call.flags[row] & DIRECT)) {
    const double* sums = call.sums + row * 2 * (edges + 1) + e;
    return {sums[0], sums[edges + 1]};
  }
  Pair total = {0, 0};
  for (long long part = 0; part < call.parts; ++part) {
    const double* sums = call.partial + (row * call.parts + part) * 2 * (edges + 1) + e;
    total.first += sums[0];
    total.second += sums[edges + 1];
  }
  return total;
}

// Counts (R, E + 1) and the output; one block a row.
template <typename S, int THREADS>
__global__ void __launch_bounds__(THREADS) soft_histogram_finish(Histogram call) {
  using T = ComputedIn<S>;
  const long long row = blockIdx.x, edges = call.edge_count, bins = edges - 1;
  const RowOfSamples<S> given(call, row);
  double* counts = call.counts + row * (edges + 1);
  for (long long bin = threadIdx.x; bin <= edges; bin += THREADS) {
    const Pair own = sums_at(call, row, bin);
    const double above = bin < edges ? own.first : 0;
    const double below = bin > 0 ? sums_at(call, row, bin - 1).first : 0;
    counts[bin] = own.second - (above - below);
  }
  __syncthreads();
  Pair total = {0, 0};
  if (call.density) {
    for (long long bin = threadIdx.x; bin <= edges; bin += THREADS) {
      if (call.reflect || (bin > 0 && bin < edges)) total.first += counts[bin];
    }
    total = block_sums<THREADS>(total);
  }
  S* output = static_cast<S*>(call.output) + row * bins;
  for (long long b = threadIdx.x; b < bins; b += THREADS) {
    double count = counts[b + 1];
    if (call.reflect && b == 0) count += counts[0];
    if (call.reflect && b == bins - 1) count += counts[edges];
    if (call.density) count = count / total.first / (given.edge(b + 1) - given.edge(b));
    store(output + b, static_cast<T>(call.flags[row] & BAD ? not_a_number() : count));
  }
}

// From the cotangent of the output to that of the counts, g (R, E + 1), and what the edges' own
// places in a density's widths get, own (R, E). Marks rows whose cotangent is no number.
template <typename S, int THREADS>
__global__ void __launch_bounds__(THREADS) soft_histogram_cotangent(Histogram call) {
  const long long row = blockIdx.x, edges = call.edge_count, bins = edges - 1;
  const RowOfSamples<S> given(call, row);
  const S* cotangent = static_cast<const S*>(call.cotangent) + row * bins;
  const double* counts = call.counts + row * (edges + 1);
  double *g = call.g + row * (edges + 1), *own = call.own + row * edges;
  const auto inside = [&](long long b) {
    double count = counts[b + 1];
    if (call.reflect && b == 0) count += counts[0];
    if (call.reflect && b == bins - 1) count += counts[edges];
    return count;
  };
  const auto width = [&](long long b) { return given.edge(b + 1) - given.edge(b); };
  double total = 1, shares = 0;
  if (call.density) {
    Pair sums = {0, 0};
    for (long long b = threadIdx.x; b < bins; b += THREADS) {
      sums.first += inside(b);
      sums.second += loaded(cotangent[b]) * inside(b) / width(b);
    }
    sums = block_sums<THREADS>(sums);
    total = sums.first;
    shares = sums.second / total;
  }
  const auto of_count = [&](long long b) {
    const double value = loaded(cotangent[b]);
    return call.density ? (value / width(b) - shares) / total : value;
  };
  const auto of_width = [&](long long b) {
    return loaded(cotangent[b]) * inside(b) / (total * width(b) * width(b));
  };
  bool bad = false;
  for (long long bin = threadIdx.x; bin <= edges; bin += THREADS) {
    const bool open = bin == 0 || bin == edges;
    const double value =
        open && !call.reflect ? 0 : of_count(bin == 0 ? 0 : bin == edges ? bins - 1 : bin - 1);
    g[bin] = value;
    bad = bad || !(fabs(value) < 1e308);
  }
  for (long long e = threadIdx.x; e < edges; e += THREADS) {
    double value = 0;
    if (call.density) {
      value = (e < bins ? of_width(e) : 0) - (e > 0 ? of_width(e - 1) : 0);
    }
    own[e] = value;
  }
  bad = __syncthreads_or(bad);
  if (threadIdx.x == 0) call.flags[row] = call.before[row] | (bad ? BAD : 0);
}

// The first of ascending edges that is not below a value.
template <typename S>
__device__ long long first_edge(const RowOfSamples<S>& given, long long edges, double value) {
  long long low = 0, high = edges;
  while (low < high) {
    const long long middle = low + (high - low) / 2;
    if (given.edge(middle) < value) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

// What a sample gets from all edges it sees: its gradient, or where WEIGHTS that of its weight. side:
// on which it counts as lying of an edge, by where its cell is.
template <typename S, bool WEIGHTS>
__device__ double at_sample(const Histogram& call, const RowOfSamples<S>& given, const double* g,
                            double sample, double centre, double reach) {
  const long long edges = call.edge_count;
  double sum = WEIGHTS ? g[first_edge(given, edges, centre)] : 0;
  for (long long e = first_edge(given, edges, sample - reach * given.h); e < edges; ++e) {
    const double edge = given.edge(e), z = (edge - sample) / given.h;
    if (z > reach) break;
    const double step = g[e + 1] - g[e], side = centre > edge ? -1 : 1;
    sum += WEIGHTS ? step * side * upper_tail(side * z, call.kernel)
                   : step / given.h * density(z, call.kernel);
  }
  return sum;
}

template <typename S, bool WEIGHTS, int K>
__device__ void interpolate(const Histogram& call, const RowOfSamples<S>& given,
                            const Cells& cells, long long row, long long cell) {
  using T = ComputedIn<S>;
  const double* g = call.g + row * (call.edge_count + 1);
  const double centre = cells.centre(cell), reach = reach_of(call.kernel, IsSingle<S>::VALUE);
  double sums[K];
  for (int k = 0; k < K; ++k) sums[k] = 0;
  for (int q = 0; q < K; ++q) {
    double values[K];
    chebyshev<K>(node(q, K), values);
    const double sample = centre + 0.5 * cells.width * values[1];
    const double value = at_sample<S, WEIGHTS>(call, given, g, sample, centre, reach);
    for (int k = 0; k < K; ++k) sums[k] += value * values[k];
  }
  T* table = static_cast<T*>(call.table) + row * call.words + cell;
  for (int k = 0; k < K; ++k) {
    table[k * cells.count] = static_cast<T>(sums[k] * (k ? 2.0 / K : 1.0 / K));
  }
}

// Every cell's polynomial; as soft_histogram_nodes one thread a cell.
template <typename S, bool WEIGHTS> __global__ void soft_histogram_polynomials(Histogram call) {
  const long long across = (call.words / 3 + blockDim.x - 1) / blockDim.x;
  const long long row = blockIdx.x / across;
  const long long cell = blockIdx.x % across * blockDim.x + threadIdx.x;
  if (call.flags[row] & (DIRECT | BAD)) return;
  const RowOfSamples<S> given(call, row);
  const Cells cells = cells_in(call, given);
  if (cell >= cells.count) return;
  WITH_TERMS(cells.terms, IsSingle<S>::VALUE,
             interpolate<S, WEIGHTS, K>(call, given, cells, row, cell));
}

// c_0 T_0(t) + ... by Clenshaw's recurrence.
template <int K, typename T>
__device__ __forceinline__ T clenshaw(const T* coefficients, long long stride, T t) {
  T above = 0, last = 0;
  for (int k = K - 1; k > 0; --k) {
    const T next = 2 * t * last - above + coefficients[k * stride];
    above = last;
    last = next;
  }
  return t * last - above + coefficients[0];
}

// Every sample's polynomial at the sample: parts blocks a row, each of which has the row's table in
// shared memory where it is NEAR, else reads it where it is. Rows that go the other way are taken to
// every edge.
template <typename S, bool WEIGHTS, bool NEAR>
__global__ void __launch_bounds__(1024) soft_histogram_evaluate(Histogram call) {
  using T = ComputedIn<S>;
  const long long row = blockIdx.x / call.parts, part = blockIdx.x % call.parts;
  const RowOfSamples<S> given(call, row);
  const int flags = call.flags[row];
  S* out = static_cast<S*>(WEIGHTS ? call.to_weights : call.to_x) + row * call.samples;
  const long long step = call.parts * blockDim.x, edges = call.edge_count;
  const double* g = call.g + row * (edges + 1);
  const double low = given.edge(0) - 1000 * given.h, high = given.edge(edges - 1) + 1000 * given.h;
  Cells cells = {0, 0, 0, 0, 3};
  const T* table = nullptr;
  if (!(flags & (DIRECT | BAD))) {
    cells = cells_in(call, given);
    table = static_cast<const T*>(call.table) + row * call.words;
    if (NEAR) {
      T* own = reinterpret_cast<T*>(shared_memory);
      for (long long k = threadIdx.x; k < cells.count * cells.terms; k += blockDim.x) {
        own[k] = table[k];
      }
      __syncthreads();
      table = own;
    }
  }
  for (long long i = part * blockDim.x + threadIdx.x; i < call.samples; i += step) {
    T value = static_cast<T>(not_a_number());
    if (!(flags & BAD)) {
      const double sample = loaded(given.x[i]);
      if (flags & DIRECT) {
        const double near = sample < low ? low : sample > high ? high : sample;
        const double reach = reach_of(call.kernel, false);
        value = static_cast<T>(at_sample<S, WEIGHTS>(call, given, g, near, near, reach));
      } else {
        const double at = cells.place(sample);
        const long long cell = static_cast<long long>(at);
        const T t = static_cast<T>(2 * (at - cell) - 1);
        WITH_TERMS(cells.terms, IsSingle<S>::VALUE,
                   value = clenshaw<K, T>(table + cell, cells.count, t));
      }
      if (!WEIGHTS) value *= static_cast<T>(given.weight(i));
    }
    store(out + i, value);
  }
}

// Gradients to edges and bandwidth, from densities summed at edges; one block a row.
template <typename S, int THREADS>
__global__ void __launch_bounds__(THREADS) soft_histogram_edges(Histogram call) {
  using T = ComputedIn<S>;
  const long long row = blockIdx.x, edges = call.edge_count;
  const double* g = call.g + row * (edges + 1);
  const double h = call.bandwidth.of(row);
  const bool bad = call.flags[row] & BAD;
  Pair total = {0, 0};
  for (long long e = threadIdx.x; e < edges; e += THREADS) {
    const Pair sums = sums_at(call, row, e);
    const double step = (g[e + 1] - g[e]) / h;
    const double value = call.own[row * edges + e] - step * sums.first;
    if (call.to_edges) {
      static_cast<T*>(call.to_edges)[row * edges + e] =
          static_cast<T>(bad ? not_a_number() : value);
    }
    total.first += step * sums.second;
  }
  total = block_sums<THREADS>(total);
  if (threadIdx.x == 0 && call.to_bandwidth) {
    static_cast<T*>(call.to_bandwidth)[row] =
        static_cast<T>(bad ? not_a_number() : total.first);
  }
}
