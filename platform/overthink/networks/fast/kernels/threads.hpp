// Threads that share the pieces of a job.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace overthink {

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

    // Calls work(0) to work(pieces - 1), and returns when all are done.
    template <class Work>
    void run(int pieces, const Work& work) {
        if (others.empty() || pieces <= 1) {
            for (int i = 0; i < pieces; i++) work(i);
            return;
        }
        begin([](const void* what, int piece) { (*static_cast<const Work*>(what))(piece); }, &work, pieces);
        take_pieces();
        finish();
    }

  private:
    using Call = void (*)(const void* work, int piece);

    void begin(Call call, const void* work, int pieces);
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
    std::atomic<const void*> work_of_job{nullptr};
};

}  // namespace overthink
