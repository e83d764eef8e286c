// One call of the soft histogram, and a row of what it was given.
#pragma once

#include "limits.cuh"
#include "smoothing.cuh"
#include "storage.cuh"

// Of a row: its samples are taken to edges, not moments; there is nothing but NaN in it.
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

// The first of places from low on at which something is reached that is from then on; else high.
template <typename Reached>
__device__ long long first_where(long long low, long long high, Reached reached) {
  while (low < high) {
    const long long middle = low + (high - low) / 2;
    if (reached(middle)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

// The first of ascending edges that is not below a value: the bin, 0 to E, that the value is in.
template <typename S>
__device__ long long first_edge(const RowOfSamples<S>& given, long long edges, double value) {
  return first_where(0, edges, [&](long long e) { return !(given.edge(e) < value); });
}
