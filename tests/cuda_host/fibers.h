// Runs kernels block by block, on the fibers of fibers.cpp.
#pragma once

#include "cuda.h"

namespace fibers {

// body(state) as every thread of every block. Returns what is wrong with the launch, or null.
const char* run(void (*body)(void*), void* state, long long blocks, int threads, int shared,
                unsigned int seed);

template <typename A>
const char* launch(void (*kernel)(A), long long blocks, int threads, int shared, unsigned int seed,
                   void* arguments, long long bytes) {
  struct Call {
    void (*kernel)(A);
    const A* arguments;
  } call = {kernel, static_cast<const A*>(arguments)};
  if (bytes != static_cast<long long>(sizeof(A))) return "its structure has another size";
  const auto body = [](void* of) {
    const Call& its = *static_cast<Call*>(of);
    its.kernel(*its.arguments);
  };
  return run(body, &call, blocks, threads, shared, seed);
}

}  // namespace fibers
