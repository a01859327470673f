#include "threads.hpp"

namespace overthink {

namespace {

constexpr uint64_t CLOSED = 0xffffffff;  // no piece of a job has this number
constexpr int SPINS = 2000;  // some 30 microseconds: longer than from one job of a training step to the next

void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

// Waits until `word` differs from `seen`: spinning is quick, sleeping leaves the core to whoever needs it.
void wait_for_change(std::atomic<int>& word, int seen) {
    for (int spin = 0; spin < SPINS; spin++) {
        if (word.load(std::memory_order_acquire) != seen) return;
        pause();
    }
    word.wait(seen, std::memory_order_acquire);
}

}  // namespace

void Threads::resize(int count) {
    quitting = true;
    begun.fetch_add(1);
    begun.notify_all();
    for (auto& thread : others) thread.join();
    others.clear();
    quitting = false;
    const int seen = begun;
    for (int i = 1; i < count; i++) {
        others.emplace_back([this, seen] { serve(seen); });
    }
}

void Threads::run(const std::vector<Work>& works) {
    int all = 0;
    for (const auto& work : works) all += work.pieces;
    run(all, [&](int piece) {
        const Work* work = works.data();
        while (piece >= work->pieces) piece -= work++->pieces;
        work->compute(piece);
    });
}

void Threads::begin(Call call, const void* body, int pieces) {
    // The ticket of the last job is closed before any of this is written. Whoever reads a value of the new job while
    // holding the old ticket therefore fails to take a piece with it.
    const uint64_t job = (ticket.load(std::memory_order_relaxed) >> 32) + 1;
    call_of_job.store(call, std::memory_order_release);
    body_of_job.store(body, std::memory_order_release);
    pieces_of_job.store(static_cast<uint32_t>(pieces), std::memory_order_release);
    left.store(pieces, std::memory_order_relaxed);
    ticket.store(job << 32, std::memory_order_release);
    begun.fetch_add(1, std::memory_order_release);
    begun.notify_all();
}

void Threads::take_pieces() {
    uint64_t seen = ticket.load(std::memory_order_acquire);
    for (;;) {
        const Call call = call_of_job.load(std::memory_order_acquire);
        const void* body = body_of_job.load(std::memory_order_acquire);
        const uint32_t pieces = pieces_of_job.load(std::memory_order_acquire);
        const auto piece = static_cast<uint32_t>(seen);
        if (piece >= pieces) return;
        if (!ticket.compare_exchange_weak(seen, seen + 1, std::memory_order_acq_rel, std::memory_order_acquire))
            continue;
        call(body, static_cast<int>(piece));
        if (left.fetch_sub(1, std::memory_order_acq_rel) == 1) left.notify_one();
        seen = ticket.load(std::memory_order_acquire);
    }
}

void Threads::finish() {
    for (int now = left.load(std::memory_order_acquire); now > 0; now = left.load(std::memory_order_acquire)) {
        wait_for_change(left, now);
    }
    ticket.fetch_or(CLOSED, std::memory_order_acq_rel);
}

void Threads::serve(int seen) {
    for (;;) {
        wait_for_change(begun, seen);
        seen = begun.load(std::memory_order_acquire);
        if (quitting) return;
        take_pieces();
    }
}

}  // namespace overthink
