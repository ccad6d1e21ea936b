// product: out[i] = product of all other elements of the segment of i, without division.
//
// Prefixes times suffixes, in three steps that are balanced by tiles of elements as those of
// segment_sum: each tile's products at its edges, a scan over the tiles, and a scan inside
// of each tile that begins with what comes in. Elements outside of all segments give 1.
// `backward` turns the order round: place p of a scan is element length - 1 - p.
//
// Example offsets = [0, 3], x = [2, 0, 5] -> out = [0, 10, 0]

// Whether the element at a place opens a segment of the scan (or lies in none).
__device__ bool opens(const Index* offsets, Index segments, Index s, Index i, bool backward) {
    if (i < offsets[0] || s == segments) return true;
    return backward ? i + 1 == offsets[s + 1] : i == offsets[s];
}

// What a thread's own elements do to a scan: whether they open a segment, and the product
// since the last opening. With `out`, each element is multiplied by what stands before it.
template <typename T>
__device__ T run(T* out, const T* x, const Index* offsets, Index segments, Index length,
                 Index from, Index to, bool backward, T value, bool* opened) {
    *opened = false;
    Index s = 0;
    for (Index p = from; p < to; p++) {
        Index i = backward ? length - 1 - p : p;
        if (p == from) s = segment_of(offsets, 0, segments, i);
        else if (s == segments || i < offsets[s] || i >= offsets[s + 1])
            s = next_segment(offsets, segments, s, backward ? s - 1 : s + 1, i);
        if (opens(offsets, segments, s, i, backward)) {
            value = One<T>::get();
            *opened = true;
        }
        bool inside = i >= offsets[0] && s < segments;
        if (out) out[i] = inside ? mul(out[i], value) : One<T>::get();
        if (inside) value = mul(value, x[i]);
    }
    return value;
}

template <typename T>
__global__ void product_edges(bool* opened, T* value, const T* x, const Index* offsets,
                              Index segments, Index length, Index tiles, bool backward) {
    __shared__ T values[THREADS];
    __shared__ bool flags[THREADS];
    const int rank = threadIdx.x;
    for (Index tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        Index from = tile * TILE + Index(rank) * ITEMS;
        Index to = from + ITEMS < length ? from + ITEMS : length;
        bool flag, flag_in;
        T own = run<T>(0, x, offsets, segments, length, from, to, backward, One<T>::get(), &flag);
        __syncthreads();
        scan_in<Product<T> >(rank, flag, own, flags, values, &flag_in);
        if (rank == THREADS - 1) {
            opened[tile] = flags[rank];
            value[tile] = values[rank];
        }
    }
}

// One block: what comes into each tile, in the place of what it does.
template <typename T>
__global__ void product_tiles(const bool* opened, T* value, Index tiles) {
    __shared__ T values[THREADS];
    __shared__ bool flags[THREADS];
    __shared__ T carried;
    const int rank = threadIdx.x;
    if (rank == 0) carried = One<T>::get();
    for (Index start = 0; start < tiles; start += THREADS) {
        Index tile = start + rank;
        bool flag = tile < tiles ? opened[tile] : false, flag_in;
        T own = tile < tiles ? value[tile] : One<T>::get();
        __syncthreads();
        T in = scan_in<Product<T> >(rank, flag, own, flags, values, &flag_in);
        if (tile < tiles) value[tile] = flag_in ? in : mul(carried, in);
        __syncthreads();
        if (rank == THREADS - 1)
            carried = flags[rank] ? values[rank] : mul(carried, values[rank]);
        __syncthreads();
    }
}

template <typename T>
__global__ void product_others(T* out, const T* value, const T* x, const Index* offsets,
                               Index segments, Index length, Index tiles, bool backward) {
    __shared__ T values[THREADS];
    __shared__ bool flags[THREADS];
    const int rank = threadIdx.x;
    for (Index tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
        Index from = tile * TILE + Index(rank) * ITEMS;
        Index to = from + ITEMS < length ? from + ITEMS : length;
        bool flag, flag_in;
        T own = run<T>(0, x, offsets, segments, length, from, to, backward, One<T>::get(), &flag);
        __syncthreads();
        T in = scan_in<Product<T> >(rank, flag, own, flags, values, &flag_in);
        if (!flag_in) in = mul(value[tile], in);
        run<T>(out, x, offsets, segments, length, from, to, backward, in, &flag);
    }
}
