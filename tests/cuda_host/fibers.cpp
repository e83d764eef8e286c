// What kernels run on: a block's threads are fibers, which take turns. Compiled apart from kernels,
// since its headers take longer than most of them.
#include "fibers.h"

#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <random>
#include <vector>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#else
#define ASAN_POISON_MEMORY_REGION(start, size)
#define ASAN_UNPOISON_MEMORY_REGION(start, size)
#endif

Index threadIdx, blockIdx, blockDim, gridDim;
alignas(16) unsigned char shared_memory[1 << 20];

namespace fibers {

constexpr size_t STACK = 1 << 16;
std::vector<ucontext_t> contexts;
std::vector<std::vector<char>> stacks;
std::vector<bool> ended;
int running = 0;
bool any_yet = false, any_before = false;
void (*body)(void*) = nullptr;
void* state = nullptr;

#ifdef __SANITIZE_ADDRESS__

ucontext_t scheduler;
const void* scheduler_stack = nullptr;
size_t scheduler_size = 0;

// The address sanitizer is told of every change of stacks.
void resume(int t) {
  void* own = nullptr;
  __sanitizer_start_switch_fiber(&own, stacks[t].data(), STACK);
  swapcontext(&scheduler, &contexts[t]);
  __sanitizer_finish_switch_fiber(own, nullptr, nullptr);
}

void arrive() { __sanitizer_finish_switch_fiber(nullptr, &scheduler_stack, &scheduler_size); }

void yield() {
  void* own = nullptr;
  const int t = running;
  __sanitizer_start_switch_fiber(ended[t] ? nullptr : &own, scheduler_stack, scheduler_size);
  swapcontext(&contexts[t], &scheduler);
  __sanitizer_finish_switch_fiber(own, &scheduler_stack, &scheduler_size);
}

#else

// A context is used to get onto a stack, once; swapping them would be two system calls a barrier.
struct Place {
  jmp_buf at;
};
Place scheduler;
std::vector<Place> places;
std::vector<bool> begun;

void resume(int t) {
  if (_setjmp(scheduler.at)) return;
  if (begun[t]) _longjmp(places[t].at, 1);
  begun[t] = true;
  setcontext(&contexts[t]);
}

void arrive() {}

void yield() {
  if (!_setjmp(places[running].at)) _longjmp(scheduler.at, 1);
}

#endif

void enter() {
  arrive();
  body(state);
  ended[running] = true;
  yield();
}

// Every thread of a block from barrier to barrier, in an order drawn anew each time.
void run_block(unsigned int block, int threads, unsigned int seed) {
  std::mt19937 random(seed + block);
  stacks.resize(threads, std::vector<char>(STACK));
  contexts.assign(threads, ucontext_t());
  ended.assign(threads, false);
#ifndef __SANITIZE_ADDRESS__
  places.resize(threads);
  begun.assign(threads, false);
#endif
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

const char* run(void (*of)(void*), void* its, long long blocks, int threads, int shared,
                unsigned int seed) {
  if (shared + GUARDED > static_cast<int>(sizeof(shared_memory))) return "too much shared memory";
  if (blocks < 1 || blocks > 0x7fffffffLL) return "no such number of blocks";
  if (threads < 1 || threads > 1024) return "no such number of threads";
  body = of;
  state = its;
  gridDim = {static_cast<unsigned int>(blocks), 1, 1};
  for (long long block = 0; block < blocks; ++block) {
    memset(shared_memory, POISON, shared);
    memset(shared_memory + shared, GUARD, GUARDED);
    ASAN_POISON_MEMORY_REGION(shared_memory + shared, sizeof(shared_memory) - shared);
    run_block(static_cast<unsigned int>(block), threads, seed);
    ASAN_UNPOISON_MEMORY_REGION(shared_memory, sizeof(shared_memory));
    for (int i = 0; i < GUARDED; ++i) {
      if (shared_memory[shared + i] != GUARD) return "it wrote beyond its shared memory";
    }
  }
  return nullptr;
}

}  // namespace fibers

void stable_order(const unsigned long long* keys, int n, int* order) {
  for (int i = 0; i < n; ++i) order[i] = i;
  std::stable_sort(order, order + n, [=](int a, int b) { return keys[a] < keys[b]; });
}

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
