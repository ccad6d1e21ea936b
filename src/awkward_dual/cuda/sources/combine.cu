// combine: out = sum of partial * tangent, for all directions with one read of the partial.
//
// out (rows, n). A partial is an array of n elements (step 1), one element (step 0), or a
// number (no array). A tangent has `row` elements from one direction to the next and `step`
// from one element to the next, so that it may be constant along either.
//
// Example n = 2, rows = 2: c = [3, 0], t = [[1, inf], [2, nan]] -> out = [[3, 0], [6, 0]]

template <typename C, typename T, typename P, typename O>
__global__ void combine1(O* out, const C* c, Index c_step, C c_value,
                         const T* t, Index t_row, Index t_step,
                         Index n, Index rows, bool accumulate) {
    for (Index i = blockIdx.x * Index(blockDim.x) + threadIdx.x; i < n;
         i += Index(gridDim.x) * blockDim.x) {
        C partial = c ? c[i * c_step] : c_value;
        for (Index k = 0; k < rows; k++) {
            P y = absorbing<P>(partial, t[k * t_row + i * t_step]);
            O* to = out + k * n + i;
            O dy = To<O, P>::cast(y);
            *to = accumulate ? add(*to, dy) : dy;
        }
    }
}

template <typename C, typename D, typename T, typename P, typename O>
__global__ void combine2(O* out, const C* c, Index c_step, C c_value,
                         const T* t, Index t_row, Index t_step,
                         const D* d, Index d_step, D d_value,
                         const T* u, Index u_row, Index u_step,
                         Index n, Index rows) {
    for (Index i = blockIdx.x * Index(blockDim.x) + threadIdx.x; i < n;
         i += Index(gridDim.x) * blockDim.x) {
        C first = c ? c[i * c_step] : c_value;
        D second = d ? d[i * d_step] : d_value;
        for (Index k = 0; k < rows; k++) {
            P a = absorbing<P>(first, t[k * t_row + i * t_step]);
            P b = absorbing<P>(second, u[k * u_row + i * u_step]);
            out[k * n + i] = To<O, P>::cast(add(a, b));
        }
    }
}
