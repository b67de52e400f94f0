// The small learning curve in the terminal: train and test cost over the passes, in Braille dots with colour, or in
// letters where the terminal has neither.
#pragma once
#include <apps/training_record.hpp>
#include <string>
#include <vector>

namespace ikebana::apps {

struct CurveStyle {
    int columns; // at most, labels included
    int rows;    // of the plot; the legend is one line more
    bool dots;   // Braille and colour, else letters
};

/// The lines of the drawing. None where there is no finite cost yet or no room (less than 24 columns or 3 rows).
std::vector<std::string> terminal_curve(const TrainingRecord& record, const CurveStyle& style);

} // namespace ikebana::apps
