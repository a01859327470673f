// Which operations are computed at the same time.
#pragma once

#include "plan.hpp"

namespace overthink {

// Levels of the forward and the backward pass, for batches of at most engine.room blocks. Operations of a level do not
// depend on each other. Large maps are computed one after the other: they are work enough for all threads, and stay in
// the cache.
void schedule(Engine& engine);

// Parts of a level whose gradients are gathered together: their maps lie in one buffer, and the same operations read
// them.
struct Source {
    Operation* operation;
    Part* part;
};
std::vector<std::vector<Source>> sources_of(const Level& level);

}  // namespace overthink
