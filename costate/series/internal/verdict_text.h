// The closing sentences of a verdict.
#pragma once

#include "costate/series/verdict.h"

namespace costate::internal {

/// `advice` is each forecaster's.
std::vector<std::string> verdict_sentences(const Verdict& verdict, const std::vector<std::vector<Advice>>& advice);

}  // namespace costate::internal
