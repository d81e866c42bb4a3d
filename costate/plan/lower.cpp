// lower: the list of passes, each timed and dumped on request.
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string_view>
#include <utility>

#include "costate/base/timing.h"
#include "costate/graph/mark.h"
#include "costate/graph/print.h"
#include "costate/graph/simplify.h"
#include "costate/graph/verify.h"
#include "costate/plan/internal/schedule.h"
#include "costate/plan/internal/select.h"
#include "costate/plan/plan.h"
#include "costate/plan/verify.h"

namespace costate::internal {
namespace {

/// As COSTATE_DCHECK is: in builds for debugging, which those with sanitizers are, too.
#ifdef NDEBUG
constexpr bool kVerifies = false;
#else
constexpr bool kVerifies = true;
#endif

bool dump_wanted(std::string_view what) {
  const char* value = std::getenv("COSTATE_DUMP");
  return value != nullptr && what == value;
}

/// Runs one pass; with COSTATE_TIME_PASSES set, says how long it took.
template <class Pass>
auto timed(std::string_view name, Pass pass) {
  static const bool wanted = std::getenv("COSTATE_TIME_PASSES") != nullptr;
  if (!wanted) return pass();
  const auto begin = std::chrono::steady_clock::now();
  auto result = pass();
  std::clog << "[lower] " << name << ": " << 1e6 * seconds_since(begin) << " us\n";
  return result;
}

}  // namespace

Plan lower(const Function& function, const PlanOptions& options) {
  const Function simple = timed("simplify", [&] { return simplify(drop_marks(function)); });
  if (dump_wanted("graph")) std::clog << to_string(simple);
  if constexpr (kVerifies) verify(simple);
  const Placement placement = timed("place", [&] { return place(simple, options); });
  Selection selection = timed("select", [&] { return select(simple, placement, options); });
  selection = timed("schedule", [&] { return gather_strips(std::move(selection)); });
  const Selection before = kVerifies ? selection : Selection{};
  Plan plan = timed("lay out", [&] { return lay_out(std::move(selection)); });
  if (dump_wanted("plan")) std::clog << to_string(plan);
  if constexpr (kVerifies) {
    verify(plan, simple, options);
    verify_layout(plan, before);
  }
  return plan;
}

}  // namespace costate::internal
