// CUDA's language on the host: blocks run one after the other, the threads of a block as
// fibers that take turns at __syncthreads. One core and no clock: what a kernel computes is
// the same in every run, and every barrier is one.

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>
#include <ucontext.h>

struct Dim3 { unsigned x, y, z; };
static Dim3 gridDim, blockDim, blockIdx, threadIdx;

#define __global__ static
#define __device__ inline
#define __shared__ static

template <typename T> static T atomicAdd(T* at, T x) { T old = *at; *at = old + x; return old; }
template <typename T> static T atomicMin(T* at, T x) {
    T old = *at;
    if (x < old) *at = x;
    return old;
}

namespace shim {

const size_t STACK = 64 * 1024;
struct Fiber { ucontext_t context; bool done; };
static std::vector<Fiber> fibers;
static std::vector<char> stacks;
static ucontext_t scheduler;
static unsigned running;
static bool in_fibers = false;
static void (*body)(void*);
static void* payload;

static void enter() {
    body(payload);
    fibers[running].done = true;
    swapcontext(&fibers[running].context, &scheduler);
}

// All threads of one block; each goes on to its next barrier before any passes it.
static void block_of_fibers() {
    fibers.resize(blockDim.x);
    stacks.resize(STACK * blockDim.x);
    for (unsigned i = 0; i < blockDim.x; i++) {
        fibers[i].done = false;
        getcontext(&fibers[i].context);
        fibers[i].context.uc_stack.ss_sp = stacks.data() + STACK * i;
        fibers[i].context.uc_stack.ss_size = STACK;
        fibers[i].context.uc_link = 0;
        makecontext(&fibers[i].context, enter, 0);
    }
    in_fibers = true;
    for (bool any = true; any;) {
        any = false;
        unsigned waiting = 0, done = 0;
        for (running = 0; running < blockDim.x; running++) {
            if (fibers[running].done) { done++; continue; }
            threadIdx.x = running;
            swapcontext(&scheduler, &fibers[running].context);
            if (fibers[running].done) done++; else { waiting++; any = true; }
        }
        if (waiting && done) {
            std::fprintf(stderr, "a barrier that %u threads of the block do not reach\n", done);
            std::abort();
        }
    }
    in_fibers = false;
}

template <typename... A, size_t... I>
static void call(void (*f)(A...), void** args, std::index_sequence<I...>) {
    f(*static_cast<typename std::remove_reference<A>::type*>(args[I])...);
}

template <typename... A> struct Call {
    void (*f)(A...);
    void** args;
    static void run(void* self) {
        Call* own = static_cast<Call*>(self);
        call(own->f, own->args, std::index_sequence_for<A...>());
    }
};

template <typename... A>
static void launch(void (*f)(A...), unsigned grid, unsigned block, bool barriers, void** args) {
    Call<A...> bound = {f, args};
    gridDim.x = grid;
    blockDim.x = block;
    body = Call<A...>::run;
    payload = &bound;
    for (blockIdx.x = 0; blockIdx.x < grid; blockIdx.x++) {
        if (barriers) { block_of_fibers(); continue; }
        for (threadIdx.x = 0; threadIdx.x < block; threadIdx.x++) body(payload);
    }
}

}  // namespace shim

static inline void __syncthreads() {
    if (!shim::in_fibers) std::abort();
    unsigned own = shim::running;
    swapcontext(&shim::fibers[own].context, &shim::scheduler);
}
