// BatchNorm by the statistics of the batch, both ways.
#pragma once

#include "plan.hpp"

namespace overthink {

// Statistics from the sums that the convolution left, and running statistics.
Work take_statistics(Engine& engine, Operation& operation);

// relu(scale * before + shift) into the parts' slices.
Work normalise(Engine& engine, Operation& operation);

// Gradients of gamma and beta, from the sums that the gathering left.
Work take_gradients_of_statistics(Engine& engine, Operation& operation);

// Maps before BatchNorm become their gradients.
Work normalise_backward(Engine& engine, Operation& operation);

}  // namespace overthink
