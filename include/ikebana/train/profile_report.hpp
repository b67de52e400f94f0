// A profile as a table (each layer and direction: time, share, GFLOP/s, share of peak) and as a Chrome trace, which
// chrome://tracing and Perfetto draw.
//   const auto layers = layer_table<Net, CrossEntropy>(batch);
//   std::fputs(profile_table(profile, layers, batch, peak).c_str(), stdout);
//   write_file("profile.json", chrome_trace(profile, layers));
#pragma once
#include <ikebana/train/formatted.hpp>
#include <ikebana/train/layer_row.hpp>
#include <ikebana/train/profile.hpp>
#include <limits>
#include <string>
#include <vector>

namespace ikebana {

/// Milliseconds a step, all threads added up; FLOP are 2 × the multiply-adds of the direct method, whatever method
/// runs, so that a share can be above 100 % (Winograd's needs fewer). `batch`: samples of a step. `peak`: FLOP/s of one
/// thread's device, which `of` names. A layer that was fused into the one before is counted there, what lists a
/// sparse input in the layer that reads the list; threads that wait are `other`.
inline std::string profile_table(const Profile& profile, const std::vector<LayerRow>& layers, int batch, double peak,
                                 const char* of = "a core") {
    const double steps = static_cast<double>(profile.steps());
    if (profile.steps() == 0) return "no step was profiled\n";
    const double all = profile.wall_seconds() * profile.threads() / steps;
    const int width = name_column_width(layers);
    std::string text;
    text += detail::formatted(
        "%ld steps of %d samples, %d %s, %.3f ms a step (%.3f ms within steps), peak of %s %.1f GFLOP/s\n",
        profile.steps(), batch, profile.threads(), profile.threads() == 1 ? "thread" : "threads",
        1e3 * profile.wall_seconds() / steps, 1e3 * profile.step_seconds() / steps, of, peak * 1e-9);
    text += detail::formatted("%5s  %-*s %-9s %10s %8s %9s %9s\n", "layer", width, "kind", "direction", "ms/step",
                              "share", "GFLOP/s", "of peak");
    double counted = 0;
    const auto row = [&](const std::string& position, const std::string& kind, const char* direction, double seconds,
                         double flop) {
        counted += seconds;
        if (seconds == 0) return;
        text += detail::formatted("%5s  %-*s %-9s %10.4f %6.1f %%", position.c_str(), width, kind.c_str(), direction,
                                  1e3 * seconds, 100 * seconds / all);
        if (flop > 0) text += detail::formatted(" %9.1f %7.1f %%", flop / seconds * 1e-9, 100 * flop / seconds / peak);
        text += "\n";
    };
    int first_trained = std::numeric_limits<int>::max();
    for (const LayerRow& layer : layers)
        if (layer.parameters > 0) first_trained = std::min(first_trained, layer.position);
    row("", "next batch", "", profile.total(Part::read) / steps, 0);
    row("", "batch to tiles", "", profile.total(Part::load) / steps, 0);
    for (const LayerRow& layer : layers) {
        const std::string position = std::to_string(layer.position);
        const double flop = 2.0 * batch * static_cast<double>(layer.multiply_adds);
        const auto seconds = [&](Part part) { return profile.total(part, layer.position) / steps; };
        row(position, layer.layer, "pack", seconds(Part::pack), 0);
        row(position, layer.layer, "forward", seconds(Part::forward), flop);
        row(position, layer.layer, "backward", seconds(Part::backward),
            layer.position == first_trained ? flop : 2 * flop);
    }
    row("", "loss", "", profile.total(Part::loss) / steps, 0);
    row("", "update", "", profile.total(Part::update) / steps, 0);
    row("", "other", "", std::max(0.0, all - counted), 0);
    return text;
}

inline const char* name_of(Part part) {
    switch (part) {
    case Part::read:
        return "read";
    case Part::load:
        return "load";
    case Part::pack:
        return "pack";
    case Part::forward:
        return "forward";
    case Part::loss:
        return "loss";
    case Part::backward:
        return "backward";
    case Part::update:
        return "update";
    }
    return "";
}

/// The first steps' spans in the trace event format (JSON; microseconds), a row a thread.
inline std::string chrome_trace(const Profile& profile, const std::vector<LayerRow>& layers) {
    std::int64_t start = std::numeric_limits<std::int64_t>::max();
    for (int worker = 0; worker < profile.threads(); ++worker)
        for (const Profile::Span& s : profile.spans(worker)) start = std::min(start, s.begin);
    std::string text = "{\"traceEvents\":[";
    bool any = false;
    for (int worker = 0; worker < profile.threads(); ++worker)
        for (const Profile::Span& s : profile.spans(worker)) {
            const bool of_layer = s.part == Part::forward || s.part == Part::backward || s.part == Part::pack;
            const std::string name =
                (of_layer ? layers[static_cast<std::size_t>(s.layer)].layer + " " : std::string()) + name_of(s.part);
            text +=
                detail::formatted("%s\n{\"name\":\"%s\",\"ph\":\"X\",\"pid\":0,\"tid\":%d,\"ts\":%.3f,\"dur\":%.3f}",
                                  any ? "," : "", name.c_str(), worker, static_cast<double>(s.begin - start) * 1e-3,
                                  static_cast<double>(s.end - s.begin) * 1e-3);
            any = true;
        }
    return text + "\n]}\n";
}

} // namespace ikebana
