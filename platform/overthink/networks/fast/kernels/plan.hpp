// The plan of a network: buffers of maps, the operations that read and write them, and the memory for a batch.
//
// An operation is one or more convolutions (parts) of one kernel, stride and input, each with its BatchNorm and ReLU; or
// a depthwise convolution or a pooling, of one part. A part writes a slice of a buffer's channels. Python checks every
// number before it arrives here.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

#include "arena.hpp"
#include "threads.hpp"
#include "vectors.hpp"

namespace overthink {

// Maps of all blocks of images. A row is one line of one block: block * height + h.
struct Buffer {
    int height = 0;
    int width = 0;
    int channels = 0;
    float* maps = nullptr;

    // From one position to the next: an odd number of channels, lest all positions fall into the same cache sets.
    size_t pitch() const { return static_cast<size_t>(channels | 1) * IMAGES; }
    size_t floats_of_block() const { return static_cast<size_t>(height) * width * pitch(); }

    float* at(size_t row, int column, int channel) const {
        return maps + (row * width + column) * pitch() + static_cast<size_t>(channel) * IMAGES;
    }
};

struct Slice {
    int buffer;
    int first;
    int channels;

    bool holds(const Slice& other) const {
        return buffer == other.buffer && first <= other.first && other.first + other.channels <= first + channels;
    }
    bool overlaps(const Slice& other) const {
        return buffer == other.buffer && first < other.first + other.channels && other.first < first + channels;
    }
};

struct Operation;

// An operation that reads a part's maps: where they begin among its inputs, and its weights for the way back.
struct Reader {
    Operation* operation;
    int first;
    std::vector<float> packed;
};

struct Part {
    int first;  // among the operation's outputs
    int channels;
    int first_cut;  // among the operation's cuts, and how many are the part's
    int cuts;
    Slice written;
    float gain;
    const float* weight;
    float* weight_gradient;
    const float* gamma;
    const float* beta;
    float* gamma_gradient;
    float* beta_gradient;
    float* running_mean;
    float* running_variance;
    std::vector<Reader> readers;
    Slice shortcut{-1, 0, 0};  // maps that are added before the ReLU; buffer -1: none
    bool is_linear = false;    // no ReLU

    bool has_shortcut() const { return shortcut.buffer >= 0; }
};

// Outputs of one part that a tile computes together.
struct Cut {
    int part;
    int first;  // among the operation's outputs
    int count;
};

// The kinds but the first compute each channel from one channel alone. The gradients of the maps that they read are not
// gathered by the operation that wrote these, but handed back by them.
enum class Kind { convolution, depthwise, largest, mean };

struct Operation {
    Kind kind = Kind::convolution;
    int stage = 0;
    int kernel;
    int stride;
    int padding;
    Slice read;
    float momentum;
    float epsilon;
    bool frozen;
    float gain;

    int outputs = 0;
    std::vector<Part> parts;
    std::vector<Cut> cuts;
    // Maps before BatchNorm; on the way back their gradients take their place. Of a pooling by the largest: which tap it
    // is.
    Buffer before;

    std::vector<float> packed;
    std::vector<float> mean;
    std::vector<float> deviation;  // its reciprocal
    std::vector<float> scale;      // BatchNorm as scale * before + shift
    std::vector<float> shift;
    std::vector<float> of_gradient;  // BatchNorm's way back as of_gradient * gradient + of_maps * before + constant
    std::vector<float> of_maps;
    std::vector<float> constant;

    // [row][output][lane]: sums for BatchNorm, of maps on the way forward, of gradients on the way back
    float* sums = nullptr;
    float* products = nullptr;
    float* gathered = nullptr;  // [position][output][image]: gradients of the maps after BatchNorm
    std::vector<float> weight_sums;
    std::atomic<int> weight_pieces{0};  // that are not added up yet

    int taps() const { return kernel * kernel; }
    int rows(int blocks) const { return blocks * before.height; }
    float* sums_of(float* all, int row, int output) const {
        return all + (static_cast<size_t>(row) * outputs + output) * LANES;
    }
    size_t weights_of_output() const {
        return static_cast<size_t>(taps()) * (kind == Kind::depthwise ? 1 : read.channels);
    }
    bool is_pooling() const { return kind == Kind::largest || kind == Kind::mean; }
    bool hands_back() const { return kind != Kind::convolution && !frozen; }
    Part& part_of(int output);
};

// Operations that do not depend on each other and are computed at the same time.
using Level = std::vector<Operation*>;

// Gradients for the channels [first, first + channels) of a buffer that are not gathered from readers: of maps that are
// handed out, of shortcuts, and what operations hand back.
struct Incoming {
    int first = 0;
    Buffer gradients;

    // Null where `channel` of the buffer is not covered
    float* at(size_t row, int column, int channel) const {
        const bool is_covered = channel >= first && channel < first + gradients.channels;
        return is_covered ? gradients.at(row, column, channel - first) : nullptr;
    }

    bool overlaps(const Slice& slice) const {
        return Slice{slice.buffer, first, gradients.channels}.overlaps(slice) && gradients.channels > 0;
    }
};

// Maps that are handed out when a stage is done.
struct Export {
    Slice slice;
    int stage;
};

struct Engine {
    explicit Engine(int count) : threads(count) {}

    Threads threads;
    std::vector<Buffer> buffers;
    std::vector<std::unique_ptr<Operation>> operations;
    std::vector<Export> exports;
    int stages = 1;
    int stage = 0;  // the one that was computed last
    std::vector<Level> forward;      // in the order of the forward pass
    std::vector<Level> backward;     // in the order of the backward pass
    std::vector<Incoming> incoming;  // one a buffer

    int images = 0;  // of the batch
    int blocks = 0;
    Arena arena;
    int room = 0;  // blocks that the memory is for
    bool room_for_training = false;

    alignas(64) float real[IMAGES];  // 1 for an image of the last block, 0 for its padding
    alignas(64) float ones[IMAGES];

    bool padded() const { return images % IMAGES != 0; }
    bool is_padded(size_t row, int height) const { return padded() && static_cast<int>(row / height) == blocks - 1; }
    const float* shortcut_of(const Part& part, size_t row, int column, int channel) const {
        if (!part.has_shortcut()) return nullptr;
        return buffers[part.shortcut.buffer].at(row, column, part.shortcut.first + channel);
    }
    double positions(const Buffer& maps) const { return static_cast<double>(maps.height) * maps.width * images; }

    void finish();  // after the last part and export
};

// Cuts `channels` into as few and as equal numbers of at most TILE_OUTPUTS as possible: a thin rest would be slow.
int cuts_of(int channels);
inline int cut_begin(int channels, int cut) {
    return channels * cut / cuts_of(channels);
}

}  // namespace overthink
