// Micro-kernels: a tile of a few output channels and a few vectors of images stays in registers.
#pragma once

#include <type_traits>

#include "vectors.hpp"

namespace overthink {

// Sums fill 24 of AVX512's 32 registers, 12 of AVX2's 16. Where a block is a single vector (16 images with AVX512, 8 with
// AVX2), the latency of its additions is hidden by many outputs.
constexpr int TILE_OUTPUTS = TILE_VECTORS == 1 ? 12 : 6;

// One tap of a convolution: what is read for it and its weights.
struct Tap {
    const float* maps;     // [channels][IMAGES]
    const float* weights;  // [channels][outputs of the tile]
    int channels;
    int ahead;  // from these maps to those of the next position
};

// Calls work(std::integral_constant<int, count>): unrolled code for every number of outputs up to `most`.
template <int most, class Work>
ALWAYS_INLINE void with_count(int count, const Work& work) {
    if constexpr (most == 1) {
        work(std::integral_constant<int, 1>{});
    } else if (count == most) {
        work(std::integral_constant<int, most>{});
    } else {
        with_count<most - 1>(count, work);
    }
}

// Sums over taps and their channels of weight * maps, for `outputs` output channels and all images of a block. What
// becomes of them is the ending's business: ending(output, image, sums) takes those of TILE_VECTORS vectors of images.
template <int outputs, bool prefetch, class Ending>
__attribute__((noinline)) void tile(const Tap* taps, int count, const Ending& given) {
    const Ending ending = given;  // a copy that nothing else can point to stays in registers
    for (int image = 0; image < IMAGES; image += TILE_VECTORS * LANES) {
        ending.template prefetch<outputs>(image);
        Vector sums[outputs][TILE_VECTORS];
        UNROLL
        for (int o = 0; o < outputs; o++) {
            UNROLL
            for (int v = 0; v < TILE_VECTORS; v++) sums[o][v] = Vector{};
        }
        for (const Tap* tap = taps; tap < taps + count; tap++) {
            const float* maps = tap->maps + image;
            const float* weights = tap->weights;
            const int ahead = tap->ahead;
            for (int c = tap->channels; c > 0; c--) {
                Vector inputs[TILE_VECTORS];
                UNROLL
                for (int v = 0; v < TILE_VECTORS; v++) {
                    inputs[v] = load(maps + LANES * v);
                    if (prefetch && LANES * v % CACHE_LINE == 0) __builtin_prefetch(maps + ahead + LANES * v);
                }
                UNROLL
                for (int o = 0; o < outputs; o++) {
                    const Vector weight = splat(weights[o]);
                    UNROLL
                    for (int v = 0; v < TILE_VECTORS; v++) sums[o][v] += weight * inputs[v];
                }
                maps += IMAGES;
                weights += outputs;
            }
        }
        UNROLL
        for (int o = 0; o < outputs; o++) ending(o, image, sums[o]);
    }
}

// The same where each output has a channel of its own, from `first` on.
template <int outputs, class Ending>
__attribute__((noinline)) void depthwise_tile(const Tap* taps, int count, int first, const Ending& given) {
    const Ending ending = given;
    for (int image = 0; image < IMAGES; image += TILE_VECTORS * LANES) {
        Vector sums[outputs][TILE_VECTORS];
        UNROLL
        for (int o = 0; o < outputs; o++) {
            UNROLL
            for (int v = 0; v < TILE_VECTORS; v++) sums[o][v] = Vector{};
        }
        for (const Tap* tap = taps; tap < taps + count; tap++) {
            const float* maps = tap->maps + static_cast<size_t>(first) * IMAGES + image;
            UNROLL
            for (int o = 0; o < outputs; o++) {
                const Vector weight = splat(tap->weights[o]);
                UNROLL
                for (int v = 0; v < TILE_VECTORS; v++) sums[o][v] += weight * load(maps + o * IMAGES + LANES * v);
            }
        }
        UNROLL
        for (int o = 0; o < outputs; o++) ending(o, image, sums[o]);
    }
}

// sums[outputs][inputs] += gradient * maps over positions and images, one vector of images at a time
template <int outputs, int inputs>
__attribute__((noinline)) void outer_product(const float* const* gradients, const float* const* maps, int positions,
                                             size_t first_output, size_t first_input, Sum* sums) {
    Vector kept[outputs][inputs];
    UNROLL
    for (int o = 0; o < outputs; o++) {
        UNROLL
        for (int i = 0; i < inputs; i++) kept[o][i] = sums[o * inputs + i].lanes;
    }
    for (int position = 0; position < positions; position++) {
        const float* gradient = gradients[position] + first_output * IMAGES;
        const float* input = maps[position] + first_input * IMAGES;
        for (int image = 0; image < IMAGES; image += LANES) {
            Vector loaded[inputs];
            UNROLL
            for (int i = 0; i < inputs; i++) loaded[i] = load(input + i * IMAGES + image);
            UNROLL
            for (int o = 0; o < outputs; o++) {
                Vector of_output = load(gradient + o * IMAGES + image);
                keep_in_register(of_output);
                UNROLL
                for (int i = 0; i < inputs; i++) kept[o][i] += of_output * loaded[i];
            }
        }
    }
    UNROLL
    for (int o = 0; o < outputs; o++) {
        UNROLL
        for (int i = 0; i < inputs; i++) sums[o * inputs + i].lanes = kept[o][i];
    }
}

}  // namespace overthink
