// The shipped kernel on the host. KERNEL: the file, which a test may have altered.
#include "cuda.h"

#ifndef KERNEL
#define KERNEL "batch_shaping.cu"
#endif
#include KERNEL

#include "fibers.h"

template <typename T, int PRIOR, int THREADS, int ITEMS>
static void run(unsigned int seed, int rows, const T* x, const double* a, const double* b, T* loss,
                T* to_x, T* to_a, T* to_b, const Options& options) {
  static_assert(sizeof(RowShared<T, PRIOR, THREADS, ITEMS>) <= sizeof(shared_memory), "too large");
  for (int row = 0; row < rows; ++row) {
    fibers::run_block(row, THREADS, seed, [&] {
      batch_shaping_rows<T, PRIOR, THREADS, ITEMS>(x, a, b, loss, to_x, to_a, to_b, options);
    });
  }
}

template <typename T, int THREADS, int ITEMS, typename... Rest>
static void any_prior(int prior, Rest... rest) {
  switch (prior) {
    case BETA: return run<T, BETA, THREADS, ITEMS>(rest...);
    case SYMBETA: return run<T, SYMBETA, THREADS, ITEMS>(rest...);
    case RELAXED_BERNOULLI: return run<T, RELAXED_BERNOULLI, THREADS, ITEMS>(rest...);
    default: return run<T, NORMAL, THREADS, ITEMS>(rest...);
  }
}

#define ENTRY(NAME, T)                                                                             \
  extern "C" void NAME(int prior, int large, unsigned int seed, int rows, const T* x,              \
                       const double* a, const double* b, T* loss, T* to_x, T* to_a, T* to_b,       \
                       long long samples, double step, double offset, double low, double high,     \
                       int mid, int logits) {                                                      \
    const Options options = {samples, step, offset, low, high, mid, logits};                       \
    if (large) {                                                                                   \
      any_prior<T, 128, 8>(prior, seed, rows, x, a, b, loss, to_x, to_a, to_b, options);           \
    } else {                                                                                       \
      any_prior<T, 32, 3>(prior, seed, rows, x, a, b, loss, to_x, to_a, to_b, options);            \
    }                                                                                              \
  }
ENTRY(batch_shaping_float, float)
ENTRY(batch_shaping_double, double)
