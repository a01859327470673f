// Memory for maps.
#pragma once

#include <cstddef>

namespace overthink {

// Memory in huge pages; zero at first.
class Arena {
  public:
    Arena() = default;
    Arena(const Arena&) = delete;
    ~Arena() { release(); }

    bool acquire(size_t bytes);  // false where there is none
    void release();
    float* take(size_t floats);  // 2 MB apart and a little more each, so that buffers do not share cache sets
    static size_t room_for(size_t floats);

  private:
    void* begin = nullptr;
    size_t size = 0;
    char* next = nullptr;
    int taken = 0;
};

}  // namespace overthink
