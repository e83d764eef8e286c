// From sums at edges to counts and the output, and from its cotangent back to edges and bandwidth.
#pragma once

#include "soft_histogram_pairs.cuh"
#include "soft_histogram_rows.cuh"

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
