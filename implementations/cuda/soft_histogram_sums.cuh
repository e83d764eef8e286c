// Sums at edges over the nodes of cells, in the place of samples.
#pragma once

#include "soft_histogram_cells.cuh"
#include "soft_histogram_pairs.cuh"

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
