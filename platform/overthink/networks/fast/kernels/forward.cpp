#include "forward.hpp"

#include "taps.hpp"
#include "tiles.hpp"

namespace overthink {

namespace {

// For BatchNorm's sums a row's values are taken about the row's first one (of each lane and channel). Sums of the
// squares themselves would lose the variance where the mean is many deviations from 0.
struct WithStatistics {
    float* maps;
    const float* first_of_row;
    const float* real;  // keeps padding out of the sums: there maps are 0, and so must be what they are taken about
    float* sums;
    float* squares;

    template <int outputs>
    void prefetch(int) const {}

    ALWAYS_INLINE void operator()(int output, int image, const Vector* found) const {
        float* to = maps + output * IMAGES + image;
        UNROLL
        for (int v = 0; v < TILE_VECTORS; v++) store(to + LANES * v, found[v]);
        const Vector about = load(first_of_row + output * IMAGES);
        Vector sum = load(sums + output * LANES);
        Vector square = load(squares + output * LANES);
        UNROLL
        for (int v = 0; v < TILE_VECTORS; v++) {
            const Vector difference = found[v] - about * load(real + image + LANES * v);
            sum += difference;
            square += difference * difference;
        }
        store(sums + output * LANES, sum);
        store(squares + output * LANES, square);
    }
};

struct Folded {
    float* maps;
    const float* shift;
    const float* real;      // null where all images are
    const float* shortcut;  // null where nothing is added
    bool is_linear;

    template <int outputs>
    void prefetch(int) const {}

    ALWAYS_INLINE void operator()(int output, int image, const Vector* found) const {
        float* to = maps + output * IMAGES + image;
        const Vector by = splat(shift[output]);
        UNROLL
        for (int v = 0; v < TILE_VECTORS; v++) {
            Vector value = found[v] + by;
            if (shortcut) value += load(shortcut + output * IMAGES + image + LANES * v);
            if (!is_linear) value = relu(value);
            if (real) value *= load(real + image + LANES * v);
            store(to + LANES * v, value);
        }
    }
};

// The pieces of a convolution: begin(row, first output, end) once in each, and for each tile the ending that
// ending_of(row, column, cut) makes.
template <class Begin, class MakeEnding>
Work convolve(Engine& engine, Operation& operation, const Begin& begin, const MakeEnding& ending_of) {
    const int cuts = static_cast<int>(operation.cuts.size());
    const int rows = operation.rows(engine.blocks);
    const int groups = std::min(cuts, std::max(1, (4 * engine.threads.count() + rows - 1) / rows));
    const auto compute = [=, &engine, &operation](int piece) {
        const int row = piece / groups;
        const Cut* first = &operation.cuts[cuts * (piece % groups) / groups];
        const Cut* end = operation.cuts.data() + cuts * (piece % groups + 1) / groups;
        const int height = operation.before.height;
        begin(row, first->first, (end - 1)->first + (end - 1)->count);
        TapsAlongRow taps(operation, engine.buffers[operation.read.buffer], row / height, row % height);
        for (int column = 0; column < operation.before.width; column++) {
            taps.move_to(column);
            for (const Cut* cut = first; cut < end; cut++) {
                taps.point_to_weights(*cut);
                const auto ending = ending_of(row, column, *cut);
                with_count<TILE_OUTPUTS>(cut->count, [&](auto outputs) {
                    // Slices of a wide buffer defeat the hardware's prefetching. Larger kernels meet their maps again
                    // and again.
                    if (operation.kind == Kind::depthwise) {
                        depthwise_tile<outputs>(taps.data(), taps.size(), cut->first, ending);
                    } else if (operation.kernel == 1 && cut == first) {
                        tile<outputs, true>(taps.data(), taps.size(), ending);
                    } else {
                        tile<outputs, false>(taps.data(), taps.size(), ending);
                    }
                });
            }
        }
    };
    return {rows * groups, compute};
}

}  // namespace

// Image by image: a row's lanes stay in the near cache, and each image is read line by line.
void copy_images(Engine& engine, const float* images) {
    const Buffer& to = engine.buffers[0];
    const size_t positions = static_cast<size_t>(to.height) * to.width;
    engine.threads.run(engine.blocks * to.height, [&](int row) {
        const int first = row / to.height * IMAGES;
        const int real = std::min(IMAGES, engine.images - first);
        float* maps = to.at(row, 0, 0);
        for (int image = 0; image < IMAGES; image++) {
            const float* from = images + static_cast<size_t>(first + image) * to.channels * positions;
            from += static_cast<size_t>(row % to.height) * to.width;
            for (int channel = 0; channel < to.channels; channel++) {
                float* lane = maps + channel * IMAGES + image;
                for (int column = 0; column < to.width; column++) {
                    lane[column * to.pitch()] = image < real ? from[channel * positions + column] : 0.0F;
                }
            }
        }
    });
}

Work convolve_for_training(Engine& engine, Operation& operation) {
    const auto clear = [&operation](int row, int first, int end) {
        for (float* all : {operation.sums, operation.products}) {
            std::fill(operation.sums_of(all, row, first), operation.sums_of(all, row, end), 0.0F);
        }
    };
    return convolve(engine, operation, clear, [&engine, &operation](int row, int column, const Cut& cut) {
        const Buffer& maps = operation.before;
        return WithStatistics{
            .maps = maps.at(row, column, cut.first),
            .first_of_row = maps.at(row, 0, cut.first),
            .real = engine.is_padded(row, maps.height) ? engine.real : engine.ones,
            .sums = operation.sums_of(operation.sums, row, cut.first),
            .squares = operation.sums_of(operation.products, row, cut.first),
        };
    });
}

Work convolve_folded(Engine& engine, Operation& operation, bool masked) {
    const auto nothing = [](int, int, int) {};
    return convolve(engine, operation, nothing, [&engine, &operation, masked](int row, int column, const Cut& cut) {
        const Part& part = operation.parts[cut.part];
        const int of_part = cut.first - part.first;
        const bool is_padded = masked && engine.is_padded(row, operation.before.height);
        return Folded{
            .maps = engine.buffers[part.written.buffer].at(row, column, part.written.first + of_part),
            .shift = operation.shift.data() + cut.first,
            .real = is_padded ? engine.real : nullptr,
            .shortcut = engine.shortcut_of(part, row, column, of_part),
            .is_linear = part.is_linear,
        };
    });
}

void copy_exports(Engine& engine, float* const maps[]) {
    for (const auto& one : engine.exports) {
        if (one.stage != engine.stage) continue;
        const Slice& slice = one.slice;
        float* const all = *maps++;
        const Buffer& from = engine.buffers[slice.buffer];
        const size_t positions = static_cast<size_t>(from.height) * from.width;
        engine.threads.run(engine.blocks * from.height, [&](int row) {
            const int first = row / from.height * IMAGES;
            const int real = std::min(IMAGES, engine.images - first);
            for (int image = 0; image < real; image++) {
                float* to = all + static_cast<size_t>(first + image) * slice.channels * positions;
                to += static_cast<size_t>(row % from.height) * from.width;
                for (int channel = 0; channel < slice.channels; channel++) {
                    const float* lane = from.at(row, 0, slice.first + channel) + image;
                    for (int column = 0; column < from.width; column++) to[column] = lane[column * from.pitch()];
                    to += positions;
                }
            }
        });
    }
}

}  // namespace overthink
