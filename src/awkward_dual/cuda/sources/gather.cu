// gather: out[k, i] = t[k, index[i]], for all directions with one read of the index.
//
// A negative index means no element, and gives zero; with `wraps` it counts from the end.
//
// Example size = 3: t = [5, 6, 7], index = [2, -1, 0] -> out = [7, 0, 5]

template <typename T>
__global__ void gather(T* out, const T* t, const Index* index,
                       Index n, Index size, Index rows, bool wraps) {
    for (Index i = blockIdx.x * Index(blockDim.x) + threadIdx.x; i < n;
         i += Index(gridDim.x) * blockDim.x) {
        Index from = index[i];
        if (wraps && from < 0) from += size;
        bool exists = from >= 0 && from < size;
        for (Index k = 0; k < rows; k++)
            out[k * n + i] = exists ? t[k * size + from] : Zero<T>::get();
    }
}
