// IKEBANA_HOST_DEVICE: before a function template that the host calls, and a GPU's kernels with tags of their own. A
// constexpr function is one, too, but for nvcc what it calls must then exist on the host.
#pragma once

#if defined(__HIP__)
#define IKEBANA_HOST_DEVICE __attribute__((host)) __attribute__((device))
#elif defined(__CUDACC__)
#define IKEBANA_HOST_DEVICE __host__ __device__
#else
#define IKEBANA_HOST_DEVICE
#endif
