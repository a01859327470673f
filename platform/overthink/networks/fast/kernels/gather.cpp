#include "gather.hpp"

#include "taps.hpp"
#include "tiles.hpp"

namespace overthink {

namespace {

// Back through the ReLU, with sums of gradient and of gradient * (z - mean). `usual` parts have a ReLU and no shortcut.
template <bool usual>
struct ThroughReLU {
    float* gradients;
    const float* before;
    const float* from_outside;  // null where these maps are neither handed out nor a shortcut
    const float* after;         // null where the ReLU's sign is not that of BatchNorm alone: the maps that were written
    float* of_shortcut;         // null where there is none; its gradient is added there
    bool is_linear;
    const float* scale;
    const float* shift;
    const float* mean;
    float* sums;
    float* products;
    size_t ahead;

    template <int outputs>
    ALWAYS_INLINE void prefetch(int image) const {
        for (int o = 0; o < outputs; o++) {
            for (int v = 0; v < TILE_VECTORS * LANES; v += CACHE_LINE) {
                __builtin_prefetch(before + ahead + o * IMAGES + image + v);
            }
        }
    }

    ALWAYS_INLINE void operator()(int output, int image, const Vector* found) const {
        const int at = output * IMAGES + image;
        const Vector by = splat(scale[output]);
        const Vector and_by = splat(shift[output]);
        const Vector about = splat(mean[output]);
        Vector sum = load(sums + output * LANES);
        Vector product = load(products + output * LANES);
        UNROLL
        for (int v = 0; v < TILE_VECTORS; v++) {
            const Vector maps = load(before + at + LANES * v);
            Vector gradient = found[v];
            if (from_outside) gradient += load(from_outside + at + LANES * v);
            if (usual) {
                gradient = relu_gradient(maps * by + and_by, gradient);
            } else {
                gradient = through_sum(at + LANES * v, maps * by + and_by, gradient);
            }
            store(gradients + at + LANES * v, gradient);
            sum += gradient;
            product += gradient * (maps - about);
        }
        store(sums + output * LANES, sum);
        store(products + output * LANES, product);
    }

  private:
    ALWAYS_INLINE Vector through_sum(int at, Vector normalised, Vector gradient) const {
        if (!is_linear) gradient = relu_gradient(after ? load(after + at) : normalised, gradient);
        if (of_shortcut) store(of_shortcut + at, load(of_shortcut + at) + gradient);
        return gradient;
    }
};

// Of a pooling, which has neither ReLU nor BatchNorm.
struct Unchanged {
    float* gradients;
    const float* from_outside;

    template <int outputs>
    void prefetch(int) const {}

    ALWAYS_INLINE void operator()(int output, int image, const Vector* found) const {
        UNROLL
        for (int v = 0; v < TILE_VECTORS; v++) {
            const int at = output * IMAGES + image + LANES * v;
            store(gradients + at, from_outside ? found[v] + load(from_outside + at) : found[v]);
        }
    }
};

// The cuts of a part that a piece computes.
struct Cuts {
    const Cut* begin;
    const Cut* end;
};

Cuts share_of(const Source& to, int group, int groups) {
    const Part& part = *to.part;
    const Cut* first = to.operation->cuts.data() + part.first_cut;
    return {first + part.cuts * group / groups, first + part.cuts * (group + 1) / groups};
}

void clear_sums(const Source& to, int row, Cuts cuts) {
    if (cuts.begin == cuts.end || to.operation->is_pooling()) return;
    const Operation& operation = *to.operation;
    const int end = (cuts.end - 1)->first + (cuts.end - 1)->count;
    for (float* all : {operation.sums, operation.products}) {
        std::fill(operation.sums_of(all, row, cuts.begin->first), operation.sums_of(all, row, end), 0.0F);
    }
}

template <bool usual>
ThroughReLU<usual> ending_of(const Engine& engine, const Source& to, int row, int column, int first) {
    const Operation& operation = *to.operation;
    const Buffer& maps = operation.before;
    const int output = to.part->first + first;
    const size_t position = static_cast<size_t>(row) * maps.width + column;
    const Slice& written = to.part->written;
    const Slice& shortcut = to.part->shortcut;
    float* of_shortcut = nullptr;
    if (!usual && to.part->has_shortcut())
        of_shortcut = engine.incoming[shortcut.buffer].at(row, column, shortcut.first + first);
    return {
        .gradients = operation.gathered + (position * operation.outputs + output) * IMAGES,
        .before = maps.at(row, column, output),
        .from_outside = engine.incoming[written.buffer].at(row, column, written.first + first),
        .after = of_shortcut ? engine.buffers[written.buffer].at(row, column, written.first + first) : nullptr,
        .of_shortcut = of_shortcut,
        .is_linear = to.part->is_linear,
        .scale = operation.scale.data() + output,
        .shift = operation.shift.data() + output,
        .mean = operation.mean.data() + output,
        .sums = operation.sums_of(operation.sums, row, output),
        .products = operation.sums_of(operation.products, row, output),
        .ahead = maps.pitch(),
    };
}

Unchanged unchanged(const Engine& engine, const Source& to, int row, int column, int first) {
    const Operation& operation = *to.operation;
    const Slice& written = to.part->written;
    const size_t position = static_cast<size_t>(row) * operation.before.width + column;
    return {
        .gradients = operation.gathered + (position * operation.outputs + first) * IMAGES,
        .from_outside = engine.incoming[written.buffer].at(row, column, written.first + first),
    };
}

template <class Ending>
void compute_tile(const ReadersAlongRow& taps, int count, bool prefetch, const Ending& ending) {
    with_count<TILE_OUTPUTS>(count, [&](auto outputs) {
        if (prefetch) {
            tile<outputs, true>(taps.data(), taps.size(), ending);
        } else {
            tile<outputs, false>(taps.data(), taps.size(), ending);
        }
    });
}

}  // namespace

void take_gradients(Engine& engine, const float* const gradients[]) {
    for (auto& from : engine.incoming) {
        const Buffer& to = from.gradients;
        if (to.channels == 0) continue;
        engine.threads.run(engine.blocks * to.height,
                           [&](int row) { std::fill(to.at(row, 0, 0), to.at(row + 1, 0, 0), 0.0F); });
    }
    for (size_t number = 0; number < engine.exports.size(); number++) {
        if (!gradients[number]) continue;
        const Slice& slice = engine.exports[number].slice;
        const Incoming& incoming = engine.incoming[slice.buffer];
        const Buffer& to = incoming.gradients;
        const size_t positions = static_cast<size_t>(to.height) * to.width;
        engine.threads.run(engine.blocks * to.height, [&](int row) {
            const int first = row / to.height * IMAGES;
            const int real = std::min(IMAGES, engine.images - first);
            for (int image = 0; image < real; image++) {
                const float* from = gradients[number] + static_cast<size_t>(first + image) * slice.channels * positions;
                from += static_cast<size_t>(row % to.height) * to.width;
                for (int channel = 0; channel < slice.channels; channel++) {
                    float* lane = to.at(row, 0, slice.first - incoming.first + channel) + image;
                    for (int column = 0; column < to.width; column++) lane[column * to.pitch()] += from[column];
                    from += positions;
                }
            }
        });
    }
}

Work gather(Engine& engine, const std::vector<Source>& parts) {
    const Operation& first_operation = *parts[0].operation;
    const int rows = first_operation.rows(engine.blocks);
    int most = 0;
    for (const auto& to : parts) most = std::max(most, to.part->cuts);
    const int groups = std::min(most, std::max(1, (4 * engine.threads.count() + rows - 1) / rows));
    const auto compute = [=, &engine, &first_operation](int piece) {
        const int row = piece / groups;
        const Buffer& maps = first_operation.before;
        for (const auto& to : parts) clear_sums(to, row, share_of(to, piece % groups, groups));
        ReadersAlongRow taps(*parts[0].part, row / maps.height, row % maps.height);
        for (int column = 0; column < maps.width; column++) {
            taps.move_to(column);
            bool prefetch = taps.all_pointwise();  // once a position
            for (const auto& to : parts) {
                const Cuts cuts = share_of(to, piece % groups, groups);
                for (const Cut* cut = cuts.begin; cut < cuts.end; cut++) {
                    const int first = cut->first - to.part->first;
                    taps.point_to_weights(*to.part, first, cut->count);
                    if (to.operation->is_pooling()) {
                        compute_tile(taps, cut->count, prefetch, unchanged(engine, to, row, column, first));
                    } else if (to.part->has_shortcut() || to.part->is_linear) {
                        compute_tile(taps, cut->count, prefetch, ending_of<false>(engine, to, row, column, first));
                    } else {
                        compute_tile(taps, cut->count, prefetch, ending_of<true>(engine, to, row, column, first));
                    }
                    prefetch = false;
                }
            }
        }
    };
    return {rows * groups, compute};
}

}  // namespace overthink
