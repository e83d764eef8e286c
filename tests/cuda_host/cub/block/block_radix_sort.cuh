// Stands for CUB's: a stable sort of a block's items in blocked arrangement, by some of their keys'
// bits. Its storage is in no order that a kernel could rely on, and nothing is left in it.
#pragma once

#include "cuda.h"

// In fibers.cpp: places of n keys in stable order.
void stable_order(const unsigned long long* keys, int n, int* order);

namespace cub {

template <typename Key, int THREADS, int ITEMS, typename Value> class BlockRadixSort {
 public:
  struct TempStorage {
    Key keys[THREADS * ITEMS];
    Value values[THREADS * ITEMS];
  };
  explicit BlockRadixSort(TempStorage& temp) : temp(temp) {}

  void Sort(Key (&keys)[ITEMS], Value (&values)[ITEMS], int begin = 0, int end = 8 * sizeof(Key)) {
    const Key mask = (end < 8 * int(sizeof(Key)) ? Key(1) << end : Key(0)) - 1;
    const int last = THREADS * ITEMS - 1, start = threadIdx.x * ITEMS;
    for (int i = 0; i < ITEMS; ++i) {
      temp.keys[last - start - i] = keys[i];
      temp.values[last - start - i] = values[i];
    }
    __syncthreads();
    if (threadIdx.x == 0) {
      // Not on the fiber's small stack; no other thread comes between.
      static unsigned long long parts[THREADS * ITEMS];
      static int order[THREADS * ITEMS];
      static TempStorage given;
      given = temp;
      for (int i = 0; i <= last; ++i) parts[i] = (given.keys[last - i] & mask) >> begin;
      stable_order(parts, last + 1, order);
      for (int i = 0; i <= last; ++i) {
        temp.keys[last - i] = given.keys[last - order[i]];
        temp.values[last - i] = given.values[last - order[i]];
      }
    }
    __syncthreads();
    for (int i = 0; i < ITEMS; ++i) {
      keys[i] = temp.keys[last - start - i];
      values[i] = temp.values[last - start - i];
      temp.keys[last - start - i] = Key(-1) / 3;
      temp.values[last - start - i] = Value(-1);
    }
  }

 private:
  TempStorage& temp;
};

}  // namespace cub
