// The end of each main() here, behind what has registered benchmarks.
#pragma once

#include <benchmark/benchmark.h>

namespace bench {

/// The exit status: 2 for arguments that Google Benchmark does not know.
inline int run_registered(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace bench
