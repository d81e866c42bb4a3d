// Functions of all elementwise operations, for the tests of each target.
#pragma once

#include <functional>
#include <source_location>
#include <string_view>
#include <vector>

#include "costate/graph/internal/builder.h"
#include "costate/graph/trace.h"

namespace costate::test {

/// All elementwise operations that `takes` takes, each of operands in its own domain, given numbers from (0, 1).
inline Function elementwise_operations(const std::function<bool(std::string_view)>& takes) {
  return trace(
      [&](Array u) {
        std::vector<Array> results;
        for (std::size_t i = 0; i < kNumOps; ++i) {
          const OpInfo& op = kOpTable[i];
          if (!is_elementwise(static_cast<Op>(i)) || !takes(op.name)) continue;
          std::vector<Array> operands;
          for (int k = 0; k < op.arity; ++k)
            operands.push_back(u.slice(5 * k, 5 * k + 5) * (op.test_high - op.test_low) + op.test_low);
          results.push_back(internal::append_op(static_cast<Op>(i), operands, std::source_location::current()));
        }
        return results;
      },
      {{"u", {15}}});
}

}  // namespace costate::test
