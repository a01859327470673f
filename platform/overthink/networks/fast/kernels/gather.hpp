// The gradient of an operation's maps, gathered from all that read them.
#pragma once

#include "schedule.hpp"

namespace overthink {

// Gradients that come from outside, each (B, F, H, W) or null for zero, into the layout of maps.
void take_gradients(Engine& engine, const float* const gradients[]);

// Gathers the gradients of parts that have the same readers, and takes them back through the ReLU. Each is written
// once, in one sum over all readers; what a reader has is fetched once for all of these parts.
Work gather(Engine& engine, const std::vector<Source>& parts);

}  // namespace overthink
