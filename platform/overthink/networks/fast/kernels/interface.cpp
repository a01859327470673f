// What Python calls (library.py declares the same). Pointers are to float32, contiguous; numbers were checked there.
#include "batch.hpp"
#include "batch_norm.hpp"
#include "forward.hpp"
#include "gather.hpp"
#include "hand_back.hpp"
#include "moving.hpp"
#include "packing.hpp"
#include "plan.hpp"
#include "pooling.hpp"
#include "sgd.hpp"
#include "weight_gradient.hpp"

#define PUBLIC __attribute__((visibility("default")))

using namespace overthink;

namespace {

// Steps of a level that follow each other, each as one job for all threads.
template <class Step>
void run(Engine& engine, const Level& level, const Step& step) {
    std::vector<Work> works;
    for (auto* operation : level) works.push_back(step(engine, *operation));
    engine.threads.run(works);
}

template <class Condition>
Level those_of(const Level& level, const Condition& condition) {
    Level found;
    std::copy_if(level.begin(), level.end(), std::back_inserter(found),
                 [&](const auto* one) { return condition(*one); });
    return found;
}

void forward(Engine& engine, const Level& level, bool training) {
    run(engine, level, [training](Engine& all, Operation& operation) {
        if (operation.is_pooling()) return pool(all, operation, training);
        const bool is_folded = !training || operation.frozen;
        return is_folded ? convolve_folded(all, operation, training) : convolve_for_training(all, operation);
    });
    if (!training) return;
    const Level learning = those_of(level, [](const Operation& one) { return !one.frozen && !one.is_pooling(); });
    run(engine, learning, take_statistics);
    run(engine, learning, normalise);
}

// The levels of the stage that engine.stage says
void forward(Engine& engine, bool training, float* const maps_of_exports[]) {
    for (const auto& level : engine.forward) {
        if (level[0]->stage == engine.stage) forward(engine, level, training);
    }
    copy_exports(engine, maps_of_exports);
}

// `late` are the weight gradients of the level before: they fill the time at the end of this one's first job.
void backward(Engine& engine, const Level& level, std::vector<Work>& late) {
    for (const auto& parts : sources_of(level)) late.push_back(gather(engine, parts));
    engine.threads.run(late);
    const Level learning = those_of(level, [](const Operation& one) { return !one.is_pooling(); });
    run(engine, learning, take_gradients_of_statistics);
    run(engine, learning, normalise_backward);
    run(engine, those_of(level, [](const Operation& one) { return one.hands_back(); }), hand_back);
    late.clear();
    for (auto* operation : learning) late.push_back(weight_gradient(engine, *operation));
}

}  // namespace

extern "C" {

PUBLIC Engine* engine_new(int threads) {
    return new Engine(threads);
}

PUBLIC void engine_free(Engine* engine) {
    delete engine;
}

PUBLIC void engine_threads(Engine* engine, int threads) {
    engine->threads.resize(threads);
}

// Returns the buffer's number, from 0; buffer 0 takes the images.
PUBLIC int engine_buffer(Engine* engine, int height, int width, int channels) {
    engine->buffers.push_back({height, width, channels, nullptr});
    return static_cast<int>(engine->buffers.size()) - 1;
}

// What is added from here on belongs to the next stage. Only a plan of one stage can be trained.
PUBLIC void engine_stage(Engine* engine) {
    engine->stages++;
}

// Reads channels [first, first + channels) of a buffer. Returns the operation's number, from 0.
PUBLIC int engine_operation(Engine* engine, int kernel, int stride, int padding, int buffer, int first, int channels,
                            float momentum, float epsilon, int frozen, float read_gain) {
    auto operation = std::make_unique<Operation>();
    operation->stage = engine->stages - 1;
    operation->kernel = kernel;
    operation->stride = stride;
    operation->padding = padding;
    operation->read = {buffer, first, channels};
    operation->momentum = momentum;
    operation->epsilon = epsilon;
    operation->frozen = frozen;
    operation->gain = read_gain;
    engine->operations.push_back(std::move(operation));
    return static_cast<int>(engine->operations.size()) - 1;
}

// Pointers: weight, its gradient, gamma, beta, gamma's gradient, beta's gradient, running mean, running variance. The
// kernels write gradients and running statistics alone; gradients are null where the operation is frozen.
PUBLIC void engine_part(Engine* engine, int operation, int channels, int buffer, int first, float written_gain,
                        float* const pointers[8]) {
    Operation& of = *engine->operations[operation];
    of.parts.push_back({
        .first = of.outputs,
        .channels = channels,
        .first_cut = 0,
        .cuts = 0,
        .written = {buffer, first, channels},
        .gain = written_gain,
        .weight = pointers[0],
        .weight_gradient = pointers[1],
        .gamma = pointers[2],
        .beta = pointers[3],
        .gamma_gradient = pointers[4],
        .beta_gradient = pointers[5],
        .running_mean = pointers[6],
        .running_variance = pointers[7],
        .readers = {},
    });
    of.outputs += channels;
}

// Adds channels [first, first + its channels) of a buffer to the operation's last part before its ReLU. No other part's
// shortcut may overlap them.
PUBLIC void engine_shortcut(Engine* engine, int operation, int buffer, int first) {
    Part& part = engine->operations[operation]->parts.back();
    part.shortcut = {buffer, first, part.channels};
}

// The operation's convolution, its only part, is depthwise: each output reads the one channel of its number.
PUBLIC void engine_depthwise(Engine* engine, int operation) {
    engine->operations[operation]->kind = Kind::depthwise;
}

// The operation's last part has no ReLU.
PUBLIC void engine_linear(Engine* engine, int operation) {
    engine->operations[operation]->parts.back().is_linear = true;
}

// Pooling of `channels` channels of a buffer into those of another: by the largest, or by the mean over all taps, padding
// included. `frozen`: no gradient goes back.
PUBLIC void engine_pool(Engine* engine, int kernel, int stride, int padding, int buffer, int first, int channels,
                        int to_buffer, int to_first, int is_mean, int frozen) {
    const int number = engine_operation(engine, kernel, stride, padding, buffer, first, channels, 0, 0, frozen, 1);
    float* const nothing[8] = {};
    engine_part(engine, number, channels, to_buffer, to_first, 1, nothing);
    engine_linear(engine, number);
    engine->operations[number]->kind = is_mean ? Kind::mean : Kind::largest;
}

// Maps that are handed out, in the order of calls.
PUBLIC void engine_export(Engine* engine, int buffer, int first, int channels) {
    engine->exports.push_back({{buffer, first, channels}, engine->stages - 1});
}

PUBLIC void engine_finish(Engine* engine) {
    engine->finish();
}

// Packs weights: before each training step, and once before an evaluation.
PUBLIC void engine_prepare(Engine* engine, int training) {
    pack_weights(*engine, training);
}

// Images (B, K, H, W) to the maps that the first stage exports, each (B, F, H, W). Returns 0 where there is no memory for
// the batch, else 1.
PUBLIC int engine_forward(Engine* engine, const float* images, int count, int training,
                          float* const maps_of_exports[]) {
    if (!set_batch(*engine, count, training)) return 0;
    copy_images(*engine, images);
    engine->stage = 0;
    forward(*engine, training, maps_of_exports);
    return 1;
}

// The maps that the next stage exports, of the images that are left, in evaluation.
PUBLIC void engine_next(Engine* engine, float* const maps_of_exports[]) {
    engine->stage++;
    forward(*engine, false, maps_of_exports);
}

// Moves images between stages of an evaluation: the one in place from[i] to place to[i], for i < moved. Then only places
// 0 to left - 1 are computed and handed out.
PUBLIC void engine_move(Engine* engine, int moved, const int from[], const int to[], int left) {
    move_images(*engine, moved, from, to);
    set_batch(*engine, left, false);
}

// Gradients of the exported maps, each (B, F, H, W) or null for zero, of the last training forward.
PUBLIC void engine_backward(Engine* engine, const float* const gradients_of_exports[]) {
    take_gradients(*engine, gradients_of_exports);
    std::vector<Work> late;
    for (const auto& level : engine->backward) backward(*engine, level, late);
    engine->threads.run(late);
}

PUBLIC void engine_sgd(Engine* engine, int count, const int64_t sizes[], float* const weights[],
                       const float* const gradients[], float* const momenta[], float lr, float momentum, float decay,
                       int first) {
    descend(engine->threads, count, sizes, weights, gradients, momenta, {lr, momentum, decay, first != 0});
}

}  // extern "C"
