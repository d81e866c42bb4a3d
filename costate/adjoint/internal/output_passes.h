// The outputs within recorded steps of a tile's lanes, in passes: each takes the next output of every lane, whichever
// it is, from a step's first output on.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace costate::internal {

class OutputPasses {
 public:
  explicit OutputPasses(std::size_t lanes) : first_(lanes), count_(lanes), output_(lanes), members_(lanes) {}

  void set(std::size_t lane, std::int32_t first, std::int32_t count) {
    first_[lane] = static_cast<std::uint32_t>(first);
    count_[lane] = static_cast<std::uint32_t>(count);
  }
  std::int32_t count(std::size_t lane) const { return static_cast<std::int32_t>(count_[lane]); }

  /// Goes to the first pass, or to the next; false if no lane has an output there.
  bool begin();
  bool next();

  /// The lanes of the current pass, ascending, and what each has.
  std::span<const std::uint32_t> lanes() const { return std::span(members_).first(num_members_); }
  std::size_t output(std::size_t lane) const { return output_[lane]; }
  /// The one output that all of them have, if so.
  std::optional<std::size_t> shared_output() const { return shared_; }

  /// out [row, lanes]: what `all` [output, row, lanes] has for each lane of this pass.
  template <class T>
  void gather(const T* all, std::size_t rows, T* out) const {
    const std::size_t num_lanes = output_.size();
    constexpr std::size_t kRows = 64;  // whose lines stay in a first-level cache
    for (std::size_t first = 0; first < rows; first += kRows)
      for (const std::size_t lane : lanes())
        for (std::size_t row = first; row < std::min(rows, first + kRows); ++row)
          out[row * num_lanes + lane] = all[(output_[lane] * rows + row) * num_lanes + lane];
  }

 private:
  bool find_shared();

  std::vector<std::uint32_t> first_, count_;  // [lane] the outputs within its step
  std::vector<std::uint32_t> output_, members_;
  std::size_t num_members_ = 0;
  std::optional<std::size_t> shared_;
};

inline bool OutputPasses::begin() {
  num_members_ = 0;
  for (std::size_t lane = 0; lane < output_.size(); ++lane) {
    members_[num_members_] = static_cast<std::uint32_t>(lane);
    output_[lane] = first_[lane];
    num_members_ += count_[lane] > 0 ? 1 : 0;
  }
  return find_shared();
}

inline bool OutputPasses::next() {
  std::size_t kept = 0;
  for (const std::uint32_t lane : lanes()) {
    members_[kept] = lane;
    kept += ++output_[lane] < first_[lane] + count_[lane] ? 1 : 0;
  }
  num_members_ = kept;
  return find_shared();
}

inline bool OutputPasses::find_shared() {
  shared_.reset();
  if (num_members_ == 0) return false;
  const std::uint32_t output = output_[members_[0]];
  if (std::ranges::all_of(lanes(), [&](std::uint32_t lane) { return output_[lane] == output; })) shared_ = output;
  return true;
}

}  // namespace costate::internal
