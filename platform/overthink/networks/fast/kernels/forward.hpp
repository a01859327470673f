// The forward pass.
#pragma once

#include "plan.hpp"

namespace overthink {

// Images (B, K, H, W) become buffer 0.
void copy_images(Engine& engine, const float* images);

// Maps before BatchNorm, and sums for its statistics.
Work convolve_for_training(Engine& engine, Operation& operation);

// Maps after BatchNorm (folded into the weights) and ReLU. Padding stays zero where `masked`: statistics of later
// operations need it.
Work convolve_folded(Engine& engine, Operation& operation, bool masked);

// Slices that the last stage hands out, each (B, F, H, W).
void copy_exports(Engine& engine, float* const maps[]);

}  // namespace overthink
