// Threads that share the pieces of a job.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

namespace overthink {

// Pieces that can be computed in any order and at the same time.
struct Work {
    int pieces;
    std::function<void(int piece)> compute;
};

// Pieces are handed out one by one, so that a stalled core holds up one piece and not its share of the job. Which
// thread computes a piece has no influence on any result.
//
// A job ends when its pieces are done, not when every thread has looked at it: a thread that the operating system has
// set aside holds up nothing unless it has taken a piece. A thread that finds nothing to do spins for a moment, then
// sleeps.
class Threads {
  public:
    explicit Threads(int count) { resize(count); }
    Threads(const Threads&) = delete;
    ~Threads() { resize(1); }

    int count() const { return static_cast<int>(others.size()) + 1; }
    void resize(int count);

    // Calls body(0) to body(pieces - 1), and returns when all are done.
    template <class Body>
    void run(int pieces, const Body& body) {
        if (others.empty() || pieces <= 1) {
            for (int i = 0; i < pieces; i++) body(i);
            return;
        }
        begin([](const void* what, int piece) { (*static_cast<const Body*>(what))(piece); }, &body, pieces);
        take_pieces();
        finish();
    }

    // The same for all pieces of several works: the fewer jobs, the less time is lost at their ends.
    void run(const std::vector<Work>& works);

  private:
    using Call = void (*)(const void* body, int piece);

    void begin(Call call, const void* body, int pieces);
    void take_pieces();
    void finish();
    void serve(int seen);

    std::vector<std::thread> others;
    std::atomic<int> begun{0};  // jobs so far; threads sleep on it
    std::atomic<int> left{0};   // pieces of this job that are not done; who began it sleeps on it
    std::atomic<bool> quitting{false};
    std::atomic<uint64_t> ticket{0};  // the job's number and, in the lower half, its next piece
    std::atomic<uint32_t> pieces_of_job{0};
    std::atomic<Call> call_of_job{nullptr};
    std::atomic<const void*> body_of_job{nullptr};
};

}  // namespace overthink
