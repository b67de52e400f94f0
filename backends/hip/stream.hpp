// Streams, events, graphs and pinned memory, each freed by its owner. A stream does what it is asked for in order; work
// of two streams overlaps but where one waits for an event of the other. A graph is what a stream was asked for while
// it was captured; it costs the host one call. Next to read: backend.hpp.
#pragma once
#include <backends/hip/memory.hpp>

#include <memory>

namespace ikebana::hip {

template <class Handle, hipError_t (*Destroy)(Handle)>
struct Destroyer {
    using pointer = Handle;
    void operator()(Handle handle) const { (void)Destroy(handle); }
};
template <class Handle, hipError_t (*Destroy)(Handle)>
using Owned = std::unique_ptr<void, Destroyer<Handle, Destroy>>;

class Event {
  public:
    /// Of one that is `timed`, seconds_since() can be asked.
    explicit Event(bool timed = false) {
        hipEvent_t event = nullptr;
        check(hipEventCreateWithFlags(&event, timed ? 0 : hipEventDisableTiming), "hipEventCreateWithFlags");
        event_.reset(event);
    }
    /// Everything asked of a stream so far.
    void record(hipStream_t stream) { check(hipEventRecord(event_.get(), stream), "hipEventRecord"); }
    /// The host waits for it.
    void wait() const { check(hipEventSynchronize(event_.get()), "hipEventSynchronize"); }
    /// From one to another of a stream; the host waits for both.
    double seconds_since(const Event& start) const {
        wait();
        float milliseconds = 0;
        check(hipEventElapsedTime(&milliseconds, start.event_.get(), event_.get()), "hipEventElapsedTime");
        return 1e-3 * static_cast<double>(milliseconds);
    }
    /// What a stream is asked for from now on waits for it.
    void hold(hipStream_t stream) const { check(hipStreamWaitEvent(stream, event_.get(), 0), "hipStreamWaitEvent"); }

  private:
    Owned<hipEvent_t, &hipEventDestroy> event_;
};

class DeviceStream {
  public:
    DeviceStream() {
        require_device();
        hipStream_t stream = nullptr;
        check(hipStreamCreate(&stream), "hipStreamCreate");
        stream_.reset(stream);
    }
    hipStream_t get() const { return stream_.get(); }

  private:
    Owned<hipStream_t, &hipStreamDestroy> stream_;
};

class Graph {
  public:
    /// Captures what f() asks of the stream; nothing of it is done.
    template <class F>
    static Graph capture(hipStream_t stream, F f) {
        check(hipStreamBeginCapture(stream, hipStreamCaptureModeThreadLocal), "hipStreamBeginCapture");
        hipGraph_t graph = nullptr;
        try {
            f();
        } catch (...) {
            (void)hipStreamEndCapture(stream, &graph);
            (void)hipGraphDestroy(graph);
            throw;
        }
        check(hipStreamEndCapture(stream, &graph), "hipStreamEndCapture");
        const Owned<hipGraph_t, &hipGraphDestroy> owned(graph);
        hipGraphExec_t executable = nullptr;
        check(hipGraphInstantiateWithFlags(&executable, graph, 0), "hipGraphInstantiateWithFlags");
        return Graph(executable);
    }
    void launch(hipStream_t stream) const { check(hipGraphLaunch(executable_.get(), stream), "hipGraphLaunch"); }

  private:
    explicit Graph(hipGraphExec_t executable) : executable_(executable) {}
    Owned<hipGraphExec_t, &hipGraphExecDestroy> executable_;
};

/// n numbers of the host's memory that the GPU copies while the host goes on.
template <class T>
class PinnedArray {
  public:
    PinnedArray() = default;
    explicit PinnedArray(std::size_t n) : size_(n) {
        void* data = nullptr;
        if (n > 0) check(hipHostMalloc(&data, n * sizeof(T), 0), "hipHostMalloc");
        data_.reset(static_cast<T*>(data));
    }
    T* data() { return data_.get(); }
    const T* data() const { return data_.get(); }
    std::size_t size() const { return size_; }

  private:
    struct Free {
        void operator()(T* p) const {
            (void)hipDeviceSynchronize(); // a copy may still be under way
            (void)hipHostFree(p);
        }
    };
    std::unique_ptr<T, Free> data_;
    std::size_t size_ = 0;
};

} // namespace ikebana::hip
