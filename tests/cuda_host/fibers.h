// Runs kernels block by block: include once, after the kernel.
#pragma once

#include <ucontext.h>

#include <algorithm>
#include <functional>
#include <random>
#include <vector>

#include "cuda.h"

Index threadIdx, blockIdx, blockDim, gridDim;
alignas(16) unsigned char shared_memory[1 << 20];

namespace fibers {

constexpr size_t STACK = 1 << 16;
ucontext_t scheduler;
std::vector<ucontext_t> contexts;
std::vector<bool> ended;
int running = 0;
bool any_yet = false, any_before = false;
const std::function<void()>* body = nullptr;

void enter() {
  (*body)();
  ended[running] = true;
  swapcontext(&contexts[running], &scheduler);
}

// Every thread of a block from barrier to barrier, in an order drawn anew each time.
inline void run_block(unsigned int block, int threads, unsigned int seed,
                      const std::function<void()>& of) {
  static std::vector<std::vector<char>> stacks;
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
      swapcontext(&scheduler, &contexts[t]);
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
    run_block(static_cast<unsigned int>(block), threads, seed,
              [&] { kernel(*static_cast<A*>(arguments)); });
    for (int i = 0; i < GUARDED; ++i) {
      if (shared_memory[shared + i] != GUARD) return "it wrote beyond its shared memory";
    }
  }
  return nullptr;
}

}  // namespace fibers

void __syncthreads() {
  const Index own = threadIdx;
  swapcontext(&fibers::contexts[fibers::running], &fibers::scheduler);
  threadIdx = own;
}

bool __syncthreads_or(bool own) {
  fibers::any_yet = fibers::any_yet || own;
  __syncthreads();
  return fibers::any_before;
}
