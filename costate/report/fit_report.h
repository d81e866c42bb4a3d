// The report of a fit: what was learned, how well it forecasts, how training went, and how to repeat it.
#pragma once

#include <filesystem>

#include "costate/report/html.h"
#include "costate/series/fit.h"

namespace costate {

/// Pictures of data and fit with the hold-out shaded, the phase portrait with the learned field, losses, evaluations
/// per epoch and step sizes; the table of errors with the baselines; the config.
Report fit_report(const FitResult& result);

/// Writes it. Throws as write_report.
void write_fit_report(const std::filesystem::path& path, const FitResult& result);

}  // namespace costate
