#include "plan.hpp"

#include <sys/mman.h>

#include <cassert>

#include "tiles.hpp"

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

// Whether `earlier`'s gradient can be gathered together with `later`'s.
bool same_readers(const Operation& later, const Operation& earlier) {
    if (later.parts.size() > 1 || earlier.parts.size() > 1 || later.frozen != earlier.frozen) return false;
    const Part& one = later.parts[0];
    const Part& other = earlier.parts[0];
    if (one.written.buffer != other.written.buffer || one.readers.size() != other.readers.size()) return false;
    for (size_t i = 0; i < one.readers.size(); i++) {
        if (one.readers[i].operation != other.readers[i].operation) return false;
    }
    return true;
}

size_t maps_of(const Buffer& buffer, int blocks) {
    return static_cast<size_t>(blocks) * buffer.height * buffer.width * buffer.pitch();
}

}  // namespace

Part& Operation::part_of(int output) {
    for (auto& part : parts) {
        if (output < part.first + part.channels) return part;
    }
    return parts.back();
}

int cuts_of(int channels) {
    return (channels + TILE_OUTPUTS - 1) / TILE_OUTPUTS;
}

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

void Engine::finish() {
    for (auto& operation : operations) {
        const Buffer& input = buffers[operation->read.buffer];
        const auto side = [&](int length) {
            return (length + 2 * operation->padding - operation->kernel) / operation->stride + 1;
        };
        operation->before = {side(input.height), side(input.width), operation->outputs, nullptr};
        for (auto* values : {&operation->mean, &operation->deviation, &operation->scale, &operation->shift,
                             &operation->of_gradient, &operation->of_maps, &operation->constant}) {
            values->resize(operation->outputs);
        }
        operation->packed.resize(operation->weights_of_output() * operation->outputs);
        for (size_t i = 0; i < operation->parts.size(); i++) {
            Part& part = operation->parts[i];
            for (int cut = 0; cut < cuts_of(part.channels); cut++) {
                const int begin = cut_begin(part.channels, cut);
                operation->cuts.push_back(
                    {static_cast<int>(i), part.first + begin, cut_begin(part.channels, cut + 1) - begin});
            }
            for (auto& other : operations) {
                assert(other->read.holds(part.written) || !other->read.overlaps(part.written));
                if (operation->frozen || !other->read.holds(part.written)) continue;
                assert(!other->frozen);
                const size_t weights = static_cast<size_t>(part.channels) * other->outputs * other->taps();
                part.readers.push_back(
                    {other.get(), part.written.first - other->read.first, std::vector<float>(weights)});
            }
        }
    }
    for (int last = static_cast<int>(operations.size()) - 1; last >= 0;) {
        Group group;
        const Operation& later = *operations[last];
        do {
            group.push_back(operations[last--].get());
        } while (last >= 0 && same_readers(later, *operations[last]));
        if (!later.frozen) groups.push_back(group);
    }
    incoming.resize(buffers.size());
    for (const auto& slice : exports) {
        Incoming& from = incoming[slice.buffer];
        const Buffer& buffer = buffers[slice.buffer];
        const int before = from.gradients.channels ? from.first : slice.first;
        const int end =
            std::max(from.gradients.channels ? from.first + from.gradients.channels : 0, slice.first + slice.channels);
        from.first = std::min(before, slice.first);
        from.gradients = {buffer.height, buffer.width, end - from.first, nullptr};
    }
    // Whole parts, so that a tile has gradients from outside for all of its outputs or for none
    for (const auto& operation : operations) {
        for (const auto& part : operation->parts) {
            Incoming& from = incoming[part.written.buffer];
            const Slice covered{part.written.buffer, from.first, from.gradients.channels};
            if (!covered.channels || !covered.overlaps(part.written)) continue;
            const int end = std::max(covered.first + covered.channels, part.written.first + part.channels);
            from.first = std::min(covered.first, part.written.first);
            from.gradients.channels = end - from.first;
        }
    }
}

bool Engine::set_batch(int count, bool training) {
    images = count;
    blocks = (count + IMAGES - 1) / IMAGES;
    for (int i = 0; i < IMAGES; i++) {
        real[i] = (blocks - 1) * IMAGES + i < count ? 1.0F : 0.0F;
        ones[i] = 1.0F;
    }
    if (blocks <= room && (room_for_training || !training)) return true;
    room = std::max(room, blocks);
    room_for_training = room_for_training || training;
    if (lay_out()) return true;
    room = 0;
    return false;
}

bool Engine::lay_out() {
    std::vector<std::pair<float**, size_t>> wanted;
    for (auto& buffer : buffers) wanted.emplace_back(&buffer.maps, maps_of(buffer, room));
    if (room_for_training) {
        size_t most_rows = 0;
        size_t most_maps = 0;
        for (auto& operation : operations) {
            if (!operation->frozen) wanted.emplace_back(&operation->before.maps, maps_of(operation->before, room));
        }
        for (const auto& group : groups) {
            size_t rows = 0;
            size_t maps = 0;
            for (const auto* operation : group) {
                const size_t of_rows = static_cast<size_t>(room) * operation->before.height * operation->outputs;
                rows += of_rows * LANES;
                maps += of_rows * operation->before.width * IMAGES;
            }
            most_rows = std::max(most_rows, rows);
            most_maps = std::max(most_maps, maps);
        }
        wanted.emplace_back(&sums, most_rows);
        wanted.emplace_back(&products, most_rows);
        wanted.emplace_back(&gathered, most_maps);
        for (auto& from : incoming) {
            if (from.gradients.channels) wanted.emplace_back(&from.gradients.maps, maps_of(from.gradients, room));
        }
    }
    size_t bytes = 0;
    for (const auto& [where, floats] : wanted) bytes += Arena::room_for(floats);
    if (!arena.acquire(bytes)) return false;
    for (const auto& [where, floats] : wanted) *where = arena.take(floats);
    return true;
}

}  // namespace overthink
