#include "packing.hpp"

#include <cmath>

#include "tiles.hpp"

namespace overthink {

namespace {

constexpr int TASKS_OF_A_PIECE = 8;

// Weights of some of a part's outputs; where `reader` is given, of that reader on the way back to them.
struct Task {
    Operation* operation;
    Part* part;
    Reader* reader;
    int first;  // among the part's channels
    int count;
};

// [tap][output]
void pack_depthwise(const Task& task, bool folded) {
    Operation& operation = *task.operation;
    const int taps = operation.taps();
    for (int output = task.first; output < task.first + task.count; output++) {
        const float factor = folded ? operation.scale[output] : 1.0F;
        for (int tap = 0; tap < taps; tap++) {
            operation.packed[static_cast<size_t>(tap) * operation.outputs + output] =
                task.part->weight[static_cast<size_t>(output) * taps + tap] * factor;
        }
    }
}

// [tap][input][count outputs]
template <int count>
void pack_forward(const Task& task, bool folded) {
    const Operation& operation = *task.operation;
    const int taps = operation.taps();
    const int inputs = operation.read.channels;
    const size_t weights = operation.weights_of_output();
    const int first = task.part->first + task.first;
    const float* from = task.part->weight + task.first * weights;
    float* to = task.operation->packed.data() + first * weights;
    float factors[count];
    for (int i = 0; i < count; i++) factors[i] = folded ? operation.scale[first + i] : 1.0F;
    for (int tap = 0; tap < taps; tap++) {
        for (int input = 0; input < inputs; input++) {
            const float* weight = from + static_cast<size_t>(input) * taps + tap;
            for (int i = 0; i < count; i++) *to++ = weight[i * weights] * factors[i];
        }
    }
}

// [tap][output of the reader's operation][count of its inputs]. What balances gradients among readers is folded in.
template <int count>
void pack_backward(const Task& task) {
    const Operation& operation = *task.reader->operation;
    const int taps = operation.taps();
    const float gain = operation.gain / task.part->gain;
    const size_t of_tap = static_cast<size_t>(operation.outputs) * count;
    float* packed = task.reader->packed.data() + task.first * static_cast<size_t>(taps) * operation.outputs;
    for (const auto& part : operation.parts) {
        for (int output = 0; output < part.channels; output++) {
            const float* from = part.weight + output * operation.weights_of_output();
            from += static_cast<size_t>(task.reader->first + task.first) * taps;
            float* to = packed + static_cast<size_t>(part.first + output) * count;
            for (int tap = 0; tap < taps; tap++) {
                for (int i = 0; i < count; i++) to[tap * of_tap + i] = from[i * taps + tap] * gain;
            }
        }
    }
}

void fold_batch_norm(Operation& operation) {
    for (const auto& part : operation.parts) {
        for (int i = 0; i < part.channels; i++) {
            const float scale = part.gamma[i] / std::sqrt(part.running_variance[i] + operation.epsilon);
            operation.scale[part.first + i] = scale;
            operation.shift[part.first + i] = part.beta[i] - part.running_mean[i] * scale;
        }
    }
}

}  // namespace

void pack_weights(Engine& engine, bool training) {
    std::vector<Task> tasks;
    for (auto& operation : engine.operations) {
        const bool is_pooling = operation->is_pooling();
        if (!is_pooling && (!training || operation->frozen)) fold_batch_norm(*operation);
        for (auto& part : operation->parts) {
            for (int cut = 0; cut < cuts_of(part.channels); cut++) {
                const int first = cut_begin(part.channels, cut);
                const int count = cut_begin(part.channels, cut + 1) - first;
                if (!is_pooling) tasks.push_back({operation.get(), &part, nullptr, first, count});
                if (!training) continue;
                for (auto& reader : part.readers) tasks.push_back({operation.get(), &part, &reader, first, count});
            }
        }
    }
    const int count = static_cast<int>(tasks.size());
    engine.threads.run((count + TASKS_OF_A_PIECE - 1) / TASKS_OF_A_PIECE, [&](int piece) {
        const int end = std::min(count, (piece + 1) * TASKS_OF_A_PIECE);
        for (int i = piece * TASKS_OF_A_PIECE; i < end; i++) {
            const bool is_folded = !training || tasks[i].operation->frozen;
            if (tasks[i].operation->kind == Kind::depthwise && !tasks[i].reader) {
                pack_depthwise(tasks[i], is_folded);
                continue;
            }
            with_count<TILE_OUTPUTS>(tasks[i].count, [&](auto outputs) {
                if (tasks[i].reader) {
                    pack_backward<outputs>(tasks[i]);
                } else {
                    pack_forward<outputs>(tasks[i], is_folded);
                }
            });
        }
    });
}

}  // namespace overthink
