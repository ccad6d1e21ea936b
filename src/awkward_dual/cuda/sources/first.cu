// first: for each segment the first element that equals its y; `none` where there is none.
//
// out holds `none`, which is larger than every index, before the call. Elements look for
// their segment, so that lists of any lengths are balanced; the minimum is the same in
// whatever order it is taken.
//
// Example offsets = [0, 3, 3], x = [1, 3, 3], y = [3, 0] -> out = [1, none]

template <typename T>
__global__ void first(Index* out, const T* x, const T* y, const Index* offsets,
                      Index segments, Index length) {
    __shared__ Index low, high;
    for (Index start = Index(blockIdx.x) * TILE; start < length;
         start += Index(gridDim.x) * TILE) {
        Index stop = start + TILE < length ? start + TILE : length;
        __syncthreads();
        if (threadIdx.x == 0) low = segment_of(offsets, 0, segments, start);
        if (threadIdx.x == 1) high = segment_of(offsets, 0, segments, stop - 1);
        __syncthreads();
        for (Index i = start + threadIdx.x; i < stop; i += blockDim.x) {
            Index s = segment_of(offsets, low, high, i);
            if (i < offsets[0] || s == segments) continue;
            // most lists of equal elements find theirs at once: look before the atomic
            if (same(x[i], y[s]) && out[s] > i) atomicMin(out + s, i);
        }
    }
}
