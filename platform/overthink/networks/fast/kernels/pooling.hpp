// Pooling.
#pragma once

#include "plan.hpp"

namespace overthink {

// The largest or the mean of each window. For training, which tap is the largest is kept for the way back.
Work pool(Engine& engine, Operation& operation, bool training);

}  // namespace overthink
