#include "pooling.hpp"

#include "taps.hpp"

namespace overthink {

namespace {

// The first of equal ones, and what is no number before all others, as in torch.
template <bool keep>
void take_largest(const TapsAlongRow& taps, size_t floats, float* to, float* taps_of_largest) {
    for (size_t at = 0; at < floats; at += LANES) {
        Vector largest = load(taps.data()[0].maps + at);
        Vector tap = splat(static_cast<float>(taps.number_of(0)));
        for (int i = 1; i < taps.size(); i++) {
            const Vector value = load(taps.data()[i].maps + at);
            const auto is_larger = (value > largest) | (value != value);
            largest = is_larger ? value : largest;
            if (keep) tap = is_larger ? splat(static_cast<float>(taps.number_of(i))) : tap;
        }
        store(to + at, largest);
        if (keep) store(taps_of_largest + at, tap);
    }
}

void take_mean(const TapsAlongRow& taps, size_t floats, float* to, int count) {
    const Vector share = splat(1.0F / static_cast<float>(count));
    for (size_t at = 0; at < floats; at += LANES) {
        Vector sum{};
        for (int i = 0; i < taps.size(); i++) sum += load(taps.data()[i].maps + at);
        store(to + at, sum * share);
    }
}

}  // namespace

Work pool(Engine& engine, Operation& operation, bool training) {
    const bool keep = training && !operation.frozen;
    return {operation.rows(engine.blocks), [&, keep](int row) {
                const Buffer& maps = operation.before;
                const Slice& written = operation.parts[0].written;
                const size_t floats = static_cast<size_t>(operation.outputs) * IMAGES;
                TapsAlongRow taps(operation, engine.buffers[operation.read.buffer], row / maps.height,
                                  row % maps.height);
                for (int column = 0; column < maps.width; column++) {
                    taps.move_to(column);
                    float* to = engine.buffers[written.buffer].at(row, column, written.first);
                    if (operation.kind == Kind::mean) {
                        take_mean(taps, floats, to, operation.taps());
                    } else if (keep) {
                        take_largest<true>(taps, floats, to, maps.at(row, column, 0));
                    } else {
                        take_largest<false>(taps, floats, to, nullptr);
                    }
                }
            }};
}

}  // namespace overthink
