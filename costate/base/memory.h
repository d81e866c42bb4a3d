// How much memory a piece of work takes.
#pragma once

#include <functional>

namespace costate {

/// The most memory that `work` held beyond what the process held before, in bytes; NaN where the system does not tell
/// (it does on Linux). What other threads take meanwhile counts, too.
double peak_memory(const std::function<void()>& work);

}  // namespace costate
