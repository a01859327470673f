#include "plan.hpp"

#include <cassert>

#include "tiles.hpp"

namespace overthink {

namespace {

// Which outputs are computed together: blocks never cross parts.
void cut_outputs(Operation& operation) {
    for (size_t i = 0; i < operation.parts.size(); i++) {
        Part& part = operation.parts[i];
        part.first_cut = static_cast<int>(operation.cuts.size());
        part.cuts = cuts_of(part.channels);
        for (int cut = 0; cut < cuts_of(part.channels); cut++) {
            const int begin = cut_begin(part.channels, cut);
            const int end = cut_begin(part.channels, cut + 1);
            operation.cuts.push_back({static_cast<int>(i), part.first + begin, end - begin});
        }
    }
}

void size(Operation& operation, const Buffer& input) {
    const auto side = [&](int length) {
        return (length + 2 * operation.padding - operation.kernel) / operation.stride + 1;
    };
    operation.before = {side(input.height), side(input.width), operation.outputs, nullptr};
    for (auto* values : {&operation.mean, &operation.deviation, &operation.scale, &operation.shift,
                         &operation.of_gradient, &operation.of_maps, &operation.constant}) {
        values->resize(operation.outputs);
    }
    if (!operation.is_pooling()) operation.packed.resize(operation.weights_of_output() * operation.outputs);
}

// Gradients go the way back through readers, and end at what is frozen.
void find_readers(Part& part, const std::vector<std::unique_ptr<Operation>>& operations) {
    for (const auto& other : operations) {
        if (other->kind != Kind::convolution) continue;  // it hands gradients back
        assert(other->read.holds(part.written) || !other->read.overlaps(part.written));
        if (!other->read.holds(part.written)) continue;
        assert(!other->frozen);
        const size_t weights = static_cast<size_t>(part.channels) * other->outputs * other->taps();
        part.readers.push_back({other.get(), part.written.first - other->read.first, std::vector<float>(weights)});
    }
}

// Widens what is covered to a slice as well.
void cover(Incoming& incoming, const Buffer& buffer, const Slice& slice) {
    const bool is_empty = incoming.gradients.channels == 0;
    const int first = is_empty ? slice.first : std::min(incoming.first, slice.first);
    const int end = std::max(is_empty ? 0 : incoming.first + incoming.gradients.channels, slice.first + slice.channels);
    incoming.first = first;
    incoming.gradients = {buffer.height, buffer.width, end - first, nullptr};
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

void Engine::finish() {
    for (auto& operation : operations) {
        size(*operation, buffers[operation->read.buffer]);
        cut_outputs(*operation);
        if (operation->frozen) continue;
        for (auto& part : operation->parts) find_readers(part, operations);
    }
    incoming.resize(buffers.size());
    for (const auto& one : exports) cover(incoming[one.slice.buffer], buffers[one.slice.buffer], one.slice);
    for (const auto& operation : operations) {
        const Slice& read = operation->read;
        if (operation->hands_back()) cover(incoming[read.buffer], buffers[read.buffer], read);
        for (const auto& part : operation->parts) {
            const Slice& shortcut = part.shortcut;
            if (part.has_shortcut() && !operation->frozen)
                cover(incoming[shortcut.buffer], buffers[shortcut.buffer], shortcut);
        }
    }
    // Whole parts, so that a tile has gradients from outside for all of its outputs or for none
    for (const auto& operation : operations) {
        for (const auto& part : operation->parts) {
            const Slice& written = part.written;
            Incoming& from = incoming[written.buffer];
            if (from.overlaps(written)) cover(from, buffers[written.buffer], written);
        }
    }
}

}  // namespace overthink
