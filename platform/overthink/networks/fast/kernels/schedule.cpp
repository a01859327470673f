#include "schedule.hpp"

namespace overthink {

namespace {

constexpr size_t MOST_FLOATS_OF_A_LEVEL = 1 << 20;

bool have_same_readers(const Part& one, const Part& other) {
    if (one.written.buffer != other.written.buffer || one.readers.size() != other.readers.size()) return false;
    for (size_t i = 0; i < one.readers.size(); i++) {
        if (one.readers[i].operation != other.readers[i].operation) return false;
    }
    return true;
}

bool reads_from(const Operation& reader, const Operation& writer) {
    for (const auto& written : writer.parts) {
        if (reader.read.overlaps(written.written)) return true;
        for (const auto& part : reader.parts) {
            if (part.shortcut.overlaps(written.written)) return true;
        }
    }
    return false;
}

// Whether both add to the gradients of the same maps, which has an order then.
bool hand_back_together(const Operation& one, const Operation& other) {
    if (one.frozen || other.frozen) return false;
    for (const auto& part : one.parts) {
        if (other.hands_back() && part.shortcut.overlaps(other.read)) return true;
        for (const auto& of_other : other.parts) {
            if (part.has_shortcut() && part.shortcut.overlaps(of_other.shortcut)) return true;
        }
    }
    for (const auto& of_other : other.parts) {
        if (one.hands_back() && of_other.shortcut.overlaps(one.read)) return true;
    }
    return one.hands_back() && other.hands_back() && one.read.overlaps(other.read);
}

// Operations by depth, and large ones of the same depth apart, except neighbours whose gradients are gathered together.
// Depths are those of engine.operations.
std::vector<Level> levels_of(const Engine& engine, const std::vector<int>& depths) {
    std::vector<Level> levels;
    const int deepest = *std::max_element(depths.begin(), depths.end());
    for (int depth = 0; depth <= deepest; depth++) {
        size_t floats = 0;
        Level level;
        for (size_t i = 0; i < depths.size(); i++) {
            if (depths[i] != depth) continue;
            Operation& operation = *engine.operations[i];
            const size_t more = engine.room * operation.before.floats_of_block();
            const bool is_neighbour = !level.empty() && have_same_readers(level.back()->parts[0], operation.parts[0]);
            if (!level.empty() && !is_neighbour && floats + more > MOST_FLOATS_OF_A_LEVEL) {
                levels.push_back(level);
                level.clear();
                floats = 0;
            }
            level.push_back(&operation);
            floats += more;
        }
        if (!level.empty()) levels.push_back(level);
    }
    return levels;
}

}  // namespace

void schedule(Engine& engine) {
    const auto& operations = engine.operations;
    const size_t count = operations.size();
    std::vector<int> depths(count, 0);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            const bool is_later = operations[i]->stage > operations[j]->stage;
            if (is_later || reads_from(*operations[i], *operations[j])) depths[i] = std::max(depths[i], depths[j] + 1);
        }
    }
    engine.forward = levels_of(engine, depths);

    std::fill(depths.begin(), depths.end(), 0);
    for (size_t i = count; i-- > 0;) {
        for (size_t j = i + 1; j < count; j++) {
            const bool is_sooner = reads_from(*operations[j], *operations[i]);
            if (is_sooner || hand_back_together(*operations[i], *operations[j]))
                depths[i] = std::max(depths[i], depths[j] + 1);
        }
        if (operations[i]->frozen) depths[i] = -1;  // no gradient goes there
    }
    engine.backward = levels_of(engine, depths);
}

std::vector<std::vector<Source>> sources_of(const Level& level) {
    std::vector<std::vector<Source>> together;
    for (auto* operation : level) {
        for (auto& part : operation->parts) {
            const auto fits = [&](const auto& others) { return have_same_readers(*others[0].part, part); };
            auto found = std::find_if(together.begin(), together.end(), fits);
            if (found == together.end()) found = together.insert(together.end(), std::vector<Source>{});
            found->push_back({operation, &part});
        }
    }
    return together;
}

}  // namespace overthink
