// What a GraphMark (graph/mark.h) of an upper stage is made of.
#pragma once

#include <memory>

#include "costate/base/error.h"
#include "costate/exec/tile_op.h"
#include "costate/graph/mark.h"

namespace costate {

/// A GraphMark, of which no lowered form is ever asked for.
class DroppedMark : public LoweredBy<DroppedMark, GraphMark> {
 public:
  template <class T>
  std::unique_ptr<TileOp<T>> lower(const TileOpContext&) const {
    COSTATE_CHECK(false, "lower() drops marks");
    return nullptr;
  }
};

}  // namespace costate
