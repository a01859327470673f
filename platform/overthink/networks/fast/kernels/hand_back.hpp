// The way back through operations that compute each channel from one channel alone.
#pragma once

#include "plan.hpp"

namespace overthink {

// Adds what a pooling or a depthwise convolution gives to the gradients of the maps that it read.
Work hand_back(Engine& engine, Operation& operation);

}  // namespace overthink
