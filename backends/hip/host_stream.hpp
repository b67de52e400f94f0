// Streams, events and graphs on the CPU, under HIP's names. What a stream is asked for is done at once, or with
// Stream::late as late as a GPU may do it: when somebody waits for it. A program that waits wherever it must gives the
// same numbers both ways. A captured stream does nothing and keeps what it was asked for; a graph does that, in that
// order, whenever it is launched, with the arguments of then.
// Next to read: host.hpp.
#pragma once
#include <backends/hip/host_memory.hpp>

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <utility>

namespace ikebana::hip {

namespace host {

using Work = std::vector<std::function<void()>>;

class Stream {
  public:
    inline static bool late = false;

    Stream() {
        const std::lock_guard lock(registry().mutex);
        registry().streams.insert(this);
    }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    ~Stream() {
        finish();
        const std::lock_guard lock(registry().mutex);
        registry().streams.erase(this);
    }

    /// f() in its turn; on no stream, after everything that was asked of any.
    template <class F>
    static void ask(Stream* stream, F f) {
        if (!stream)
            finish_all(), f();
        else if (stream->capturing)
            stream->captured.emplace_back(std::move(f));
        else if (++stream->asked_; late)
            stream->waiting_.emplace_back(std::move(f));
        else
            ++stream->done_, f();
    }
    std::size_t asked() const { return asked_; }
    /// Everything up to the n-th thing asked for.
    void finish(std::size_t n) {
        while (done_ < n && !waiting_.empty()) {
            const auto f = std::move(waiting_.front());
            waiting_.pop_front();
            ++done_;
            f();
        }
    }
    void finish() { finish(asked_); }

    static void finish_all() {
        for (Stream* s : all()) s->finish();
    }
    static bool any_captures() {
        for (Stream* s : all())
            if (s->capturing) return true;
        return false;
    }

    bool capturing = false;
    Work captured;

  private:
    struct Registry {
        std::mutex mutex;
        std::set<Stream*> streams;
    };
    static Registry& registry() {
        static Registry all;
        return all;
    }
    static std::vector<Stream*> all() {
        const std::lock_guard lock(registry().mutex);
        return {registry().streams.begin(), registry().streams.end()};
    }

    std::deque<std::function<void()>> waiting_;
    std::size_t asked_ = 0, done_ = 0;
};

/// The point in a stream that hipEventRecord named, and when the stream was there if it is timed.
struct Event {
    using Time = std::chrono::steady_clock::time_point;
    std::shared_ptr<Time> time{};
    Stream* stream = nullptr;
    std::size_t position = 0;
    void finish() const {
        if (stream) stream->finish(position);
    }
};

} // namespace host

using hipStream_t = host::Stream*;
using hipEvent_t = host::Event*;
using hipGraph_t = host::Work*;
using hipGraphExec_t = std::shared_ptr<host::Work>*;
enum hipStreamCaptureMode { hipStreamCaptureModeThreadLocal };
inline constexpr unsigned hipEventDisableTiming = 2;

// ---- memory: a copy without a stream waits for all of them, and is refused while one captures, as on a GPU

inline hipError_t hipMalloc(void** p, std::size_t bytes) {
    if (host::Stream::any_captures()) return hipErrorStreamCaptureImplicit;
    *p = host::Memory::all().allocate(bytes);
    return *p ? hipSuccess : hipErrorOutOfMemory;
}
inline hipError_t hipFree(void* p) {
    host::Stream::finish_all();
    return !p || host::Memory::all().free(p) ? hipSuccess : hipErrorInvalidValue;
}
inline hipError_t hipHostMalloc(void** p, std::size_t bytes, unsigned) {
    *p = std::malloc(bytes);
    return *p ? hipSuccess : hipErrorOutOfMemory;
}
inline hipError_t hipHostFree(void* p) {
    std::free(p);
    return hipSuccess;
}
inline hipError_t hipMemcpyAsync(void* to, const void* from, std::size_t bytes, hipMemcpyKind kind,
                                 hipStream_t stream) {
    if (kind != hipMemcpyDeviceToHost && !host::Memory::all().holds(to, bytes)) return hipErrorInvalidValue;
    if (kind != hipMemcpyHostToDevice && !host::Memory::all().holds(from, bytes)) return hipErrorInvalidValue;
    host::Stream::ask(stream, [=] { std::memmove(to, from, bytes); });
    return hipSuccess;
}
inline hipError_t hipMemcpy(void* to, const void* from, std::size_t bytes, hipMemcpyKind kind) {
    if (host::Stream::any_captures()) return hipErrorStreamCaptureImplicit;
    return hipMemcpyAsync(to, from, bytes, kind, nullptr);
}
inline hipError_t hipMemsetAsync(void* to, int value, std::size_t bytes, hipStream_t stream) {
    if (!host::Memory::all().holds(to, bytes)) return hipErrorInvalidValue;
    host::Stream::ask(stream, [=] { std::memset(to, value, bytes); });
    return hipSuccess;
}
inline hipError_t hipMemset(void* to, int value, std::size_t bytes) {
    if (host::Stream::any_captures()) return hipErrorStreamCaptureImplicit;
    return hipMemsetAsync(to, value, bytes, nullptr);
}

// ---- streams and events

inline hipError_t hipStreamCreate(hipStream_t* stream) {
    *stream = new host::Stream;
    return hipSuccess;
}
inline hipError_t hipStreamDestroy(hipStream_t stream) {
    delete stream;
    return hipSuccess;
}
inline hipError_t hipDeviceSynchronize() {
    host::Stream::finish_all();
    return hipSuccess;
}
inline hipError_t hipEventCreateWithFlags(hipEvent_t* event, unsigned flags) {
    *event = new host::Event;
    if (flags != hipEventDisableTiming) (*event)->time = std::make_shared<host::Event::Time>();
    return hipSuccess;
}
inline hipError_t hipEventDestroy(hipEvent_t event) {
    delete event;
    return hipSuccess;
}
inline hipError_t hipEventRecord(hipEvent_t event, hipStream_t stream) {
    if (!stream || stream->capturing) return hipErrorInvalidValue;
    if (event->time) host::Stream::ask(stream, [time = event->time] { *time = std::chrono::steady_clock::now(); });
    *event = {event->time, stream, stream->asked()};
    return hipSuccess;
}
inline hipError_t hipEventElapsedTime(float* milliseconds, hipEvent_t start, hipEvent_t end) {
    if (!start->time || !end->time || !start->stream || !end->stream) return hipErrorInvalidValue;
    start->finish(), end->finish();
    *milliseconds = std::chrono::duration<float, std::milli>(*end->time - *start->time).count();
    return hipSuccess;
}
inline hipError_t hipEventSynchronize(hipEvent_t event) {
    event->finish();
    return hipSuccess;
}
inline hipError_t hipStreamWaitEvent(hipStream_t stream, hipEvent_t event, unsigned) {
    if (!stream || stream->capturing) return hipErrorInvalidValue;
    host::Stream::ask(stream, [point = *event] { point.finish(); });
    return hipSuccess;
}

// ---- graphs

inline hipError_t hipStreamBeginCapture(hipStream_t stream, hipStreamCaptureMode) {
    if (!stream || stream->capturing) return hipErrorInvalidValue;
    stream->capturing = true;
    return hipSuccess;
}
inline hipError_t hipStreamEndCapture(hipStream_t stream, hipGraph_t* graph) {
    if (!stream || !stream->capturing) return hipErrorInvalidValue;
    stream->capturing = false;
    *graph = new host::Work(std::exchange(stream->captured, {}));
    return hipSuccess;
}
inline hipError_t hipGraphInstantiateWithFlags(hipGraphExec_t* exec, hipGraph_t graph, unsigned long long) {
    *exec = new std::shared_ptr<host::Work>(std::make_shared<host::Work>(*graph));
    return hipSuccess;
}
inline hipError_t hipGraphLaunch(hipGraphExec_t exec, hipStream_t stream) {
    host::Stream::ask(stream, [work = *exec] {
        for (const auto& f : *work) f();
    });
    return hipSuccess;
}
inline hipError_t hipGraphDestroy(hipGraph_t graph) {
    delete graph;
    return hipSuccess;
}
inline hipError_t hipGraphExecDestroy(hipGraphExec_t exec) {
    delete exec;
    return hipSuccess;
}

} // namespace ikebana::hip
