// A stack of its own for each GPU thread that waits, on the CPU: Boost.Context's switch, with the calls by which
// AddressSanitizer follows it. Next to read: host_block.hpp, which schedules them.
#pragma once
#include <boost/context/detail/fcontext.hpp>
#include <boost/context/protected_fixedsize_stack.hpp>

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define IKEBANA_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IKEBANA_ADDRESS_SANITIZER 1
#endif
#endif
#ifdef IKEBANA_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace ikebana::hip::host {

/// Tells AddressSanitizer that the next switch leaves for a stack, and that one has arrived; nothing without it.
struct StackNote {
    void* fake = nullptr; // of the side that left
    const void* bottom = nullptr;
    std::size_t size = 0; // of the stack that is switched to

#ifdef IKEBANA_ADDRESS_SANITIZER
    void leave() { __sanitizer_start_switch_fiber(&fake, bottom, size); }
    void arrive(StackNote* other) {
        __sanitizer_finish_switch_fiber(fake, other ? &other->bottom : nullptr, other ? &other->size : nullptr);
    }
    static void forget(void* bottom, std::size_t size) { __asan_unpoison_memory_region(bottom, size); }
#else
    void leave() {}
    void arrive(StackNote*) {}
    static void forget(void*, std::size_t) {}
#endif
};

/// run(argument) on a stack of its own; it must never return, only pause().
class Fiber {
  public:
    using Run = void (*)(void*);

    Fiber(Run run, void* argument) : run_(run), argument_(argument), stack_(allocator().allocate()) {
        context_ = boost::context::detail::make_fcontext(stack_.sp, stack_.size, &Fiber::enter);
        to_fiber_.bottom = bottom();
        to_fiber_.size = stack_.size;
    }
    Fiber(const Fiber&) = delete;
    Fiber& operator=(const Fiber&) = delete;
    ~Fiber() {
        StackNote::forget(bottom(), stack_.size);
        allocator().deallocate(stack_);
    }

    /// Goes on where the fiber paused; returns when it pauses again.
    void resume() {
        to_fiber_.leave();
        context_ = boost::context::detail::jump_fcontext(context_, this).fctx;
        to_fiber_.arrive(nullptr);
    }
    /// Called on the fiber: back to whoever resumed it.
    void pause() {
        to_caller_.leave();
        caller_ = boost::context::detail::jump_fcontext(caller_, nullptr).fctx;
        to_caller_.arrive(&to_caller_);
    }

  private:
    // A page that may not be touched lies below: a kernel that needs more stops at once.
    static boost::context::protected_fixedsize_stack allocator() {
        return boost::context::protected_fixedsize_stack(std::size_t{256} << 10);
    }
    void* bottom() const { return static_cast<char*>(stack_.sp) - stack_.size; }

    static void enter(boost::context::detail::transfer_t from) {
        auto* fiber = static_cast<Fiber*>(from.data);
        fiber->caller_ = from.fctx;
        StackNote().arrive(&fiber->to_caller_);
        fiber->run_(fiber->argument_);
        __builtin_trap();
    }

    Run run_;
    void* argument_;
    boost::context::stack_context stack_;
    boost::context::detail::fcontext_t context_ = nullptr, caller_ = nullptr;
    StackNote to_fiber_, to_caller_;
};

} // namespace ikebana::hip::host
