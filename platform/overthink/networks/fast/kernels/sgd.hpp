// Stochastic gradient descent with momentum and weight decay.
#pragma once

#include <cstdint>

#include "threads.hpp"

namespace overthink {

struct Descent {
    float learning_rate;
    float momentum;
    float decay;
    bool is_first;  // momenta hold nothing yet
};

// As torch.optim.SGD: direction = gradient + decay * weight, momentum = momentum * its factor + direction, weight -=
// rate * momentum.
void descend(Threads& threads, int count, const int64_t sizes[], float* const weights[], const float* const gradients[],
             float* const momenta[], const Descent& by);

}  // namespace overthink
