#include "costate/plan/convolution.h"

#include <algorithm>
#include <map>
#include <utility>

#include "costate/graph/internal/convolution.h"

namespace costate::internal {
namespace {

/// Pixel `from` of the other image, at a position of the kernel.
struct Meeting {
  std::uint32_t position = 0;
  std::int64_t from = 0;
};

/// For each pixel of `to` what it meets, positions in order.
std::vector<std::vector<Meeting>> meetings_of(const ConvGeometry& geometry, bool of_input) {
  std::vector<std::vector<Meeting>> meetings(
      static_cast<std::size_t>(of_input ? geometry.image_pixels() : geometry.result_pixels()));
  for_meetings(geometry, [&](std::int64_t position, std::int64_t image, std::int64_t result) {
    const std::int64_t to = of_input ? image : result, from = of_input ? result : image;
    meetings[static_cast<std::size_t>(to)].push_back({static_cast<std::uint32_t>(position), from});
  });
  if (!of_input) return meetings;
  for (auto& of_pixel : meetings) std::ranges::sort(of_pixel, {}, &Meeting::position);
  return meetings;
}

/// The length of the runs that a class's pixels are made of; 1 where these are of several lengths.
std::uint32_t run_length(const std::vector<ConvTable::Pixel>& pixels) {
  const auto goes_on = [&](std::size_t i) {
    return pixels[i].to == pixels[i - 1].to + 1 && pixels[i].from == pixels[i - 1].from + 1;
  };
  std::size_t length = 1;
  while (length < pixels.size() && goes_on(length)) ++length;
  if (pixels.size() % length != 0) return 1;
  for (std::size_t i = length; i < pixels.size(); ++i)
    if (i % length != 0 && !goes_on(i)) return 1;
  return static_cast<std::uint32_t>(length);
}

/// Pixels by what they meet, relative to the first.
void sort_into_classes(const std::vector<std::vector<Meeting>>& meetings, ConvTable& table) {
  using Key = std::vector<std::pair<std::uint32_t, std::int32_t>>;
  std::map<Key, std::size_t> classes;
  std::vector<std::vector<ConvTable::Pixel>> members;
  for (std::size_t to = 0; to < meetings.size(); ++to) {
    const std::int64_t from = meetings[to].empty() ? 0 : meetings[to].front().from;
    Key key;
    for (const Meeting& meeting : meetings[to])
      key.emplace_back(meeting.position, static_cast<std::int32_t>(meeting.from - from));
    const auto [found, is_new] = classes.emplace(std::move(key), members.size());
    if (is_new) {
      ConvTable::PixelClass& pixel_class = table.classes.emplace_back();
      pixel_class.first_tap = static_cast<std::uint32_t>(table.taps.size());
      pixel_class.num_taps = static_cast<std::uint32_t>(found->first.size());
      for (const auto& [position, shift] : found->first) table.taps.push_back({position, shift});
      members.emplace_back();
    }
    members[found->second].push_back({static_cast<std::uint32_t>(to), static_cast<std::uint32_t>(from)});
  }
  for (std::size_t i = 0; i < members.size(); ++i) {
    table.classes[i].first_pixel = static_cast<std::uint32_t>(table.pixels.size());
    table.classes[i].num_pixels = static_cast<std::uint32_t>(members[i].size());
    table.classes[i].run = run_length(members[i]);
    table.pixels.insert(table.pixels.end(), members[i].begin(), members[i].end());
  }
}

}  // namespace

ConvTable conv_table(const Function& function, const Node& node) {
  const Shape operands[] = {function.node(node.operands[0]).shape, function.node(node.operands[1]).shape};
  const ConvGeometry geometry = conv_geometry(node.op, operands, node.indices, node.shape);
  const bool of_input = node.op == Op::kConv2dInput;
  const auto size = [](std::int64_t count) { return static_cast<std::size_t>(count); };
  ConvTable table;
  table.groups = size(geometry.groups);
  const std::size_t outputs = size(geometry.outputs) / table.groups, channels = size(geometry.channels) / table.groups;
  table.positions = size(geometry.positions());
  table.rows = of_input ? channels : outputs;
  table.depth = of_input ? outputs : channels;
  table.row_stride = of_input ? table.positions : channels * table.positions;
  table.depth_stride = of_input ? channels * table.positions : table.positions;
  table.to_pixels = size(of_input ? geometry.image_pixels() : geometry.result_pixels());
  table.from_pixels = size(of_input ? geometry.result_pixels() : geometry.image_pixels());
  sort_into_classes(meetings_of(geometry, of_input), table);
  return table;
}

std::vector<std::uint32_t> packing_table(const ConvTable& table) {
  std::vector<std::uint32_t> packing;
  packing.reserve(table.num_weights());
  for (std::size_t group = 0; group < table.groups; ++group)
    for (std::size_t first = 0; first < table.rows; first += packed_rows(table.rows - first))
      for (std::size_t position = 0; position < table.positions; ++position)
        for (std::size_t channel = 0; channel < table.depth; ++channel)
          for (std::size_t row = first; row < first + packed_rows(table.rows - first); ++row)
            packing.push_back(static_cast<std::uint32_t>(group * table.rows * table.depth * table.positions +
                                                         row * table.row_stride + channel * table.depth_stride +
                                                         position));
  return packing;
}

}  // namespace costate::internal
