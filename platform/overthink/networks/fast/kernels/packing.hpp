// Weights in the order in which tiles read them.
#pragma once

#include "plan.hpp"

namespace overthink {

// Packs the weights of all operations. In evaluation, and for frozen operations always, BatchNorm by its running
// statistics is folded in. For training the weights of each reader are packed for the way back as well.
void pack_weights(Engine& engine, bool training);

}  // namespace overthink
