// The ends of what floats hold: the same text for NVRTC, nvcc and a host compiler.
#pragma once

template <typename T> struct Limits;
template <> struct Limits<float> {
  static __device__ __forceinline__ float tiny() { return 1.17549435e-38f * 1024; }
  static __device__ __forceinline__ float largest() { return 3.40282347e38f; }
};
template <> struct Limits<double> {
  static __device__ __forceinline__ double tiny() { return 2.2250738585072014e-308 * 1024; }
  static __device__ __forceinline__ double largest() { return 1.7976931348623157e308; }
};

__device__ __forceinline__ double not_a_number() { return nan(""); }
__device__ __forceinline__ double infinity() { return __longlong_as_double(0x7ff0000000000000ll); }
