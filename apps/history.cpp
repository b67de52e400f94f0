// Numbers with nine digits: enough to give a float back to the bit.
#include <apps/history.hpp>
#include <ikebana/io/atomic_file.hpp>

#include <fmt/format.h>

namespace ikebana::apps {

void History::operator()(const PassEnd& e) {
    text_ +=
        fmt::format("{},{:.9g},{:.9g},{:.9g},{:.3f}\n", e.pass, e.train_cost, e.test_cost, e.test_accuracy, e.seconds);
    write_file(path_, text_);
}

} // namespace ikebana::apps
