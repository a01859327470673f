// The gradient of an operation's weights.
#pragma once

#include "plan.hpp"

namespace overthink {

// From the maps that the operation read and the gradients that took the place of its own.
Work weight_gradient(Engine& engine, Operation& operation);

}  // namespace overthink
