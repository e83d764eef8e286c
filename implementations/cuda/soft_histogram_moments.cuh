// A row's samples to weights of its cells' nodes: deposits in every cell, and what they say.
#pragma once

#include "soft_histogram_cells.cuh"

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
