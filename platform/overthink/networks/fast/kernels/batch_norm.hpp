// BatchNorm by the statistics of the batch, both ways.
#pragma once

#include "plan.hpp"

namespace overthink {

// Statistics from the sums that the convolution left, running statistics, then relu(scale * before + shift) into the
// parts' slices.
void normalise(Engine& engine, Operation& operation);

// Gradients of gamma and beta, then maps before BatchNorm become their gradients. `gradients` [position][output][image]
// are of what BatchNorm gave; sums [row][output][lane] are of them, products of them and the maps less their mean.
void normalise_backward(Engine& engine, Operation& operation, const float* gradients, const float* sums,
                        const float* products);

}  // namespace overthink
