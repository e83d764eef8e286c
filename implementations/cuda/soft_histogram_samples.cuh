// Gradients to samples and weights: at every edge they see, or by polynomials of cells.
#pragma once

#include "soft_histogram_cells.cuh"

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

// Every sample's polynomial at the sample: parts blocks a row, each of which has the row's table in
// shared memory where it is NEAR, else reads it where it is. Samples of rows that go the other way are
// taken to the edges they see.
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
