// Two sums at an edge, and those of a block.
#pragma once

#include <cub/block/block_reduce.cuh>

extern __shared__ __align__(16) unsigned char shared_memory[];

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
