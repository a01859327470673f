#include "moving.hpp"

namespace overthink {

namespace {

bool is_read_later(const Engine& engine, const Slice& slice) {
    for (const auto& operation : engine.operations) {
        if (operation->stage <= engine.stage) continue;
        if (operation->read.overlaps(slice)) return true;
        for (const auto& part : operation->parts) {
            if (part.shortcut.overlaps(slice)) return true;
        }
    }
    const auto hands_out = [&](const Export& one) { return one.stage > engine.stage && one.slice.overlaps(slice); };
    return std::any_of(engine.exports.begin(), engine.exports.end(), hands_out);
}

std::vector<Slice> needed_later(const Engine& engine) {
    std::vector<Slice> found;
    const Slice images{0, 0, engine.buffers[0].channels};
    if (is_read_later(engine, images)) found.push_back(images);
    for (const auto& operation : engine.operations) {
        if (operation->stage > engine.stage) continue;
        for (const auto& part : operation->parts) {
            if (is_read_later(engine, part.written)) found.push_back(part.written);
        }
    }
    return found;
}

}  // namespace

void move_images(Engine& engine, int count, const int from[], const int to[]) {
    for (const auto& slice : needed_later(engine)) {
        const Buffer& maps = engine.buffers[slice.buffer];
        const size_t of_block = maps.floats_of_block();
        engine.threads.run(maps.height, [&](int line) {
            for (int column = 0; column < maps.width; column++) {
                float* position = maps.at(line, column, slice.first);
                for (int i = 0; i < count; i++) {
                    const float* source = position + from[i] / IMAGES * of_block + from[i] % IMAGES;
                    float* target = position + to[i] / IMAGES * of_block + to[i] % IMAGES;
                    for (int channel = 0; channel < slice.channels; channel++) {
                        target[channel * IMAGES] = source[channel * IMAGES];
                    }
                }
            }
        });
    }
}

}  // namespace overthink
