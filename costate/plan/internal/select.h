// Pass 3: nodes to instructions. Values get buffer numbers; pass 4 turns these into regions and offsets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "costate/plan/internal/placement.h"
#include "costate/plan/plan.h"

namespace costate::internal {

/// Before layout a Slot of region kScratch names a buffer by its index; `offset` counts from the buffer's start.
struct Buffer {
  std::size_t size = 0;  // in numbers
  bool is_shared = false;
  std::int32_t output = -1;  // the output that the buffer is, if any
};

struct Selection {
  Plan plan;  // slots still name buffers
  std::vector<Buffer> buffers;
};

Selection select(const Function& function, const Placement& placement, const PlanOptions& options);

/// Pass 4: gives every buffer its region and offset, by liveness.
Plan lay_out(Selection selection);

}  // namespace costate::internal
