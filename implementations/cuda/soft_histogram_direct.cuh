// Sums at edges over the samples themselves. An edge sees the samples within its kernel's reach, and
// those of the bin below it, which it counts; to any other it adds nothing at all, not even in double
// precision. As samples are put in the order of bins first, those that an edge sees are one run.
//
// Where every edge sees every sample this is the full sum, and the order all that is paid for the
// window: far less than the sum, so that there is no other kernel for it.
#pragma once

#include <cub/block/block_radix_sort.cuh>

#include "row_sort.cuh"
#include "soft_histogram_pairs.cuh"
#include "soft_histogram_rows.cuh"

// Shared memory of a block: THREADS ITEMS samples at most, as so many bytes as the planner knows.
template <typename S, int THREADS, int ITEMS> struct ByBin {
  using T = ComputedIn<S>;
  using Place = unsigned short;
  using Sort = cub::BlockRadixSort<unsigned int, THREADS, ITEMS, Place>;
  static constexpr int SIZE = THREADS * ITEMS, LEAST = 12288;
  union {
    typename Sort::TempStorage temporary;
    struct {
      T samples[SIZE], weights[SIZE];
      unsigned int bins[SIZE];
    };
    unsigned char least[LEAST];
  };
  Pair own[THREADS];

  // Of count samples from a place on, those of bins first to last in the bins' order, which are
  // numbered from first. Returns whether a sample is NaN or a weight none. The same places always,
  // whatever the order of threads.
  __device__ bool fill(const RowOfSamples<S>& given, long long edges, long long start, int count,
                       long long first, long long last) {
    static_assert(sizeof(temporary) <= (SIZE * (2 * sizeof(T) + 4) > LEAST
                                            ? SIZE * (2 * sizeof(T) + 4)
                                            : LEAST), "too little shared memory");
    const int thread = threadIdx.x;
    const unsigned int none = static_cast<unsigned int>(last - first) + 1;
    unsigned int bin[ITEMS];
    Place from[ITEMS];
    bool bad = false;
    for (int i = 0; i < ITEMS; ++i) {
      const int place = i * THREADS + thread;
      from[i] = static_cast<Place>(place);
      bin[i] = none;
      if (place >= count) continue;
      const double sample = loaded(given.x[start + place]), weight = given.weight(start + place);
      bad = bad || !(sample == sample) || !(weight >= 0) || !(weight < 1e308);
      const long long in = first_edge(given, edges, sample);
      if (in >= first && in <= last) bin[i] = static_cast<unsigned int>(in - first);
    }
    int bits = 1;
    while (bits < 32 && none >> bits) ++bits;
    Sort(temporary).Sort(bin, from, 0, bits);
    __syncthreads();
    for (int i = 0; i < ITEMS; ++i) {
      const int place = thread * ITEMS + i;
      bins[place] = bin[i];
      if (bin[i] == none) continue;
      samples[place] = loaded(given.x[start + from[i]]);
      weights[place] = static_cast<T>(given.weight(start + from[i]));
    }
    __syncthreads();
    return bad;
  }
};

// The bins whose samples an edge sees, its own among them; of the last bin, above all edges, itself.
struct Window {
  long long first, last;
};

template <typename S>
__device__ Window window_of(const RowOfSamples<S>& given, long long edges, long long e,
                            double reach) {
  if (e == edges) return {edges, edges};
  const double edge = given.edge(e);
  // Distances as they are computed of samples: what is left out is out of reach there, too.
  const auto near = [&](long long b) { return (edge - given.edge(b)) / given.h < reach; };
  const auto far = [&](long long b) { return (given.edge(b) - edge) / given.h >= reach; };
  return {first_where(0, e, near), first_where(e, edges, far)};
}

// parts blocks a row for every tile of as many edges, at most, as a block has threads. Several threads
// share an edge's samples where there are enough, and add up what they found in a fixed order. Three
// blocks of a processor fit without a spill, where the compiler alone would leave room for two.
template <typename S, bool BACKWARD, int THREADS, int ITEMS>
__global__ void __launch_bounds__(THREADS, 3) soft_histogram_direct(Histogram call) {
  const long long edges = call.edge_count, tiles = (edges + THREADS) / THREADS;
  const long long tile = blockIdx.x % tiles, part = blockIdx.x / tiles % call.parts;
  const long long row = blockIdx.x / tiles / call.parts;
  if (!(call.flags[row] & DIRECT)) return;
  const RowOfSamples<S> given(call, row);
  using Block = ByBin<S, THREADS, ITEMS>;
  Block& block = *reinterpret_cast<Block*>(shared_memory);

  const int each = static_cast<int>((edges + tiles) / tiles), lanes = THREADS / each;
  const int slot = threadIdx.x / lanes, lane = threadIdx.x % lanes;
  const long long start = tile * each, e = start + slot;
  const long long end = start + each < edges + 1 ? start + each : edges + 1;
  const bool active = slot < each && e < end;
  const double reach = reach_of(call.kernel, false);
  const double edge = active && e < edges ? given.edge(e) : infinity();
  const long long first = window_of(given, edges, start, reach).first;
  const long long last = window_of(given, edges, end - 1, reach).last;
  const Window window = window_of(given, edges, active ? e : edges, reach);
  const unsigned int below = static_cast<unsigned int>(e - first);

  const long long share = (call.samples + call.parts - 1) / call.parts, from = part * share;
  const long long rest = call.samples - from, until = from + (rest < share ? rest : share);
  Pair own = {0, 0};
  bool bad = false;
  for (long long base = from; base < until; base += Block::SIZE) {
    const long long left = until - base;
    const int count = static_cast<int>(left < Block::SIZE ? left : Block::SIZE);
    bad = block.fill(given, edges, base, count, first, last) || bad;
    if (active) {
      const auto bin = [&](long long b) { return static_cast<unsigned int>(b - first); };
      const int stop = bound(block.bins, Block::SIZE, bin(window.last), true);
      int place = bound(block.bins, Block::SIZE, bin(window.first), false) + lane;
      for (; place < stop; place += lanes) {
        const double weight = block.weights[place], z = (edge - block.samples[place]) / given.h;
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
        if (!BACKWARD && block.bins[place] == below) own.second += weight;
      }
    }
    __syncthreads();
  }
  block.own[threadIdx.x] = own;
  __syncthreads();
  if (active && lane == 0) {
    for (int other = 1; other < lanes; ++other) {
      own.first += block.own[threadIdx.x + other].first;
      own.second += block.own[threadIdx.x + other].second;
    }
    double* partial = call.partial + (row * call.parts + part) * 2 * (edges + 1) + e;
    partial[0] = own.first;
    partial[edges + 1] = own.second;
  }
  if (bad) atomicOr(call.flags + row, BAD);
}
