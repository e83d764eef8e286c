// What arrays hold, and what is computed with it: half types are converted where they are loaded and
// stored. The same text for NVRTC, nvcc and a host compiler.
#pragma once

struct Half {
  unsigned short bits;
};
struct BFloat {
  unsigned short bits;
};

template <typename S> struct Computed {
  using Type = S;
};
template <> struct Computed<Half> {
  using Type = float;
};
template <> struct Computed<BFloat> {
  using Type = float;
};
template <typename S> using ComputedIn = typename Computed<S>::Type;

__device__ __forceinline__ float loaded(float value) { return value; }
__device__ __forceinline__ double loaded(double value) { return value; }

__device__ __forceinline__ float loaded(Half value) {
#ifdef __CUDA_ARCH__
  float result;
  asm("cvt.f32.f16 %0, %1;" : "=f"(result) : "h"(value.bits));
  return result;
#else
  const unsigned int sign = (value.bits & 0x8000u) << 16, rest = value.bits & 0x7fffu;
  if (rest >= 0x7c00u) return __uint_as_float(sign | 0x7f800000u | (rest & 0x3ffu) << 13);
  // Five bits of exponent read as eight: a power of two puts that right, subnormals included.
  const float magnitude = __uint_as_float(rest << 13) * 5.192296858534828e33f;
  return sign ? -magnitude : magnitude;
#endif
}

__device__ __forceinline__ float loaded(BFloat value) {
  return __uint_as_float(static_cast<unsigned int>(value.bits) << 16);
}

__device__ __forceinline__ void store(float* place, float value) { *place = value; }
__device__ __forceinline__ void store(double* place, double value) { *place = value; }

__device__ __forceinline__ void store(Half* place, float value) {
#ifdef __CUDA_ARCH__
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(place->bits) : "f"(value));
#else
  const unsigned int bits = __float_as_uint(value), sign = bits >> 16 & 0x8000u;
  unsigned int rest = bits & 0x7fffffffu;
  if (rest > 0x7f800000u) {
    rest = 0x7fffu;
  } else if (rest >= 0x477ff000u) {  // from 65520 on
    rest = 0x7c00u;
  } else if (rest < 0x38800000u) {  // below the least normal number: in units of the least of all
    rest = __float_as_uint(__uint_as_float(rest) + 0.5f) - 0x3f000000u;
  } else {
    rest = (rest + 0xfffu + (rest >> 13 & 1u) - 0x38000000u) >> 13;
  }
  place->bits = static_cast<unsigned short>(sign | rest);
#endif
}

__device__ __forceinline__ void store(BFloat* place, float value) {
  const unsigned int bits = __float_as_uint(value);
  const bool number = (bits & 0x7fffffffu) <= 0x7f800000u;
  place->bits = static_cast<unsigned short>(
      number ? (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16 : bits >> 16 | 0x40u);
}

// A number for all rows, or where values is not null one a row: floats where single, else doubles.
struct Parameter {
  const void* values;
  long long stride;
  double value;
  long long single;

  __device__ double of(long long row) const {
    if (!values) return value;
    const long long place = row * stride;
    return single ? static_cast<const float*>(values)[place]
                  : static_cast<const double*>(values)[place];
  }
};
