// What a position's sum consists of: for each tap, where its maps and its weights lie.
#pragma once

#include "plan.hpp"
#include "tiles.hpp"

namespace overthink {

// The taps of a convolution along a row of its outputs.
class TapsAlongRow {
  public:
    TapsAlongRow(const Operation& operation, const Buffer& input, int block, int h)
        : operation(operation), input(input) {
        first_line = h * operation.stride - operation.padding;
        first_row = static_cast<ptrdiff_t>(block) * input.height + first_line;
        step = operation.stride * input.pitch();
    }

    void move_to(int column) {
        const int left = column * operation.stride - operation.padding;
        const bool is_inside = left >= 0 && left + operation.kernel <= input.width;
        if (is_inside && was_inside) {
            for (int i = 0; i < count; i++) taps[i].maps += step;
        } else {
            collect(left);
        }
        was_inside = is_inside;
    }

    // The weights of outputs [cut.first, cut.first + cut.count); those of a depthwise convolution are [tap][output]
    void point_to_weights(const Cut& cut) {
        if (operation.kind == Kind::depthwise) {
            const float* first = operation.packed.data() + cut.first;
            for (int i = 0; i < count; i++) taps[i].weights = first + number[i] * operation.outputs;
            return;
        }
        const float* weights = operation.packed.data() + cut.first * operation.weights_of_output();
        const size_t of_tap = static_cast<size_t>(operation.read.channels) * cut.count;
        for (int i = 0; i < count; i++) taps[i].weights = weights + number[i] * of_tap;
    }

    const Tap* data() const { return taps.data(); }
    int size() const { return count; }
    int number_of(int tap) const { return number[tap]; }

  private:
    void collect(int left) {
        count = 0;
        for (int down = 0; down < operation.kernel; down++) {
            if (first_line + down < 0 || first_line + down >= input.height) continue;
            for (int right = 0; right < operation.kernel; right++) {
                if (left + right < 0 || left + right >= input.width) continue;
                const float* maps = input.at(first_row + down, left + right, operation.read.first);
                taps[count] = {maps, nullptr, operation.read.channels, static_cast<int>(step)};
                number[count++] = down * operation.kernel + right;
            }
        }
    }

    const Operation& operation;
    const Buffer& input;
    int first_line;
    ptrdiff_t first_row;
    size_t step;
    bool was_inside = false;
    int count = 0;
    std::vector<Tap> taps = std::vector<Tap>(operation.taps());
    std::vector<int> number = std::vector<int>(operation.taps());
};

// Calls found(row of the outputs, column, tap) for each output of an operation that reads the maps at row h and a column
// of a block.
template <class Found>
ALWAYS_INLINE void for_outputs_at(const Operation& operation, int block, int h, int column, const Found& found) {
    const Buffer& to = operation.before;
    for (int down = 0; down < operation.kernel; down++) {
        const int y = h + operation.padding - down;
        if (y < 0 || y % operation.stride || y / operation.stride >= to.height) continue;
        for (int right = 0; right < operation.kernel; right++) {
            const int x = column + operation.padding - right;
            if (x < 0 || x % operation.stride || x / operation.stride >= to.width) continue;
            const size_t row = static_cast<size_t>(block) * to.height + y / operation.stride;
            found(row, x / operation.stride, down * operation.kernel + right);
        }
    }
}

// The taps of all readers of some maps along a row of these maps.
class ReadersAlongRow {
  public:
    ReadersAlongRow(const Part& part, int block, int h) : part(part), block(block), h(h) {
        size_t most = 0;
        for (const auto& reader : part.readers) {
            pointwise = pointwise && reader.operation->kernel == 1;
            most += reader.operation->taps();
        }
        taps.reserve(most);
        origins.reserve(most);
    }

    void move_to(int column) {
        const bool is_inside = inside(column);
        if (is_inside && was_inside) {
            for (auto& tap : taps) tap.maps += tap.ahead;
        } else {
            taps.clear();
            origins.clear();
            for (size_t i = 0; i < part.readers.size(); i++) collect(static_cast<int>(i), column);
        }
        was_inside = is_inside;
    }

    // The weights back to channels [first, first + count) of `other`, a part with the same readers
    void point_to_weights(const Part& other, int first, int count) {
        for (size_t i = 0; i < taps.size(); i++) {
            const Operation& reader = *other.readers[origins[i].reader].operation;
            const size_t row = static_cast<size_t>(first) * reader.taps() + static_cast<size_t>(origins[i].tap) * count;
            taps[i].weights = other.readers[origins[i].reader].packed.data() + row * reader.outputs;
        }
    }

    const Tap* data() const { return taps.data(); }
    int size() const { return static_cast<int>(taps.size()); }
    bool all_pointwise() const { return pointwise; }

  private:
    struct Origin {
        int reader;
        int tap;
    };

    bool inside(int column) const {
        for (const auto& reader : part.readers) {
            const Operation& of = *reader.operation;
            const int right = column + of.padding;
            if (of.stride > 1 || right - of.kernel + 1 < 0 || right >= of.before.width) return false;
        }
        return true;
    }

    void collect(int number, int column) {
        const Operation& reader = *part.readers[number].operation;
        const Buffer& from = reader.before;
        for_outputs_at(reader, block, h, column, [&](size_t row, int x, int tap) {
            taps.push_back({from.at(row, x, 0), nullptr, reader.outputs, static_cast<int>(from.pitch())});
            origins.push_back({number, tap});
        });
    }

    const Part& part;
    int block;
    int h;
    bool pointwise = true;
    bool was_inside = false;
    std::vector<Tap> taps;
    std::vector<Origin> origins;
};

}  // namespace overthink
