// The size of a batch, and memory for it.
#pragma once

#include "plan.hpp"

namespace overthink {

// Makes room for so many images, where there is not enough yet. False where there is no memory.
bool set_batch(Engine& engine, int count, bool training);

}  // namespace overthink
