// Cells of a row, and Chebyshev polynomials in them.
#pragma once

#include "soft_histogram_rows.cuh"

// Cells of one width over all that an edge of a row can see, and the terms of their polynomials.
struct Cells {
  double lo, width, inverse;
  long long count;
  int terms;

  __device__ double centre(long long cell) const { return lo + (cell + 0.5) * width; }
  // The first cell whose centre is above a value.
  __device__ long long first_above(double value) const {
    const double at = floor((value - lo) * inverse - 0.5) + 1;
    long long cell = at < 0 ? 0 : at > count ? count : static_cast<long long>(at);
    while (cell > 0 && centre(cell - 1) > value) --cell;
    while (cell < count && !(centre(cell) > value)) ++cell;
    return cell;
  }
  // Where a value is, in cells; at the ends if it is outside.
  __device__ double place(double value) const {
    const double at = (value - lo) * inverse, end = count * (1 - 1e-15);
    return at > 0 ? (at < end ? at : end) : 0;
  }
};

// Terms, and cells a bandwidth that so many need. terms 0: none are left.
struct Choice {
  int terms;
  double density;
};
__device__ __forceinline__ Choice choice_of(int kernel, bool single, int which) {
  if (kernel == GAUSSIAN) {
    const Choice fine[4] = {{3, 128}, {4, 32}, {6, 8}, {9, 4}};
    if (single) return which < 4 ? fine[which] : Choice{0, 0};
    return which < 1 ? Choice{12, 16} : Choice{0, 0};
  }
  const Choice fine[3] = {{3, 16}, {4, 4}, {6, 1}};
  if (single) return which < 3 ? fine[which] : Choice{0, 0};
  return which < 1 ? Choice{8, 4} : Choice{0, 0};
}

// The cells with the fewest terms that the words hold; count 0 where none will do.
__device__ inline Cells cells_of(double first, double last, double h, int kernel, bool single,
                                 long long words) {
  const double reach = reach_of(kernel, single), span = (last - first) / h + 2 * reach;
  for (int which = 0;; ++which) {
    const Choice choice = choice_of(kernel, single, which);
    if (choice.terms == 0) return {0, 0, 0, 0, 0};
    const double count = ceil(span * choice.density);
    if (!(count * choice.terms <= static_cast<double>(words))) continue;
    const double width = span * h / count;
    return {first - reach * h, width, 1 / width, static_cast<long long>(count), choice.terms};
  }
}

template <typename S>
__device__ Cells cells_in(const Histogram& call, const RowOfSamples<S>& row) {
  return cells_of(row.edge(0), row.edge(call.edge_count - 1), row.h, call.kernel,
                  IsSingle<S>::VALUE, call.words);
}

// T_0 ... T_{K-1} at t.
template <int K, typename T> __device__ __forceinline__ void chebyshev(T t, T (&values)[K]) {
  values[0] = 1;
  if (K > 1) values[K > 1 ? 1 : 0] = t;
  for (int k = 2; k < K; ++k) values[k] = 2 * t * values[k - 1] - values[k - 2];
}

__device__ __forceinline__ double node(int q, int terms) {
  return cos(3.141592653589793 * (q + 0.5) / terms);
}

// Runs a statement with K the number of terms, which is one of those in choice_of.
#define WITH_TERMS(terms, single, ...)               \
  if (single) {                                      \
    switch (terms) {                                 \
      case 3: { constexpr int K = 3; __VA_ARGS__; break; } \
      case 4: { constexpr int K = 4; __VA_ARGS__; break; } \
      case 6: { constexpr int K = 6; __VA_ARGS__; break; } \
      default: { constexpr int K = 9; __VA_ARGS__; break; } \
    }                                                \
  } else if (terms == 8) {                           \
    constexpr int K = 8;                             \
    __VA_ARGS__;                                     \
  } else {                                           \
    constexpr int K = 12;                            \
    __VA_ARGS__;                                     \
  }

// c_0 T_0(t) + ... by Clenshaw's recurrence.
template <int K, typename T>
__device__ __forceinline__ T clenshaw(const T* coefficients, long long stride, T t) {
  T above = 0, last = 0;
  for (int k = K - 1; k > 0; --k) {
    const T next = 2 * t * last - above + coefficients[k * stride];
    above = last;
    last = next;
  }
  return t * last - above + coefficients[0];
}
