#include "hand_back.hpp"

#include "taps.hpp"

namespace overthink {

namespace {

// An output that read a position.
struct Output {
    const float* gradients;
    const float* taps_of_largest;
    const float* weights;
    float tap;
};

Vector from_largest(const std::vector<Output>& outputs, size_t at) {
    Vector sum{};
    for (const auto& one : outputs) {
        const auto is_largest = load(one.taps_of_largest + at) == splat(one.tap);
        sum += is_largest ? load(one.gradients + at) : Vector{};
    }
    return sum;
}

Vector from_mean(const std::vector<Output>& outputs, size_t at, float share) {
    Vector sum{};
    for (const auto& one : outputs) sum += load(one.gradients + at);
    return sum * splat(share);
}

Vector from_depthwise(const std::vector<Output>& outputs, size_t at) {
    Vector sum{};
    for (const auto& one : outputs) sum += splat(one.weights[at / IMAGES]) * load(one.gradients + at);
    return sum;
}

// Those of one position
void find(const Operation& operation, int block, int h, int column, std::vector<Output>& outputs) {
    outputs.clear();
    for_outputs_at(operation, block, h, column, [&](size_t row, int x, int tap) {
        if (operation.kind == Kind::depthwise) {
            const float* weights = operation.packed.data() + static_cast<size_t>(tap) * operation.outputs;
            outputs.push_back({operation.before.at(row, x, 0), nullptr, weights, 0});
            return;
        }
        const size_t position = row * operation.before.width + x;
        const float* gradients = operation.gathered + position * operation.outputs * IMAGES;
        const float* largest = operation.kind == Kind::largest ? operation.before.at(row, x, 0) : nullptr;
        outputs.push_back({gradients, largest, nullptr, static_cast<float>(tap)});
    });
}

template <class Compute>
void add(float* to, size_t floats, const Compute& compute) {
    for (size_t at = 0; at < floats; at += LANES) store(to + at, load(to + at) + compute(at));
}

}  // namespace

Work hand_back(Engine& engine, Operation& operation) {
    const Incoming& incoming = engine.incoming[operation.read.buffer];
    const int height = incoming.gradients.height;
    return {engine.blocks * height, [&, height](int row) {
                const size_t floats = static_cast<size_t>(operation.outputs) * IMAGES;
                const float share = 1.0F / static_cast<float>(operation.taps());
                std::vector<Output> outputs;
                for (int column = 0; column < incoming.gradients.width; column++) {
                    find(operation, row / height, row % height, column, outputs);
                    float* to = incoming.at(row, column, operation.read.first);
                    if (operation.kind == Kind::depthwise) {
                        add(to, floats, [&](size_t at) { return from_depthwise(outputs, at); });
                    } else if (operation.kind == Kind::mean) {
                        add(to, floats, [&](size_t at) { return from_mean(outputs, at, share); });
                    } else {
                        add(to, floats, [&](size_t at) { return from_largest(outputs, at); });
                    }
                }
            }};
}

}  // namespace overthink
