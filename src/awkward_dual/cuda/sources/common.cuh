// What all maps share. Included by putting it in front of their text: the compiler
// of the device needs no files. No header of the standard library is needed.

typedef long long Index;

const int THREADS = 256;
// elements of a thread in the kernels that go through segments
const int ITEMS = 8;
const int TILE = THREADS * ITEMS;

template <typename T>
struct cplx {
    T re, im;
};

template <typename T> __device__ bool is_zero(T x) { return x == T(0); }
template <typename T> __device__ bool is_zero(cplx<T> x) { return x.re == T(0) && x.im == T(0); }

template <typename T> struct Zero {
    static __device__ T get() { return T(0); }
};
template <typename T> struct Zero<cplx<T> > {
    static __device__ cplx<T> get() { cplx<T> z = {T(0), T(0)}; return z; }
};
template <typename T> struct One {
    static __device__ T get() { return T(1); }
};
template <typename T> struct One<cplx<T> > {
    static __device__ cplx<T> get() { cplx<T> z = {T(1), T(0)}; return z; }
};

// a + b and a * b of one type
template <typename T> __device__ T add(T a, T b) { return a + b; }
template <typename T> __device__ cplx<T> add(cplx<T> a, cplx<T> b) {
    cplx<T> z = {a.re + b.re, a.im + b.im};
    return z;
}
template <typename T> __device__ T mul(T a, T b) { return a * b; }
template <typename T> __device__ cplx<T> mul(cplx<T> a, cplx<T> b) {
    cplx<T> z = {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
    return z;
}
template <typename T> __device__ bool same(T a, T b) { return a == b; }
template <typename T> __device__ bool same(cplx<T> a, cplx<T> b) {
    return a.re == b.re && a.im == b.im;
}

// from one type to another; complex to real takes the real part
template <typename O, typename I> struct To {
    static __device__ O cast(I x) { return O(x); }
};
template <typename O, typename I> struct To<cplx<O>, I> {
    static __device__ cplx<O> cast(I x) { cplx<O> z = {O(x), O(0)}; return z; }
};
template <typename O, typename I> struct To<O, cplx<I> > {
    static __device__ O cast(cplx<I> x) { return O(x.re); }
};
template <typename O, typename I> struct To<cplx<O>, cplx<I> > {
    static __device__ cplx<O> cast(cplx<I> x) { cplx<O> z = {O(x.re), O(x.im)}; return z; }
};

// partial times tangent in the type P; zero times anything is zero
template <typename P, typename C, typename T>
__device__ P absorbing(C c, T t) {
    if (is_zero(c) || is_zero(t)) return Zero<P>::get();
    return mul(To<P, C>::cast(c), To<P, T>::cast(t));
}

// The segment that holds element i: the last with offsets[s] <= i, between low and high.
__device__ Index segment_of(const Index* offsets, Index low, Index high, Index i) {
    while (low < high) {
        Index middle = low + (high - low + 1) / 2;
        if (offsets[middle] <= i) low = middle; else high = middle - 1;
    }
    return low;
}

// The segment of an element beside segment s: most often the neighbour on that side.
__device__ Index next_segment(const Index* offsets, Index segments, Index s, Index guess, Index i) {
    if (guess >= 0 && guess < segments && offsets[guess] <= i && i < offsets[guess + 1])
        return guess;
    return segment_of(offsets, 0, segments, i);
}
