// A row's samples sorted by its block, with their places, and the ranks that equal samples share.
#pragma once

#include <cub/block/block_radix_sort.cuh>

#include "storage.cuh"

// Integers that order as floats do.
template <typename T> struct Ordered;
template <> struct Ordered<float> {
  using Key = unsigned int;
  static __device__ Key key(float value) {
    const Key bits = __float_as_uint(value + 0.0f);  // -0.0 becomes 0.0
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
  }
  static __device__ float value(Key key) {
    return __uint_as_float(key & 0x80000000u ? key & 0x7fffffffu : ~key);
  }
};
template <> struct Ordered<double> {
  using Key = unsigned long long;
  static __device__ Key key(double value) {
    const Key bits = static_cast<Key>(__double_as_longlong(value + 0.0));
    return bits & (Key(1) << 63) ? ~bits : bits | (Key(1) << 63);
  }
  static __device__ double value(Key key) {
    const Key bits = key & (Key(1) << 63) ? key & ~(Key(1) << 63) : ~key;
    return __longlong_as_double(static_cast<long long>(bits));
  }
};

// The first place from which on ascending values are not below (strict: are above) a value.
template <typename Value, typename Place>
__device__ Place bound(const Value* ascending, Place count, Value value, bool strict) {
  Place low = 0, high = count;
  while (low < high) {
    const Place middle = low + (high - low) / 2;
    if (ascending[middle] < value || (strict && ascending[middle] == value)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

// The first and the last place of those that equal the value at a place: searched for only where a
// neighbour does.
template <typename Value, typename Place>
__device__ Place first_equal(const Value* ascending, Place place) {
  const Value value = ascending[place];
  if (place == 0 || ascending[place - 1] != value) return place;
  return bound(ascending, place, value, false);
}
template <typename Value, typename Place>
__device__ Place last_equal(const Value* ascending, Place count, Place place) {
  const Value value = ascending[place];
  if (place + 1 == count || ascending[place + 1] != value) return place;
  return bound(ascending, count, value, true) - 1;
}

extern __shared__ __align__(16) unsigned char shared_memory[];

// Shared memory of a block that sorts a row of at most THREADS ITEMS samples. values is the caller's.
template <typename S, int THREADS, int ITEMS> struct RowSort {
  using T = ComputedIn<S>;
  using Key = typename Ordered<T>::Key;
  using Place = unsigned short;
  using Sort = cub::BlockRadixSort<Key, THREADS, ITEMS, Place>;
  static constexpr int SIZE = THREADS * ITEMS;
  static_assert(SIZE <= 1 << 16, "a place has 16 bits");
  union {
    typename Sort::TempStorage temporary;
    struct {
      Key keys[SIZE];
      T values[SIZE];
      Place places[SIZE];
    };
  };

  // Samples, clamped to low and high, in ascending order as keys, places where each came from; equal
  // ones keep their order. Returns whether one is NaN.
  __device__ bool fill(const S* x, int samples, T low, T high) {
    const int thread = threadIdx.x;
    bool bad = false;
    for (int place = thread; place < SIZE; place += THREADS) {
      Key key = ~Key(0);
      if (place < samples) {
        const T sample = loaded(x[place]);
        bad = bad || !(sample == sample);
        key = Ordered<T>::key(sample < low ? low : sample > high ? high : sample);
      }
      keys[place] = key;
    }
    bad = __syncthreads_or(bad);

    // In a blocked arrangement, so that the sort keeps the order of equal samples.
    Key own[ITEMS];
    Place from[ITEMS];
    for (int i = 0; i < ITEMS; ++i) {
      from[i] = static_cast<Place>(thread * ITEMS + i);
      own[i] = keys[thread * ITEMS + i];
    }
    __syncthreads();
    Sort(temporary).Sort(own, from);
    __syncthreads();
    for (int i = 0; i < ITEMS; ++i) {
      keys[thread * ITEMS + i] = own[i];
      places[thread * ITEMS + i] = from[i];
    }
    __syncthreads();
    return bad;
  }

  __device__ T sample(int rank) const { return Ordered<T>::value(keys[rank]); }
};
