// parents: for each element the segment that holds it, -1 outside of all segments.
//
// A block first finds the segments of its own elements, so that the search of a thread is
// short however many segments there are.
//
// Example length = 5: offsets = [1, 3, 3, 4] -> parents = [-1, 0, 0, 2, -1]

__global__ void parents(Index* out, const Index* offsets, Index segments, Index length) {
    __shared__ Index first, last;
    for (Index start = Index(blockIdx.x) * TILE; start < length;
         start += Index(gridDim.x) * TILE) {
        Index stop = start + TILE < length ? start + TILE : length;
        __syncthreads();
        if (threadIdx.x == 0) first = segment_of(offsets, 0, segments, start);
        if (threadIdx.x == 1) last = segment_of(offsets, 0, segments, stop - 1);
        __syncthreads();
        for (Index i = start + threadIdx.x; i < stop; i += blockDim.x) {
            Index s = segment_of(offsets, first, last, i);
            out[i] = i < offsets[0] || s == segments ? -1 : s;
        }
    }
}
