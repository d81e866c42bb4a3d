// Reports: the front door of costate/report.
#pragma once

#include "costate/report/figure.h"        // IWYU pragma: export
#include "costate/report/fit_report.h"    // IWYU pragma: export
#include "costate/report/html.h"          // IWYU pragma: export
#include "costate/report/sweep_report.h"  // IWYU pragma: export
