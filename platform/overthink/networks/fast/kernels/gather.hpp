// The gradient of an operation's maps, gathered from all that read them.
#pragma once

#include "plan.hpp"

namespace overthink {

// A part whose gradient is gathered, and where to: gradients [position][output of the operation][image], and the sums
// over them, [row][output][lane], that BatchNorm's way back begins with.
struct Gathered {
    Operation* operation;
    Part* part;
    float* gradients;
    float* sums;
    float* products;
};

// Gradients that come from outside, each (B, F, H, W) or null for zero, into the layout of maps.
void take_gradients(Engine& engine, const float* const gradients[]);

// Gathers the gradients of parts that have the same readers, and takes them back through the ReLU. Each is written
// once, in one sum over all readers; what a reader has is fetched once for all of these parts.
void gather(Engine& engine, const std::vector<Gathered>& parts);

}  // namespace overthink
