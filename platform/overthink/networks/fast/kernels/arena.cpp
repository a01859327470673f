#include "arena.hpp"

#include <sys/mman.h>

#include <cstdint>

#include "vectors.hpp"

// Under AddressSanitizer, what lies between the buffers of the arena must not be touched.
#if __has_include(<sanitizer/asan_interface.h>)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(begin, size)
#define ASAN_UNPOISON_MEMORY_REGION(begin, size)
#endif

namespace overthink {

namespace {

constexpr size_t HUGE_PAGE = 2 << 20;

size_t whole_pages(size_t bytes) {
    return (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
}

}  // namespace

bool Arena::acquire(size_t bytes) {
    release();
    size = bytes + HUGE_PAGE;
    begin = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (begin == MAP_FAILED) {
        begin = nullptr;
        return false;
    }
#if defined(MADV_HUGEPAGE)
    madvise(begin, size, MADV_HUGEPAGE);
#endif
    ASAN_POISON_MEMORY_REGION(begin, size);
    next = reinterpret_cast<char*>(whole_pages(reinterpret_cast<uintptr_t>(begin)));
    taken = 0;
    return true;
}

void Arena::release() {
    if (begin) {
        ASAN_UNPOISON_MEMORY_REGION(begin, size);
        munmap(begin, size);
    }
    begin = nullptr;
}

size_t Arena::room_for(size_t floats) {
    return whole_pages(floats * sizeof(float) + 4096);
}

float* Arena::take(size_t floats) {
    auto* found = reinterpret_cast<float*>(next) + taken++ % 32 * CACHE_LINE;
    next += room_for(floats);
    ASAN_UNPOISON_MEMORY_REGION(found, floats * sizeof(float));
    return found;
}

}  // namespace overthink
