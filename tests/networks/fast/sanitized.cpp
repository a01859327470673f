// A small network of every kind of operation, trained, evaluated, and evaluated with images that leave in the middle, for
// sanitizers to watch. Arguments: threads, then sizes of batches.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <vector>

struct Engine;
extern "C" {
Engine* engine_new(int threads);
void engine_free(Engine*);
void engine_threads(Engine*, int threads);
int engine_buffer(Engine*, int height, int width, int channels);
int engine_operation(Engine*, int kernel, int stride, int padding, int buffer, int first, int channels, float momentum,
                     float epsilon, int frozen, float read_gain);
void engine_part(Engine*, int operation, int channels, int buffer, int first, float written_gain,
                 float* const pointers[8]);
void engine_shortcut(Engine*, int operation, int buffer, int first);
void engine_linear(Engine*, int operation);
void engine_depthwise(Engine*, int operation);
void engine_pool(Engine*, int kernel, int stride, int padding, int buffer, int first, int channels, int to_buffer,
                 int to_first, int is_mean, int frozen);
void engine_stage(Engine*);
void engine_export(Engine*, int buffer, int first, int channels);
void engine_finish(Engine*);
void engine_prepare(Engine*, int training);
int engine_forward(Engine*, const float* images, int count, int training, float* const maps[]);
void engine_next(Engine*, float* const maps[]);
void engine_move(Engine*, int moved, const int from[], const int to[], int left);
void engine_backward(Engine*, const float* const gradients[]);
void engine_sgd(Engine*, int count, const int64_t sizes[], float* const weights[], const float* const gradients[],
                float* const momenta[], float lr, float momentum, float decay, int first);
}

using Values = std::vector<float>;

static Values drawn(size_t count) {
    Values values(count);
    for (auto& value : values) value = static_cast<float>(std::rand()) / RAND_MAX - 0.5F;
    return values;
}

struct Slice {
    int height, width, buffer, first, channels;
};

struct Network {
    Engine* engine;
    std::deque<Values> kept;  // the engine holds their addresses
    std::vector<int64_t> sizes;
    std::vector<float*> weights, gradients, momenta;
    std::vector<Slice> exports;
    size_t first_stage;  // exports of it

    float* keep(Values values) {
        kept.push_back(std::move(values));
        return kept.back().data();
    }

    float* learning(Values values, float** gradient, bool frozen) {
        const size_t count = values.size();
        float* weight = keep(std::move(values));
        *gradient = nullptr;
        if (frozen) return weight;
        *gradient = keep(Values(count));
        sizes.push_back(static_cast<int64_t>(count));
        weights.push_back(weight);
        gradients.push_back(*gradient);
        momenta.push_back(keep(Values(count)));
        return weight;
    }

    void part(int operation, int weights_of_output, int channels, int buffer, int first, bool frozen = false) {
        float* of[8];
        of[0] = learning(drawn(static_cast<size_t>(channels) * weights_of_output), &of[1], frozen);
        of[2] = learning(Values(channels, 1.0F), &of[4], frozen);
        of[3] = learning(Values(channels, 0.1F), &of[5], frozen);
        of[6] = keep(Values(channels));
        of[7] = keep(Values(channels, 1.0F));
        engine_part(engine, operation, channels, buffer, first, 2.0F, of);
    }

    int operation(int kernel, int stride, int buffer, int first, int channels, bool frozen = false) {
        return engine_operation(engine, kernel, stride, kernel / 2, buffer, first, channels, 0.1F, 1e-5F, frozen, 0.5F);
    }

    void hand_out(Slice slice) {
        exports.push_back(slice);
        engine_export(engine, slice.buffer, slice.first, slice.channels);
    }

    Network(int threads, bool staged) : engine(engine_new(threads)) {
        engine_buffer(engine, 9, 7, 3);
        engine_buffer(engine, 9, 7, 7 + 6);
        engine_buffer(engine, 5, 4, 10 + 4);
        engine_buffer(engine, 9, 7, 9);
        engine_buffer(engine, 9, 7, 5);
        engine_buffer(engine, 2, 1, 13);
        engine_buffer(engine, 9, 7, 9);
        engine_buffer(engine, 5, 4, 9);
        engine_buffer(engine, 5, 4, 6);
        engine_buffer(engine, 3, 2, 9);
        part(operation(7, 1, 0, 0, 3, true), 49 * 3, 7, 1, 0, true);
        part(operation(5, 2, 1, 0, 7), 25 * 7, 10, 2, 0);
        const int together = operation(1, 1, 1, 0, 7);
        part(together, 7, 9, 3, 0);
        part(together, 7, 5, 4, 0);
        hand_out({5, 4, 2, 2, 7});
        if (staged) engine_stage(engine);
        first_stage = exports.size();
        part(operation(3, 1, 3, 0, 9), 9 * 9, 6, 1, 7);
        part(operation(3, 2, 4, 0, 5), 9 * 5, 4, 2, 10);
        part(operation(3, 4, 2, 0, 14), 9 * 14, 13, 5, 0);
        hand_out({2, 1, 5, 0, 13});
        hand_out({9, 7, 1, 0, 13});
        const int added = operation(3, 1, 3, 0, 9);
        part(added, 9 * 9, 9, 6, 0);
        engine_shortcut(engine, added, 3, 0);
        engine_pool(engine, 3, 2, 1, 6, 0, 9, 7, 0, 0, 0);
        engine_pool(engine, 3, 2, 1, 6, 2, 6, 8, 0, 1, 0);
        const int depthwise = operation(3, 2, 7, 0, 9);
        part(depthwise, 9, 9, 9, 0);
        engine_depthwise(engine, depthwise);
        engine_linear(engine, depthwise);
        hand_out({3, 2, 9, 0, 9});
        hand_out({5, 4, 8, 1, 4});
        hand_out({9, 7, 6, 0, 3});
        engine_finish(engine);
    }

    ~Network() { engine_free(engine); }

    // Every third image is left after the first stage.
    double pass_in_stages(int count) {
        const Values images = drawn(static_cast<size_t>(count) * 3 * 9 * 7);
        const int left = (count + 2) / 3;
        std::vector<int> from, to;
        for (int i = (left + 2) / 3 * 3; i < count; i += 3) from.push_back(i);
        for (int i = 0; i < left; i++) {
            if (i % 3) to.push_back(i);
        }
        std::vector<Values> maps;
        std::vector<float*> into;
        for (size_t i = 0; i < exports.size(); i++) {
            const auto& slice = exports[i];
            const size_t places = i < first_stage ? count : left;
            maps.emplace_back(places * slice.channels * slice.height * slice.width);
        }
        for (auto& values : maps) into.push_back(values.data());
        engine_prepare(engine, 0);
        if (!engine_forward(engine, images.data(), count, 0, into.data())) std::abort();
        engine_move(engine, static_cast<int>(from.size()), from.data(), to.data(), left);
        engine_next(engine, into.data() + first_stage);
        return sum_of(maps);
    }

    static double sum_of(const std::vector<Values>& all) {
        double sum = 0;
        for (const auto& values : all) {
            for (const float value : values) sum += value;
        }
        return sum;
    }

    double pass(int count, bool training, bool first) {
        const Values images = drawn(static_cast<size_t>(count) * 3 * 9 * 7);
        std::vector<Values> maps, of_maps;
        std::vector<float*> to;
        std::vector<const float*> from;
        for (const auto& slice : exports) {
            maps.emplace_back(static_cast<size_t>(count) * slice.channels * slice.height * slice.width);
            of_maps.push_back(drawn(maps.back().size()));
        }
        for (size_t i = 0; i < maps.size(); i++) {
            to.push_back(maps[i].data());
            from.push_back(i == 1 ? nullptr : of_maps[i].data());
        }
        engine_prepare(engine, training);
        if (!engine_forward(engine, images.data(), count, training, to.data())) std::abort();
        if (training) {
            engine_backward(engine, from.data());
            engine_sgd(engine, static_cast<int>(sizes.size()), sizes.data(), weights.data(), gradients.data(),
                       momenta.data(), 0.01F, 0.9F, 1e-4F, first);
        }
        return sum_of(maps);
    }
};

int main(int count, char** arguments) {
    Network network(std::atoi(arguments[1]), false);
    Network staged(std::atoi(arguments[1]), true);
    for (int i = 2; i < count; i++) {
        for (int training = 1; training >= 0; training--) {
            const double sum = network.pass(std::atoi(arguments[i]), training, i == 2);
            if (!std::isfinite(sum)) return 1;
            std::printf("%.9g\n", sum);
        }
        const double sum = staged.pass_in_stages(std::atoi(arguments[i]));
        if (!std::isfinite(sum)) return 1;
        std::printf("%.9g\n", sum);
        for (auto* engine : {network.engine, staged.engine}) engine_threads(engine, std::atoi(arguments[1]) + i % 2);
    }
}
