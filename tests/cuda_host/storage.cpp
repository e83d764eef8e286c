// The shipped header's conversions of half types, for arrays.
#include "cuda.h"

#include "storage.cuh"

template <typename S> static void load_all(const S* from, long n, float* to) {
  for (long i = 0; i < n; ++i) to[i] = loaded(from[i]);
}

template <typename S> static void store_all(const float* from, long n, S* to) {
  for (long i = 0; i < n; ++i) store(to + i, from[i]);
}

extern "C" void load_float16(const Half* from, long n, float* to) { load_all(from, n, to); }
extern "C" void load_bfloat16(const BFloat* from, long n, float* to) { load_all(from, n, to); }
extern "C" void store_float16(const float* from, long n, Half* to) { store_all(from, n, to); }
extern "C" void store_bfloat16(const float* from, long n, BFloat* to) { store_all(from, n, to); }
