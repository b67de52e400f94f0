// map(reader, f): every sample s of the reader becomes f(s), another sample. The shape stays the reader's, unless the
// new sample type names its own as `shape`; the classes stay.
#pragma once
#include <ikebana/data/reader.hpp>
#include <type_traits>
#include <utility>

namespace ikebana {

template <SampleReader R, class F>
class Mapped {
    template <class S>
    struct shape_of {
        using type = typename R::shape;
    };
    template <class S>
    requires requires { typename S::shape; }
    struct shape_of<S> {
        using type = typename S::shape;
    };

  public:
    using sample = std::remove_cvref_t<std::invoke_result_t<F&, const typename R::sample&>>;
    using shape = typename shape_of<sample>::type;
    static constexpr int classes = R::classes;

    Mapped(R reader, F f) : reader_(std::move(reader)), f_(std::move(f)) {}

    void start(unsigned pass) { reader_.start(pass); }

    bool next(sample& s) {
        if (!reader_.next(given_)) return false;
        s = f_(std::as_const(given_));
        return true;
    }

    std::size_t size() const requires SizedReader<R> { return reader_.size(); }

  private:
    R reader_;
    F f_;
    typename R::sample given_{};
};

/// f is called with each sample and returns what takes its place.
template <SampleReader R, class F>
requires std::is_invocable_v<F&, const typename R::sample&> Mapped<R, F> map(R reader, F f) {
    return {std::move(reader), std::move(f)};
}

} // namespace ikebana
