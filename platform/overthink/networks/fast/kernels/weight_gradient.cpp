#include "weight_gradient.hpp"

#include <array>
#include <utility>

#include "tiles.hpp"

namespace overthink {

namespace {

constexpr int MOST_POSITIONS = 16;
constexpr int SUMS_OF_A_TILE = GRADIENT_OUTPUTS * GRADIENT_INPUTS;

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

    std::vector<int> input_begins;
    std::vector<int> output_begins;

    explicit Cutting(const Operation& operation, int blocks) {
        const int most_positions = operation.taps() == 1 ? MOST_POSITIONS / 2 : MOST_POSITIONS;
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
        for (int tile = 0; tile <= input_tiles; tile++) input_begins.push_back(inputs * tile / input_tiles);
        for (int tile = 0; tile <= output_tiles; tile++) output_begins.push_back(outputs * tile / output_tiles);
    }

    int pieces() const { return input_groups * output_groups * row_groups; }
    int first_input(int tile) const { return input_begins[tile]; }
    int first_output(int tile) const { return output_begins[tile]; }
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
    const float* gradients[MOST_POSITIONS];
    const float* maps[MOST_POSITIONS];
    int count;
};

using Outer = void (*)(const float* const*, const float* const*, int, size_t, size_t, Sum*);

template <int... number>
constexpr std::array<Outer, sizeof...(number)> outer_products(std::integer_sequence<int, number...>) {
    return {outer_product<number / GRADIENT_INPUTS + 1, number % GRADIENT_INPUTS + 1>...};
}

// For every number of outputs and inputs of a tile
constexpr auto OUTER_PRODUCTS = outer_products(std::make_integer_sequence<int, SUMS_OF_A_TILE>{});

// Kept from piece to piece: allocating them anew takes 5 % of a training step.
thread_local std::vector<Pairs> pairs_of_thread;
thread_local std::vector<Sum> sums_of_thread;

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
          pairs(pairs_of_thread),
          sums(sums_of_thread) {
        const size_t tiles = static_cast<size_t>(output_tiles.size()) * cutting.taps * input_tiles.size();
        sums.assign(tiles * SUMS_OF_A_TILE, Sum{});
        pairs.resize(cutting.taps);
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

    // Writes the gradients [input][tap] of each output of the piece to where `place` says.
    template <class Place>
    void write(const Place& place) {
        for (int output_tile = output_tiles.begin; output_tile < output_tiles.end; output_tile++) {
            const int first_output = cutting.first_output(output_tile);
            for (int output = first_output; output < cutting.first_output(output_tile + 1); output++) {
                for (int input_tile = input_tiles.begin; input_tile < input_tiles.end; input_tile++) {
                    float* to = place(output) + static_cast<size_t>(cutting.first_input(input_tile)) * cutting.taps;
                    write(to, output_tile, output - first_output, input_tile);
                }
            }
        }
    }

  private:
    void write(float* to, int output_tile, int output, int input_tile) {
        const int inputs = cutting.first_input(input_tile + 1) - cutting.first_input(input_tile);
        const Sum* sums = sums_of(output_tile, 0, input_tile) + output * inputs;
        const size_t of_tap = static_cast<size_t>(input_tiles.size()) * SUMS_OF_A_TILE;
        for (int input = 0; input < inputs; input++) {
            for (int tap = 0; tap < cutting.taps; tap++) *to++ = sum_of_lanes(sums[tap * of_tap + input].lanes);
        }
    }

    void collect(int tap, int first_row, int first_column) {
        Pairs& of_tap = pairs[tap];
        of_tap.count = 0;
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
                of_tap.gradients[of_tap.count] = output.at(row, column, 0);
                of_tap.maps[of_tap.count++] = input.at(block * input.height + y, x, operation.read.first);
            }
        }
    }

    void add_up(int output_tile) {
        const int output = cutting.first_output(output_tile);
        const int outputs = cutting.first_output(output_tile + 1) - output;
        for (int tap = 0; tap < cutting.taps; tap++) {
            const Pairs& of_tap = pairs[tap];
            for (int input_tile = input_tiles.begin; of_tap.count && input_tile < input_tiles.end; input_tile++) {
                const int input = cutting.first_input(input_tile);
                const int inputs = cutting.first_input(input_tile + 1) - input;
                const bool is_middle = tap % operation.kernel == operation.padding;
                if (cutting.taps > 1 && output_tile == output_tiles.begin && is_middle) prefetch(of_tap, input, inputs);
                const Outer compute = OUTER_PRODUCTS[(outputs - 1) * GRADIENT_INPUTS + inputs - 1];
                compute(of_tap.gradients, of_tap.maps, of_tap.count, output, input,
                        sums_of(output_tile, tap, input_tile));
            }
        }
    }

    void prefetch(const Pairs& of_tap, int input, int inputs) const {
        for (int i = 0; i < of_tap.count; i++) {
            const float* next = of_tap.maps[i] + ahead + input * IMAGES;
            for (int at = 0; at < inputs * IMAGES; at += CACHE_LINE) __builtin_prefetch(next + at, 0, 2);
        }
    }

    Sum* sums_of(int output_tile, int tap, int input_tile) {
        const size_t outer = static_cast<size_t>(output_tile - output_tiles.begin) * cutting.taps + tap;
        const size_t tile = outer * input_tiles.size() + input_tile - input_tiles.begin;
        return sums.data() + tile * SUMS_OF_A_TILE;
    }

    const Operation& operation;
    const Cutting& cutting;
    const Buffer& input;
    Range rows;
    Range output_tiles;
    Range input_tiles;
    size_t ahead;
    std::vector<Pairs>& pairs;
    std::vector<Sum>& sums;
};

float* gradient_of(Operation& operation, int output) {
    const Part& part = operation.part_of(output);
    return part.weight_gradient + (output - part.first) * operation.weights_of_output();
}

// Of a tap of a depthwise convolution: sums over a row of outputs, which are added up in double precision
double depthwise_gradient(const Engine& engine, const Operation& operation, int channel, int tap) {
    const Buffer& output = operation.before;
    const Buffer& input = engine.buffers[operation.read.buffer];
    const int down = tap / operation.kernel - operation.padding;
    const int right = tap % operation.kernel - operation.padding;
    double sum = 0;
    for (int row = 0; row < operation.rows(engine.blocks); row++) {
        const int y = row % output.height * operation.stride + down;
        if (y < 0 || y >= input.height) continue;
        const size_t row_of_input = static_cast<size_t>(row / output.height) * input.height + y;
        Vector of_row[TILE_VECTORS] = {};
        for (int column = 0; column < output.width; column++) {
            const int x = column * operation.stride + right;
            if (x < 0 || x >= input.width) continue;
            const float* gradients = output.at(row, column, channel);
            const float* maps = input.at(row_of_input, x, operation.read.first + channel);
            for (int image = 0; image < IMAGES; image += TILE_VECTORS * LANES) {
                UNROLL
                for (int v = 0; v < TILE_VECTORS; v++)
                    of_row[v] += load(gradients + image + LANES * v) * load(maps + image + LANES * v);
            }
        }
        for (const auto& lanes : of_row) sum += sum_of_lanes(lanes);
    }
    return sum;
}

Work depthwise_gradients(Engine& engine, Operation& operation) {
    return {operation.outputs, [&](int channel) {
                float* to = operation.parts[0].weight_gradient + static_cast<size_t>(channel) * operation.taps();
                for (int tap = 0; tap < operation.taps(); tap++)
                    to[tap] = static_cast<float>(depthwise_gradient(engine, operation, channel, tap));
            }};
}

// Row groups are added up in their order, by whoever computed the last of their pieces.
void add_row_groups(Operation& operation, const Cutting& cutting) {
    const size_t of_output = operation.weights_of_output();
    for (int output = 0; output < cutting.outputs; output++) {
        float* to = gradient_of(operation, output);
        for (size_t weight = 0; weight < of_output; weight++) {
            const float* of_group = operation.weight_sums.data() + output * of_output + weight;
            float sum = 0;
            for (int group = 0; group < cutting.row_groups; group++) sum += of_group[group * cutting.weights()];
            to[weight] = sum;
        }
    }
}

}  // namespace

Work weight_gradient(Engine& engine, Operation& operation) {
    if (operation.kind == Kind::depthwise) return depthwise_gradients(engine, operation);
    const Cutting cutting(operation, engine.blocks);
    const bool is_direct = cutting.row_groups == 1;
    if (!is_direct) operation.weight_sums.resize(cutting.weights() * cutting.row_groups);
    operation.weight_pieces = cutting.pieces();
    return {cutting.pieces(), [=, &engine, &operation](int number) {
                Piece piece(engine, operation, cutting, number);
                piece.add_up();
                const size_t of_output = operation.weights_of_output();
                float* of_rows = operation.weight_sums.data() + number % cutting.row_groups * cutting.weights();
                piece.write([&](int output) {
                    return is_direct ? gradient_of(operation, output) : of_rows + output * of_output;
                });
                const bool is_last = operation.weight_pieces.fetch_sub(1, std::memory_order_acq_rel) == 1;
                if (is_last && !is_direct) add_row_groups(operation, cutting);
            }};
}

}  // namespace overthink
