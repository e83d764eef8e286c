// Stands for CUB's: a block's sum, which thread 0 alone is given.
#pragma once

#include "cuda.h"

namespace cub {

template <typename T, int THREADS> class BlockReduce {
 public:
  struct TempStorage {
    T parts[THREADS];
  };
  explicit BlockReduce(TempStorage& temp) : temp(temp) {}

  T Sum(T own) {
    temp.parts[threadIdx.x] = own;
    __syncthreads();
    if (threadIdx.x) return T(-1);
    T sum = 0;
    for (int t = 0; t < THREADS; ++t) sum += temp.parts[t];
    return sum;
  }

 private:
  TempStorage& temp;
};

}  // namespace cub
