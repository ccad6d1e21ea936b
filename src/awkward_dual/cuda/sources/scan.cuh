// A scan over the threads of a block that starts again where a flag is set.

template <typename T> struct Sum {
    static __device__ T start() { return Zero<T>::get(); }
    static __device__ T join(T a, T b) { return add(a, b); }
};
template <typename T> struct Product {
    static __device__ T start() { return One<T>::get(); }
    static __device__ T join(T a, T b) { return mul(a, b); }
};

// What comes into thread `rank` from those before it, back to the last one with a flag; and
// after the call flags[THREADS - 1], values[THREADS - 1] hold what goes out of the block.
// Deterministic: the tree depends on the ranks only.
template <typename Op, typename T>
__device__ T scan_in(int rank, bool flag, T value, bool* flags, T* values, bool* flag_in) {
    flags[rank] = flag;
    values[rank] = value;
    __syncthreads();
    for (int step = 1; step < THREADS; step *= 2) {
        bool has = rank >= step;
        bool other_flag = has ? flags[rank - step] : false;
        T other = has ? values[rank - step] : Op::start();
        __syncthreads();
        if (has) {
            if (!flags[rank]) values[rank] = Op::join(other, values[rank]);
            flags[rank] = flags[rank] || other_flag;
        }
        __syncthreads();
    }
    *flag_in = rank > 0 ? flags[rank - 1] : false;
    return rank > 0 ? values[rank - 1] : Op::start();
}
