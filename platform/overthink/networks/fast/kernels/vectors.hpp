// Vectors of floats. A lane is an image: maps lie as [block of IMAGES images][H][W][channel][IMAGES].
//
// Images as lanes make every number of channels efficient: weights are broadcast, nothing is padded but the last block
// of images, and a concatenation of maps is an offset in a wider buffer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#ifndef IMAGES
#error "-DIMAGES=64, 32 or 16: images in a block; or 8, where a vector has no more lanes"
#endif

namespace overthink {

#if defined(__AVX512F__)  // 32 registers of 16 floats
constexpr int LANES = 16;
constexpr int MOST_TILE_VECTORS = 4;
constexpr int GRADIENT_OUTPUTS = 6;
constexpr int GRADIENT_INPUTS = 4;
#elif defined(__AVX2__)  // 16 registers of 8 floats
constexpr int LANES = 8;
constexpr int MOST_TILE_VECTORS = 2;
constexpr int GRADIENT_OUTPUTS = 4;
constexpr int GRADIENT_INPUTS = 3;
#else                    // NEON has 32 registers of 4 floats; SSE compiles, too
constexpr int LANES = 4;
constexpr int MOST_TILE_VECTORS = 4;
constexpr int GRADIENT_OUTPUTS = 6;
constexpr int GRADIENT_INPUTS = 4;
#endif
constexpr int VECTORS = IMAGES / LANES;  // in a block of images
constexpr int TILE_VECTORS = VECTORS < MOST_TILE_VECTORS ? VECTORS : MOST_TILE_VECTORS;
constexpr int CACHE_LINE = 16;  // floats
static_assert(IMAGES % LANES == 0 && VECTORS % TILE_VECTORS == 0);

typedef float Vector __attribute__((vector_size(4 * LANES), aligned(4 * LANES)));
typedef float UnalignedVector __attribute__((vector_size(4 * LANES), aligned(4)));
typedef float HalfVector __attribute__((vector_size(2 * LANES)));
typedef double Doubles __attribute__((vector_size(4 * LANES)));  // half a vector's lanes, twice as wide

// GCC keeps a tile's sums in registers only where its loops are unrolled in full.
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define ALWAYS_INLINE inline __attribute__((always_inline))

ALWAYS_INLINE Vector splat(float value) {
    return value - Vector{};
}

ALWAYS_INLINE Vector load(const float* from) {
    return *reinterpret_cast<const Vector*>(from);
}

ALWAYS_INLINE void store(float* to, Vector value) {
    *reinterpret_cast<Vector*>(to) = value;
}

ALWAYS_INLINE Vector load_unaligned(const float* from) {
    return static_cast<Vector>(*reinterpret_cast<const UnalignedVector*>(from));
}

ALWAYS_INLINE void store_unaligned(float* to, Vector value) {
    *reinterpret_cast<UnalignedVector*>(to) = value;
}

ALWAYS_INLINE Doubles load_doubles(const float* from) {
    HalfVector half;
    memcpy(&half, from, sizeof half);
    return __builtin_convertvector(half, Doubles);
}

// Keeps a vector that was loaded once in its register; GCC would load it again for every product.
ALWAYS_INLINE void keep_in_register(Vector& value) {
#if defined(__AVX512F__)
    asm("" : "+v"(value));
#elif defined(__x86_64__)
    asm("" : "+x"(value));
#elif defined(__aarch64__)
    asm("" : "+w"(value));
#else
    (void)value;
#endif
}

// ReLU and its gradient where the value before it is `before`. NaN goes through, as in torch, so that a training that
// diverges is seen to. An IDENTITY build leaves both out: tests compare its gradients with float64, where a sign that
// rounding turns would hide everything else.
#if defined(IDENTITY)
ALWAYS_INLINE Vector relu(Vector before) {
    return before;
}

ALWAYS_INLINE Vector relu_gradient(Vector, Vector gradient) {
    return gradient;
}
#else
ALWAYS_INLINE Vector relu(Vector before) {
    return before < 0 ? Vector{} : before;
}

ALWAYS_INLINE Vector relu_gradient(Vector before, Vector gradient) {
    return before <= 0 ? Vector{} : gradient;
}
#endif

// The sum of all lanes, always by the same tree.
ALWAYS_INLINE float sum_of_lanes(Vector value) {
#if defined(__AVX512F__)
    typedef float Eight __attribute__((vector_size(32)));
    typedef float Four __attribute__((vector_size(16)));
    const Eight eight = __builtin_shufflevector(value, value, 0, 1, 2, 3, 4, 5, 6, 7) +
                        __builtin_shufflevector(value, value, 8, 9, 10, 11, 12, 13, 14, 15);
    const Four four =
        __builtin_shufflevector(eight, eight, 0, 1, 2, 3) + __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
    return (four[0] + four[2]) + (four[1] + four[3]);
#else
    float lanes[LANES];
    memcpy(lanes, &value, sizeof lanes);
    for (int width = LANES / 2; width > 0; width /= 2) {
        for (int i = 0; i < width; i++) lanes[i] += lanes[i + width];
    }
    return lanes[0];
#endif
}

// A place for a vector inside a container (whose element type may have no attributes).
struct Sum {
    Vector lanes;
};

}  // namespace overthink
