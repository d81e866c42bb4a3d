#include "costate/solve/internal/step_function.h"

#include "costate/base/error.h"
#include "costate/solve/internal/adams_step.h"
#include "costate/solve/internal/implicit_step.h"
#include "costate/solve/internal/partitioned_step.h"
#include "costate/solve/internal/reversible_step.h"

namespace costate::internal {

StepFunction step_function(const VectorField& field, const SolveOptions& options, StepUse use, double rounding) {
  switch (tableau(options.method).family) {
    case MethodFamily::kImplicit:
      return implicit_step(field, options, use, rounding);
    case MethodFamily::kPartitioned:
      return partitioned_step(field, options.method, use);
    case MethodFamily::kReversible:
      return reversible_step(field, options.method, use);
    case MethodFamily::kAdams:
      return adams_step(field, options.method);
    case MethodFamily::kExplicit:
    case MethodFamily::kMultistep:
      break;
  }
  COSTATE_CHECK(false, "an explicit method steps stage by stage, and a multistep one by CVODE");
}

}  // namespace costate::internal
