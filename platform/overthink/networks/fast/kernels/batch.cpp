#include "batch.hpp"

#include <utility>

#include "schedule.hpp"

namespace overthink {

namespace {

// How many floats are wanted, and where their address goes.
using Wanted = std::vector<std::pair<float**, size_t>>;

size_t floats_of(const Buffer& buffer, int blocks) {
    return blocks * buffer.floats_of_block();
}

void want_for_training(Engine& engine, Wanted& wanted) {
    for (auto& operation : engine.operations) {
        if (operation->frozen) continue;
        if (operation->kind == Kind::mean) continue;
        wanted.emplace_back(&operation->before.maps, floats_of(operation->before, engine.room));
        if (operation->is_pooling()) continue;
        const size_t sums = static_cast<size_t>(operation->rows(engine.room)) * operation->outputs * LANES;
        wanted.emplace_back(&operation->sums, sums);
        wanted.emplace_back(&operation->products, sums);
    }
    for (auto& from : engine.incoming) {
        if (from.gradients.channels) wanted.emplace_back(&from.gradients.maps, floats_of(from.gradients, engine.room));
    }
}

size_t floats_of_gathered(const Engine& engine, const Operation& operation) {
    return static_cast<size_t>(operation.rows(engine.room)) * operation.before.width * operation.outputs * IMAGES;
}

// All levels gather in the same memory, one after the other.
size_t most_gathered(const Engine& engine) {
    size_t most = 0;
    for (const auto& level : engine.backward) {
        size_t floats = 0;
        for (const auto* operation : level) floats += floats_of_gathered(engine, *operation);
        most = std::max(most, floats);
    }
    return most;
}

bool lay_out(Engine& engine) {
    schedule(engine);
    float* gathered = nullptr;
    Wanted wanted;
    for (auto& buffer : engine.buffers) wanted.emplace_back(&buffer.maps, floats_of(buffer, engine.room));
    if (engine.room_for_training) {
        want_for_training(engine, wanted);
        wanted.emplace_back(&gathered, most_gathered(engine));
    }
    size_t bytes = 0;
    for (const auto& [address, floats] : wanted) bytes += Arena::room_for(floats);
    if (!engine.arena.acquire(bytes)) return false;
    for (const auto& [address, floats] : wanted) *address = engine.arena.take(floats);
    for (const auto& level : engine.backward) {
        float* next = gathered;
        for (auto* operation : level) {
            operation->gathered = next;
            next += engine.room_for_training ? floats_of_gathered(engine, *operation) : 0;
        }
    }
    return true;
}

}  // namespace

bool set_batch(Engine& engine, int count, bool training) {
    engine.images = count;
    engine.blocks = (count + IMAGES - 1) / IMAGES;
    for (int i = 0; i < IMAGES; i++) {
        engine.real[i] = (engine.blocks - 1) * IMAGES + i < count ? 1.0F : 0.0F;
        engine.ones[i] = 1.0F;
    }
    if (engine.blocks <= engine.room && (engine.room_for_training || !training)) return true;
    engine.room = std::max(engine.room, engine.blocks);
    engine.room_for_training = engine.room_for_training || training;
    if (lay_out(engine)) return true;
    engine.room = 0;
    return false;
}

}  // namespace overthink
