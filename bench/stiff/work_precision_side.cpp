// Error and time of the stiff set by Costate's methods and, as 'bdf', by CVODE with the field and its Jacobian compiled
// by Costate: one JSON object a line.
//
// usage: stiff_work_precision NUMBER SECONDS
#include <cstdio>
#include <string>
#include <vector>

#include "bench/side.h"
#include "costate/base/threads.h"
#include "tests/support/stiff_problems.h"

int main(int argc, char** argv) {
  namespace cs = costate;
  const std::vector<std::string> given = bench::arguments(argc, argv, "NUMBER SECONDS");
  const std::int64_t number = std::stoll(given[0]);
  cs::set_num_threads(1);
  for (const cs::stiff_set::StiffProblem& problem : cs::stiff_set::all())
    for (const cs::Method method :
         {cs::Method::kRodas5p, cs::Method::kKvaerno5, cs::Method::kRadau5, cs::Method::kAuto, cs::Method::kBdf})
      for (const double rtol : {1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9}) {
        cs::SolveOptions options{.method = method, .rtol = rtol, .max_steps = 1'000'000};
        for (const double atol : problem.atols) options.atols.push_back(rtol * atol);
        const cs::HostArray z0 = cs::stiff_set::starts(problem, number), times = cs::stiff_set::times_of(problem);
        cs::Solution solution;
        const std::string label(cs::name(method));
        std::printf("{\"problem\": \"%s\", \"method\": \"%s\", \"rtol\": %g, ", problem.name.c_str(), label.c_str(),
                    rtol);
        bench::print_times("ms", std::stod(given[1]), [&] { solution = cs::solve(problem.field, z0, times, options); });
        std::printf(", \"number\": %ld, \"error\": %.3e, \"steps\": %ld}\n", static_cast<long>(number),
                    solution.status[0] == cs::Status::kOk ? cs::stiff_set::worst_error(problem, solution) : 1.0,
                    static_cast<long>(solution.accepted[0]));
        std::fflush(stdout);
      }
}
