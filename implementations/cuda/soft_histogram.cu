// Soft histogram. Every sample at the edges it sees, or by moments: a row's samples become a few
// weighted ones, the Chebyshev nodes of small cells, and these are taken to edges in their place. A
// polynomial through a cell's nodes stands for what an edge makes of a sample anywhere in the cell;
// implementations/moments/accuracy.py says how small cells must be. Which it is a row's edges and
// bandwidth decide, on the device, so that nothing is read back.
//
// suite/operators/soft_histogram.py states the function. With S(z) a kernel's upper tail for z >= 0
// and minus its lower tail for z < 0, a bin's count is the number of samples in it minus the step of
// sum S from its lower edge to its upper one.
#include "soft_histogram_bins.cuh"
#include "soft_histogram_cells.cuh"
#include "soft_histogram_direct.cuh"
#include "soft_histogram_moments.cuh"
#include "soft_histogram_samples.cuh"
#include "soft_histogram_sums.cuh"

// Which way every row goes, and empty cells. blocks: any number a row.
template <typename S> __global__ void soft_histogram_plan(Histogram call) {
  const long long row = blockIdx.x;
  const RowOfSamples<S> given(call, row);
  bool bad = !(given.h > 0) || !(given.h < 1e308);
  bool narrow = false;
  const double least = (IsSingle<S>::VALUE ? 1e-9 : 5e-3) * given.h;
  for (long long e = threadIdx.x; e < call.edge_count; e += blockDim.x) {
    const double edge = given.edge(e);
    bad = bad || !(fabs(edge) < 1e308);
    if (e > 0) {
      const double width = edge - given.edge(e - 1);
      bad = bad || !(width > 0);
      narrow = narrow || width < least;
    }
  }
  bad = __syncthreads_or(bad);
  narrow = __syncthreads_or(narrow);
  int flags = bad ? DIRECT | BAD : 0;
  long long used = 0;
  if (!bad) {
    Cells cells = {0, 0, 0, 0, 0};
    if (call.moments && !narrow) cells = cells_in(call, given);
    used = cells.count * cells.terms;
    if (used == 0) flags = DIRECT;
  }
  long long* spilled = static_cast<long long*>(call.spilled) + row * call.words;
  for (long long word = threadIdx.x; word < used; word += blockDim.x) spilled[word] = 0;
  if (threadIdx.x == 0) call.flags[row] = flags;
}
