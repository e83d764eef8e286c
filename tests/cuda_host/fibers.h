// Runs kernels block by block: include once, after the kernel.
#pragma once

#include <ucontext.h>

#include <algorithm>
#include <functional>
#include <random>
#include <vector>

#include "cuda.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#else
#define ASAN_POISON_MEMORY_REGION(start, size)
#define ASAN_UNPOISON_MEMORY_REGION(start, size)
inline void __sanitizer_start_switch_fiber(void**, const void*, size_t) {}
inline void __sanitizer_finish_switch_fiber(void*, const void**, size_t*) {}
#endif

Index threadIdx, blockIdx, blockDim, gridDim;
alignas(16) unsigned char shared_memory[1 << 20];

namespace fibers {

constexpr size_t STACK = 1 << 16;
ucontext_t scheduler;
const void* scheduler_stack = nullptr;
size_t scheduler_size = 0;
std::vector<ucontext_t> contexts;
std::vector<std::vector<char>> stacks;
std::vector<bool> ended;
int running = 0;
bool any_yet = false, any_before = false;
const std::function<void()>* body = nullptr;

// The address sanitizer is told of every change of stacks.
inline void resume(int t) {
  void* own = nullptr;
  __sanitizer_start_switch_fiber(&own, stacks[t].data(), STACK);
  swapcontext(&scheduler, &contexts[t]);
  __sanitizer_finish_switch_fiber(own, nullptr, nullptr);
}

inline void yield() {
  void* own = nullptr;
  const int t = running;
  __sanitizer_start_switch_fiber(ended[t] ? nullptr : &own, scheduler_stack, scheduler_size);
  swapcontext(&contexts[t], &scheduler);
  __sanitizer_finish_switch_fiber(own, &scheduler_stack, &scheduler_size);
}

void enter() {
  __sanitizer_finish_switch_fiber(nullptr, &scheduler_stack, &scheduler_size);
  (*body)();
  ended[running] = true;
  yield();
}

// Every thread of a block from barrier to barrier, in an order drawn anew each time.
inline void run_block(unsigned int block, int threads, unsigned int seed,
                      const std::function<void()>& of) {
  std::mt19937 random(seed + block);
  body = &of;
  stacks.resize(threads, std::vector<char>(STACK));
  contexts.assign(threads, ucontext_t());
  ended.assign(threads, false);
  blockIdx = {block, 0, 0};
  blockDim = {static_cast<unsigned int>(threads), 1, 1};
  std::vector<int> order(threads);
  for (int t = 0; t < threads; ++t) {
    order[t] = t;
    getcontext(&contexts[t]);
    contexts[t].uc_stack.ss_sp = stacks[t].data();
    contexts[t].uc_stack.ss_size = STACK;
    contexts[t].uc_link = nullptr;
    makecontext(&contexts[t], enter, 0);
  }
  while (!std::all_of(ended.begin(), ended.end(), [](bool e) { return e; })) {
    if (seed) std::shuffle(order.begin(), order.end(), random);
    any_yet = false;
    for (int t : order) {
      if (ended[t]) continue;
      running = t;
      threadIdx = {static_cast<unsigned int>(t), 0, 0};
      resume(t);
    }
    any_before = any_yet;
  }
}

constexpr unsigned char POISON = 0xff, GUARD = 0xa5;
constexpr int GUARDED = 4096;

// Block after block. Returns what is wrong with the launch, or null.
template <typename A>
const char* launch(void (*kernel)(A), long long blocks, int threads, int shared, unsigned int seed,
                   void* arguments, long long bytes) {
  if (bytes != static_cast<long long>(sizeof(A))) return "its structure has another size";
  if (shared + GUARDED > static_cast<int>(sizeof(shared_memory))) return "too much shared memory";
  if (blocks < 1 || blocks > 0x7fffffffLL) return "no such number of blocks";
  if (threads < 1 || threads > 1024) return "no such number of threads";
  gridDim = {static_cast<unsigned int>(blocks), 1, 1};
  for (long long block = 0; block < blocks; ++block) {
    memset(shared_memory, POISON, shared);
    memset(shared_memory + shared, GUARD, GUARDED);
    ASAN_POISON_MEMORY_REGION(shared_memory + shared, sizeof(shared_memory) - shared);
    run_block(static_cast<unsigned int>(block), threads, seed,
              [&] { kernel(*static_cast<A*>(arguments)); });
    ASAN_UNPOISON_MEMORY_REGION(shared_memory, sizeof(shared_memory));
    for (int i = 0; i < GUARDED; ++i) {
      if (shared_memory[shared + i] != GUARD) return "it wrote beyond its shared memory";
    }
  }
  return nullptr;
}

}  // namespace fibers

void __syncthreads() {
  const Index own = threadIdx;
  fibers::yield();
  threadIdx = own;
}

bool __syncthreads_or(bool own) {
  fibers::any_yet = fibers::any_yet || own;
  __syncthreads();
  return fibers::any_before;
}
