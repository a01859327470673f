#include "sgd.hpp"

#include <algorithm>

#include "vectors.hpp"

namespace overthink {

namespace {

constexpr int64_t VALUES_OF_A_PIECE = 1 << 15;

void descend(float* weights, const float* gradients, float* momenta, int64_t count, const Descent& by) {
    const Vector rate = splat(by.learning_rate);
    const Vector factor = splat(by.momentum);
    const Vector decay = splat(by.decay);
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        const Vector weight = load_unaligned(weights + i);
        Vector direction = load_unaligned(gradients + i) + decay * weight;
        if (!by.is_first) direction += factor * load_unaligned(momenta + i);
        store_unaligned(momenta + i, direction);
        store_unaligned(weights + i, weight - rate * direction);
    }
    for (; i < count; i++) {
        float direction = gradients[i] + by.decay * weights[i];
        if (!by.is_first) direction += by.momentum * momenta[i];
        momenta[i] = direction;
        weights[i] -= by.learning_rate * direction;
    }
}

}  // namespace

void descend(Threads& threads, int count, const int64_t sizes[], float* const weights[], const float* const gradients[],
             float* const momenta[], const Descent& by) {
    int64_t all = 0;
    for (int i = 0; i < count; i++) all += sizes[i];
    // A piece is a range of all values, one tensor after the other
    threads.run(static_cast<int>((all + VALUES_OF_A_PIECE - 1) / VALUES_OF_A_PIECE), [&](int piece) {
        const int64_t begin = piece * VALUES_OF_A_PIECE;
        const int64_t end = begin + VALUES_OF_A_PIECE;
        int64_t at = 0;
        for (int i = 0; i < count && at < end; at += sizes[i++]) {
            const int64_t from = std::max<int64_t>(begin - at, 0);
            const int64_t to = std::min(end - at, sizes[i]);
            if (from < to) descend(weights[i] + from, gradients[i] + from, momenta[i] + from, to - from, by);
        }
    });
}

}  // namespace overthink
