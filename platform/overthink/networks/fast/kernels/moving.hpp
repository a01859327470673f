// Images that change places, so that those that have left a batch are computed no more.
#pragma once

#include "plan.hpp"

namespace overthink {

// Copies images, in all maps that later stages read, from places to places that nobody needs any more.
void move_images(Engine& engine, int count, const int from[], const int to[]);

}  // namespace overthink
