// segment_sum: out[k, s] = sum over the elements of segment s of partial * tangent.
//
// Each block sums one tile of elements, whatever the lengths of the segments: one long list
// among millions of short ones is spread over many blocks. A segment inside of a tile is
// written at once. Of one that crosses tiles, each tile keeps its share (`head`: of the
// segment that was open at its start, `tail`: of the one that is open at its end), and
// `segment_join` adds the shares. The order of all sums depends on the offsets only, so
// that every run gives the same. Empty segments stay what they are: out is zero before.
//
// Example offsets = [0, 2, 2, 3], partial = [3, 0, 1], t = [1, nan, 5] -> out = [3, 0, 5]

template <typename C, typename T>
__global__ void segment_sum(T* out, T* head, T* tail, const C* c, const T* t,
                            const Index* offsets, Index segments, Index length, Index tiles,
                            Index rows) {
    // one more element for each thread's own, so that they lie in different banks
    __shared__ T staged[TILE + THREADS];
    __shared__ T values[THREADS];
    __shared__ bool flags[THREADS];
    __shared__ Index low, high;
    const int rank = threadIdx.x;
    const Index begin = offsets[0], end = offsets[segments];
    for (Index tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        Index start = tile * TILE, stop = start + TILE < length ? start + TILE : length;
        __syncthreads();
        if (rank == 0) low = segment_of(offsets, 0, segments, start);
        if (rank == 1) high = segment_of(offsets, 0, segments, stop - 1);
        for (Index k = 0; k < rows; k++) {
            __syncthreads();
            for (Index i = start + rank; i < stop; i += THREADS) {
                Index at = i - start;
                T x = t[k * length + i];
                staged[at + at / ITEMS] = c ? absorbing<T>(c[i], x) : x;
            }
            __syncthreads();
            Index i = start + Index(rank) * ITEMS;
            Index mine = i + ITEMS < stop ? i + ITEMS : stop;
            Index s = i < stop ? segment_of(offsets, low, high, i) : 0;
            bool closed = false;
            T sum = Zero<T>::get(), before = Zero<T>::get();
            Index first_closed = 0;
            for (; i < mine; i++) {
                if (i < begin || i >= end) continue;
                if (offsets[s + 1] <= i) s = next_segment(offsets, segments, s, s + 1, i);
                Index at = i - start;
                sum = add(sum, staged[at + at / ITEMS]);
                if (i + 1 == offsets[s + 1]) {
                    if (closed) out[k * segments + s] = sum;
                    else { before = sum; first_closed = s; closed = true; }
                    sum = Zero<T>::get();
                }
            }
            bool flag_in;
            T in = scan_in<Sum<T> >(rank, closed, sum, flags, values, &flag_in);
            if (closed) {
                T whole = add(in, before);
                // without a flag nothing was closed before: the segment may come from further left
                if (offsets[first_closed] < start && !flag_in) head[k * tiles + tile] = whole;
                else out[k * segments + first_closed] = whole;
            }
            if (rank == THREADS - 1) {
                tail[k * tiles + tile] = values[rank];
                if (!flags[rank]) head[k * tiles + tile] = values[rank];
            }
        }
    }
}

// One block for each tile: if a segment begins in it and goes on, the sum of its shares.
template <typename T>
__global__ void segment_join(T* out, const T* head, const T* tail, const Index* offsets,
                             Index segments, Index length, Index tiles, Index rows) {
    __shared__ T values[THREADS];
    const int rank = threadIdx.x;
    for (Index tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        Index start = tile * TILE, stop = start + TILE < length ? start + TILE : length;
        Index s = segment_of(offsets, 0, segments, stop - 1);
        // the same for all threads of the block
        if (s == segments || offsets[s] < start || offsets[s] >= stop || offsets[s + 1] <= stop)
            continue;
        Index last = (offsets[s + 1] - 1) / TILE;
        for (Index k = 0; k < rows; k++) {
            T sum = Zero<T>::get();
            for (Index other = tile + 1 + rank; other <= last; other += THREADS)
                sum = add(sum, head[k * tiles + other]);
            __syncthreads();
            values[rank] = sum;
            __syncthreads();
            for (int step = THREADS / 2; step > 0; step /= 2) {
                if (rank < step) values[rank] = add(values[rank], values[rank + step]);
                __syncthreads();
            }
            if (rank == 0) out[k * segments + s] = add(tail[k * tiles + tile], values[0]);
        }
    }
}
