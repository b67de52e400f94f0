// Vectors to and from the device.
#pragma once
#include <backends/hip/backend.hpp>

#include <vector>

namespace ikebana::hip::test {

template <class T>
DeviceArray<T> on_device(const std::vector<T>& x) {
    DeviceArray<T> a(x.size());
    to_device(backend{}, a.data(), x.data(), x.size());
    return a;
}
template <class T>
std::vector<T> on_host(const DeviceArray<T>& a) {
    std::vector<T> x(a.size());
    to_host(backend{}, x.data(), a.data(), x.size());
    return x;
}

} // namespace ikebana::hip::test
