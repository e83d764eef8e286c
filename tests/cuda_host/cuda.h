// What CUDA C++ has and C++ has not, for kernels that a host compiler runs: a block is one fiber a
// thread, and a barrier passes the turn to the next. Threads take turns in an order that the caller
// chooses, and memory that a block shares starts out poisoned, so that a missing barrier shows.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#define __device__
#define __host__
#define __global__
#define __shared__
#define __forceinline__ inline
#define __align__(n) __attribute__((aligned(n)))
#define __launch_bounds__(...)
using namespace std;

struct Index {
  unsigned int x, y, z;
};
extern Index threadIdx, blockIdx, blockDim, gridDim;

void __syncthreads();
bool __syncthreads_or(bool own);

template <typename To, typename From> To same_bits(From from) {
  To to;
  static_assert(sizeof(To) == sizeof(From), "sizes differ");
  memcpy(&to, &from, sizeof(To));
  return to;
}
inline unsigned int __float_as_uint(float value) { return same_bits<unsigned int>(value); }
inline float __uint_as_float(unsigned int bits) { return same_bits<float>(bits); }
inline long long __double_as_longlong(double value) { return same_bits<long long>(value); }
inline double __longlong_as_double(long long bits) { return same_bits<double>(bits); }

// Blocks and their threads take turns, so that nothing can come between.
template <typename T, typename U> T atomicAdd(T* place, U value) {
  const T old = *place;
  *place = static_cast<T>(old + value);
  return old;
}
inline int atomicAdd(int* place, int value) {
  const int old = *place;
  if (__builtin_add_overflow(old, value, place)) __builtin_trap();
  return old;
}
inline int atomicOr(int* place, int value) {
  const int old = *place;
  *place = old | value;
  return old;
}
inline int __float2int_rn(float value) { return static_cast<int>(lrintf(value)); }
