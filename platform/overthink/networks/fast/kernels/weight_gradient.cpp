#include "weight_gradient.hpp"

#include "tiles.hpp"

namespace overthink {

namespace {

// How the work is cut: into pieces for the threads, and these into tiles of outputs x inputs that stay in registers.
// All of it depends on shapes alone, and so does the order of every sum.
struct Cutting {
    int inputs;
    int outputs;
    int taps;
    int rows;
    int input_tiles;
    int output_tiles;
    int input_groups;  // a piece's sums stay in the near cache
    int output_groups;
    int row_groups;  // each has sums of its own, which are added up at the end
    int columns;     // positions that are summed up for one tap before it is the next tap's turn
    int lines;

    explicit Cutting(const Operation& operation, int blocks) {
        const int most_positions = operation.taps() == 1 ? 8 : 16;
        inputs = operation.read.channels;
        outputs = operation.outputs;
        taps = operation.taps();
        rows = blocks * operation.before.height;
        input_tiles = (inputs + GRADIENT_INPUTS - 1) / GRADIENT_INPUTS;
        output_tiles = (outputs + GRADIENT_OUTPUTS - 1) / GRADIENT_OUTPUTS;
        input_groups = taps == 1 ? (input_tiles + 1) / 2 : input_tiles;
        output_groups = taps == 1 ? (output_tiles + 7) / 8 : (output_tiles + 3) / 4;
        row_groups = std::max(1, std::min(rows / 4, 16 / (input_groups * output_groups)));
        columns = std::min(operation.before.width, most_positions);
        lines = std::max(1, most_positions / operation.before.width);
    }

    int pieces() const { return input_groups * output_groups * row_groups; }
    int first_input(int tile) const { return inputs * tile / input_tiles; }
    int first_output(int tile) const { return outputs * tile / output_tiles; }
    size_t weights() const { return static_cast<size_t>(outputs) * inputs * taps; }
};

struct Range {
    int begin;
    int end;

    static Range of(int all, int group, int groups) { return {all * group / groups, all * (group + 1) / groups}; }
    int size() const { return end - begin; }
};

// Pairs of positions, of gradients and of the maps that one tap read for them.
struct Pairs {
    std::vector<const float*> gradients;
    std::vector<const float*> maps;
};

using Outer = void (*)(const float* const*, const float* const*, int, size_t, size_t, Sum*);

Outer outer_of(int outputs, int inputs) {
    Outer found = nullptr;
    with_count<GRADIENT_OUTPUTS>(
        outputs, [&](auto o) { with_count<GRADIENT_INPUTS>(inputs, [&](auto i) { found = outer_product<o, i>; }); });
    return found;
}

// One piece: some rows, outputs and inputs.
class Piece {
  public:
    Piece(const Engine& engine, const Operation& operation, const Cutting& cutting, int number)
        : operation(operation),
          cutting(cutting),
          input(engine.buffers[operation.read.buffer]),
          rows(Range::of(cutting.rows, number % cutting.row_groups, cutting.row_groups)),
          output_tiles(Range::of(cutting.output_tiles, number / cutting.row_groups % cutting.output_groups,
                                 cutting.output_groups)),
          input_tiles(Range::of(cutting.input_tiles, number / cutting.row_groups / cutting.output_groups,
                                cutting.input_groups)),
          pairs(cutting.taps) {
        const size_t tiles = static_cast<size_t>(output_tiles.size()) * cutting.taps * input_tiles.size();
        sums.resize(tiles * GRADIENT_OUTPUTS * GRADIENT_INPUTS);
        const int width = operation.before.width;
        const int positions = width > cutting.columns ? cutting.columns : cutting.lines * input.width;
        ahead = static_cast<size_t>(positions) * operation.stride * input.pitch();
    }

    void add_up() {
        for (int row = rows.begin; row < rows.end; row += cutting.lines) {
            for (int column = 0; column < operation.before.width; column += cutting.columns) {
                for (int tap = 0; tap < cutting.taps; tap++) collect(tap, row, column);
                for (int tile = output_tiles.begin; tile < output_tiles.end; tile++) add_up(tile);
            }
        }
    }

    // Calls write(output, input, tap, gradient) for all weights of the piece.
    template <class Write>
    void write(const Write& write) {
        for (int output_tile = output_tiles.begin; output_tile < output_tiles.end; output_tile++) {
            for (int input_tile = input_tiles.begin; input_tile < input_tiles.end; input_tile++) {
                const int inputs = cutting.first_input(input_tile + 1) - cutting.first_input(input_tile);
                for (int tap = 0; tap < cutting.taps; tap++) {
                    const Sum* sum = sums_of(output_tile, tap, input_tile);
                    for (int output = cutting.first_output(output_tile); output < cutting.first_output(output_tile + 1);
                         output++) {
                        for (int i = 0; i < inputs; i++) {
                            write(output, cutting.first_input(input_tile) + i, tap, sum_of_lanes((sum++)->lanes));
                        }
                    }
                }
            }
        }
    }

  private:
    void collect(int tap, int first_row, int first_column) {
        Pairs& of_tap = pairs[tap];
        of_tap.gradients.clear();
        of_tap.maps.clear();
        const Buffer& output = operation.before;
        const int down = tap / operation.kernel - operation.padding;
        const int right = tap % operation.kernel - operation.padding;
        for (int row = first_row; row < std::min(rows.end, first_row + cutting.lines); row++) {
            const size_t block = row / output.height;
            const int y = row % output.height * operation.stride + down;
            if (y < 0 || y >= input.height) continue;
            for (int column = first_column; column < std::min(output.width, first_column + cutting.columns); column++) {
                const int x = column * operation.stride + right;
                if (x < 0 || x >= input.width) continue;
                of_tap.gradients.push_back(output.at(row, column, 0));
                of_tap.maps.push_back(input.at(block * input.height + y, x, operation.read.first));
            }
        }
    }

    void add_up(int output_tile) {
        const int output = cutting.first_output(output_tile);
        const int outputs = cutting.first_output(output_tile + 1) - output;
        for (int tap = 0; tap < cutting.taps; tap++) {
            const Pairs& of_tap = pairs[tap];
            const int positions = static_cast<int>(of_tap.maps.size());
            for (int input_tile = input_tiles.begin; positions && input_tile < input_tiles.end; input_tile++) {
                const int input = cutting.first_input(input_tile);
                const int inputs = cutting.first_input(input_tile + 1) - input;
                const bool is_middle = tap % operation.kernel == operation.padding;
                if (cutting.taps > 1 && output_tile == output_tiles.begin && is_middle) prefetch(of_tap, input, inputs);
                outer_of(outputs, inputs)(of_tap.gradients.data(), of_tap.maps.data(), positions, output, input,
                                          sums_of(output_tile, tap, input_tile));
            }
        }
    }

    void prefetch(const Pairs& of_tap, int input, int inputs) const {
        for (const float* maps : of_tap.maps) {
            const float* next = maps + ahead + input * IMAGES;
            for (int i = 0; i < inputs * IMAGES; i += CACHE_LINE) __builtin_prefetch(next + i, 0, 2);
        }
    }

    Sum* sums_of(int output_tile, int tap, int input_tile) {
        const size_t outer = static_cast<size_t>(output_tile - output_tiles.begin) * cutting.taps + tap;
        const size_t tile = outer * input_tiles.size() + input_tile - input_tiles.begin;
        return sums.data() + tile * GRADIENT_OUTPUTS * GRADIENT_INPUTS;
    }

    const Operation& operation;
    const Cutting& cutting;
    const Buffer& input;
    Range rows;
    Range output_tiles;
    Range input_tiles;
    size_t ahead;
    std::vector<Pairs> pairs;
    std::vector<Sum> sums;
};

}  // namespace

void weight_gradient(Engine& engine, Operation& operation) {
    const Cutting cutting(operation, engine.blocks);
    const size_t of_output = operation.weights_of_output();
    const auto gradient_of = [&](int output) {
        const Part& part = operation.part_of(output);
        return part.weight_gradient + (output - part.first) * of_output;
    };
    auto& partial = engine.weight_sums;
    if (cutting.row_groups > 1) partial.resize(std::max(partial.size(), cutting.weights() * cutting.row_groups));
    engine.threads.run(cutting.pieces(), [&](int number) {
        Piece piece(engine, operation, cutting, number);
        piece.add_up();
        float* of_rows =
            cutting.row_groups > 1 ? partial.data() + number % cutting.row_groups * cutting.weights() : nullptr;
        piece.write([&](int output, int input, int tap, float gradient) {
            float* to = of_rows ? of_rows + output * of_output : gradient_of(output);
            to[static_cast<size_t>(input) * cutting.taps + tap] = gradient;
        });
    });
    if (cutting.row_groups == 1) return;
    for (int output = 0; output < cutting.outputs; output++) {
        float* to = gradient_of(output);
        for (size_t weight = 0; weight < of_output; weight++) {
            float sum = 0;
            for (int group = 0; group < cutting.row_groups; group++)
                sum += partial[group * cutting.weights() + output * of_output + weight];
            to[weight] = sum;
        }
    }
}

}  // namespace overthink
