// scatter: out[k, index[i]] += t[k, i], for all directions with one read of the index.
//
// The transposed of gather. Several elements may name one place; atomics add them in any
// order. For the same sum in every run, the caller orders the elements by their index and
// calls segment_sum instead.
//
// Example size = 3: index = [2, -1, 2], t = [1, 5, 3], out = [0, 0, 0] -> out = [0, 0, 4]

template <typename T> __device__ void add_to(T* to, T x) { atomicAdd(to, x); }
template <typename T> __device__ void add_to(cplx<T>* to, cplx<T> x) {
    atomicAdd(&to->re, x.re);
    atomicAdd(&to->im, x.im);
}

template <typename T>
__global__ void scatter(T* out, const T* t, const Index* index,
                        Index n, Index size, Index rows, bool wraps) {
    for (Index i = blockIdx.x * Index(blockDim.x) + threadIdx.x; i < n;
         i += Index(gridDim.x) * blockDim.x) {
        Index place = index[i];
        if (wraps && place < 0) place += size;
        if (place < 0 || place >= size) continue;
        for (Index k = 0; k < rows; k++) {
            T x = t[k * n + i];
            if (!is_zero(x)) add_to(out + k * size + place, x);
        }
    }
}
