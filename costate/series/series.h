// A time series fitted by a neural ODE: delays, the fit and its run folder, the model, forecasts,
// and whether to trust them.
#pragma once

#include "costate/series/delay_choice.h"     // IWYU pragma: export
#include "costate/series/delay_embedding.h"  // IWYU pragma: export
#include "costate/series/ensemble.h"         // IWYU pragma: export
#include "costate/series/fit.h"              // IWYU pragma: export
#include "costate/series/fit_config.h"       // IWYU pragma: export
#include "costate/series/fit_run.h"          // IWYU pragma: export
#include "costate/series/forecast.h"         // IWYU pragma: export
#include "costate/series/forecast_tables.h"  // IWYU pragma: export
#include "costate/series/forecaster.h"       // IWYU pragma: export
#include "costate/series/period.h"           // IWYU pragma: export
#include "costate/series/periodogram.h"      // IWYU pragma: export
#include "costate/series/rivals.h"           // IWYU pragma: export
#include "costate/series/series_model.h"     // IWYU pragma: export
#include "costate/series/verdict.h"          // IWYU pragma: export
