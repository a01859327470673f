#include "batch_norm.hpp"

#include <cmath>

namespace overthink {

namespace {

constexpr int CHANNELS_OF_A_PIECE = 16;
constexpr int ROWS_IN_SINGLE_PRECISION = 8;
constexpr int HALVES = 2;
constexpr int HALF = LANES / HALVES;

struct Totals {
    double sum;
    double square;
};

// compute(output) for all outputs
template <class Compute>
Work for_outputs(const Operation& operation, const Compute& compute) {
    const int outputs = operation.outputs;
    return {(outputs + CHANNELS_OF_A_PIECE - 1) / CHANNELS_OF_A_PIECE, [=](int piece) {
                const int end = std::min(outputs, (piece + 1) * CHANNELS_OF_A_PIECE);
                for (int output = piece * CHANNELS_OF_A_PIECE; output < end; output++) compute(output);
            }};
}

// Sums about a row's first value become sums about 0: with n values in a lane about k, the sum of z is S + n k, that of
// z^2 is Q + k (2 S + n k).
Totals totals_of(const Engine& engine, const Operation& operation, int output) {
    const Buffer& maps = operation.before;
    Doubles images_of_last_block[HALVES] = {};
    for (int image = 0; image < IMAGES; image += LANES) {
        for (int half = 0; half < HALVES; half++)
            images_of_last_block[half] += load_doubles(engine.real + image + half * HALF);
    }
    Doubles sum[HALVES] = {};
    Doubles square[HALVES] = {};
    for (int row = 0; row < engine.blocks * maps.height; row++) {
        const size_t at = (static_cast<size_t>(row) * operation.outputs + output) * LANES;
        const float* first_of_row = maps.at(row, 0, output);
        const bool is_padded = engine.is_padded(row, maps.height);
        for (int half = 0; half < HALVES; half++) {
            const Doubles images = is_padded ? images_of_last_block[half] : Doubles{} + static_cast<double>(VECTORS);
            const Doubles values = images * static_cast<double>(maps.width);
            const Doubles about = load_doubles(first_of_row + half * HALF);
            const Doubles of_row = load_doubles(operation.sums + at + half * HALF);
            sum[half] += of_row + values * about;
            square[half] += load_doubles(operation.products + at + half * HALF) + about * (2 * of_row + values * about);
        }
    }
    Totals totals{};
    for (int half = 0; half < HALVES; half++) {
        for (int lane = 0; lane < HALF; lane++) {
            totals.sum += sum[half][lane];
            totals.square += square[half][lane];
        }
    }
    return totals;
}

void set_statistics(const Engine& engine, Operation& operation, int output) {
    const double count = engine.positions(operation.before);
    const Totals totals = totals_of(engine, operation, output);
    const double mean = totals.sum / count;
    double variance = totals.square / count - mean * mean;
    if (variance < 0) variance = 0;  // by rounding; NaN stays

    Part& part = operation.part_of(output);
    const int channel = output - part.first;
    const auto unbiased = static_cast<float>(variance * count / (count - 1));
    part.running_mean[channel] += operation.momentum * (static_cast<float>(mean) - part.running_mean[channel]);
    part.running_variance[channel] += operation.momentum * (unbiased - part.running_variance[channel]);

    const auto deviation = static_cast<float>(1 / std::sqrt(variance + operation.epsilon));
    operation.mean[output] = static_cast<float>(mean);
    operation.deviation[output] = deviation;
    operation.scale[output] = part.gamma[channel] * deviation;
    operation.shift[output] = static_cast<float>(part.beta[channel] - mean * operation.scale[output]);
}

// With r = 1 / deviation and the normalised maps n = (z - mean) r: the gradient of gamma is G = sum(gradient n), that
// of beta B = sum(gradient), and that of z is gamma r (gradient - B / count - n G / count).
void set_gradients(const Engine& engine, Operation& operation, int output) {
    double sum = 0;
    double product = 0;
    Vector some_sums{};
    Vector some_products{};
    const int rows = engine.blocks * operation.before.height;
    for (int row = 0; row < rows; row++) {
        const size_t at = (static_cast<size_t>(row) * operation.outputs + output) * LANES;
        some_sums += load(operation.sums + at);
        some_products += load(operation.products + at);
        if (row % ROWS_IN_SINGLE_PRECISION == ROWS_IN_SINGLE_PRECISION - 1 || row == rows - 1) {
            sum += sum_of_lanes(some_sums);
            product += sum_of_lanes(some_products);
            some_sums = some_products = Vector{};
        }
    }
    Part& part = operation.part_of(output);
    const int channel = output - part.first;
    const double count = engine.positions(operation.before);
    const double deviation = operation.deviation[output];
    const double gamma = part.gamma[channel];
    const double of_gamma = product * deviation;
    part.beta_gradient[channel] = static_cast<float>(sum);
    part.gamma_gradient[channel] = static_cast<float>(of_gamma);

    const auto of_maps = static_cast<float>(-gamma * deviation * deviation * of_gamma / count);
    operation.of_gradient[output] = static_cast<float>(gamma * deviation);
    operation.of_maps[output] = of_maps;
    operation.constant[output] =
        static_cast<float>(-gamma * deviation * sum / count - static_cast<double>(of_maps) * operation.mean[output]);
}

ALWAYS_INLINE void normalise(const Engine& engine, const Operation& operation, const Part& part, int row, int column,
                             bool is_padded) {
    const float* from = operation.before.at(row, column, part.first);
    float* to = engine.buffers[part.written.buffer].at(row, column, part.written.first);
    const float* shortcut = engine.shortcut_of(part, row, column, 0);
    for (int channel = 0; channel < part.channels; channel++) {
        const Vector scale = splat(operation.scale[part.first + channel]);
        const Vector shift = splat(operation.shift[part.first + channel]);
        for (int image = 0; image < IMAGES; image += LANES) {
            Vector value = load(from + image) * scale + shift;
            if (shortcut) value += load(shortcut + channel * IMAGES + image);
            if (!part.is_linear) value = relu(value);
            if (is_padded) value *= load(engine.real + image);
            store(to + image, value);
        }
        from += IMAGES;
        to += IMAGES;
    }
}

ALWAYS_INLINE void normalise_backward(const Engine& engine, const Operation& operation, int row, int column,
                                      bool is_padded) {
    float* map = operation.before.at(row, column, 0);
    const size_t position = static_cast<size_t>(row) * operation.before.width + column;
    const float* gradient = operation.gathered + position * operation.outputs * IMAGES;
    for (int output = 0; output < operation.outputs; output++) {
        const Vector of_gradient = splat(operation.of_gradient[output]);
        const Vector of_maps = splat(operation.of_maps[output]);
        const Vector constant = splat(operation.constant[output]);
        for (int image = 0; image < IMAGES; image += LANES) {
            Vector value = load(gradient + image) * of_gradient + (load(map + image) * of_maps + constant);
            if (is_padded) value *= load(engine.real + image);
            store(map + image, value);
        }
        map += IMAGES;
        gradient += IMAGES;
    }
}

}  // namespace

Work take_statistics(Engine& engine, Operation& operation) {
    return for_outputs(operation, [&](int output) { set_statistics(engine, operation, output); });
}

Work normalise(Engine& engine, Operation& operation) {
    return {operation.rows(engine.blocks), [&](int row) {
                const Buffer& maps = operation.before;
                const bool is_padded = engine.is_padded(row, maps.height);
                for (int column = 0; column < maps.width; column++) {
                    for (const auto& part : operation.parts) normalise(engine, operation, part, row, column, is_padded);
                }
            }};
}

Work take_gradients_of_statistics(Engine& engine, Operation& operation) {
    return for_outputs(operation, [&](int output) { set_gradients(engine, operation, output); });
}

Work normalise_backward(Engine& engine, Operation& operation) {
    return {operation.rows(engine.blocks), [&](int row) {
                const Buffer& maps = operation.before;
                const bool is_padded = engine.is_padded(row, maps.height);
                for (int column = 0; column < maps.width; column++) {
                    normalise_backward(engine, operation, row, column, is_padded);
                }
            }};
}

}  // namespace overthink
