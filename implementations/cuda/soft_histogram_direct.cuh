// Sums at edges over the samples themselves.
#pragma once

#include "soft_histogram_pairs.cuh"
#include "soft_histogram_rows.cuh"

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
