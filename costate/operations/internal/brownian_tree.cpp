#include "costate/operations/internal/brownian_tree.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "costate/exec/kernels/normal_pairs.h"

namespace costate::internal {
namespace {

// Flips bits of the seed, so that paths share no block with the numbers of base/random.h.
constexpr std::uint64_t kSeedMask = 0x42726F776E69616E;

constexpr std::uint32_t kNumPieces = std::uint32_t{1} << kBrownianDepth;

/// How far a path goes, x, and its integral, y, over the first part r of a piece of length h, given both over the whole
/// piece:
///
///     x = (3 r^2 - 2 r) X + (6 r - 6 r^2) Y / h + a n1,    y = (r^3 - r^2) h X + (3 r^2 - 2 r^3) Y + b n1 + c n2
///
/// with a^2 = h r (1 - r) (1 - 3 r + 3 r^2), a b = h^2 r^2 (1 - r)^2 (1 - 2 r) / 2 and b^2 + c^2 = h^3 r^3 (1 - r)^3
/// / 3.
struct Bridge {
  Bridge(double r, double h) {
    const double s = 1 - r;
    xx = 3 * r * r - 2 * r;
    xy = 6 * r * s / h;
    yx = -r * r * s * h;
    yy = r * r * (3 - 2 * r);
    a = std::sqrt(h * r * s * (1 - 3 * r * s));
    b = a > 0 ? h * h * r * r * s * s * (0.5 - r) / a : 0;
    c = std::sqrt(std::max(0.0, h * h * h * r * r * r * s * s * s / 3 - b * b));
  }
  double xx, xy, yx, yy, a, b, c;
};

}  // namespace

BrownianPlace brownian_place(double t, double t0, double t1) {
  constexpr double kSnap = 0x1p-20;  // of a smallest piece: times are sums, and rounded
  const double place = std::clamp((t - t0) / (t1 - t0), 0.0, 1.0) * kNumPieces;
  const double nearest = std::round(place);
  if (std::abs(place - nearest) <= kSnap) return {static_cast<std::uint32_t>(nearest), 0};
  const double piece = std::floor(place);
  return {static_cast<std::uint32_t>(piece), place - piece};
}

BrownianPaths::BrownianPaths(std::uint64_t seed, double length, std::size_t count)
    : seed_(seed ^ kSeedMask), length_(length), pieces_(kBrownianDepth + 1) {
  for (auto* numbers : {&stream_, &sample_, &channel_, &first_, &second_}) numbers->resize(count);
}

void BrownianPaths::name(std::size_t i, double stream, double sample, double channel) {
  stream_[i] = stream;
  sample_[i] = sample;
  channel_[i] = channel;
  known_ = -1;
}

void BrownianPaths::draw(std::uint32_t node) {
  normal_pairs({.seed = seed_,
                .node = node,
                .channel = channel_.data(),
                .sample = sample_.data(),
                .stream = stream_.data(),
                .count = count()},
               first_.data(), second_.data());
}

/// Over an interval of length h a path goes X = sqrt(h) n1, and its integral is h X / 2 + sqrt(h^3 / 12) n2.
void BrownianPaths::draw_whole() {
  Piece& whole = piece(0);
  for (auto* numbers : {&whole.increment, &whole.integral, &whole.start, &whole.start_integral})
    numbers->assign(count(), 0.0);
  draw(0);
  const double root = std::sqrt(length_), area = std::sqrt(length_ * length_ * length_ / 12);
  for (std::size_t i = 0; i < count(); ++i) {
    whole.increment[i] = root * first_[i];
    whole.integral[i] = length_ / 2 * whole.increment[i] + area * second_[i];
  }
  known_ = 0;
}

/// The half of the piece on `level` that holds the place: the piece on the next level.
void BrownianPaths::split(int level, bool goes_right) {
  const Piece& whole = piece(level);
  Piece& half = piece(level + 1);
  for (auto* numbers : {&half.increment, &half.integral, &half.start, &half.start_integral}) numbers->resize(count());
  draw((std::uint32_t{1} << level) + (known_piece_ >> (kBrownianDepth - level)));
  const double h = std::ldexp(length_, -level), rest = h / 2;
  const Bridge bridge(0.5, h);
  for (std::size_t i = 0; i < count(); ++i) {
    const double x = bridge.xx * whole.increment[i] + bridge.xy * whole.integral[i] + bridge.a * first_[i];
    const double y = bridge.yx * whole.increment[i] + bridge.yy * whole.integral[i] + bridge.c * second_[i];
    half.increment[i] = goes_right ? whole.increment[i] - x : x;
    half.integral[i] = goes_right ? whole.integral[i] - y - rest * x : y;
    half.start[i] = whole.start[i] + (goes_right ? x : 0.0);
    half.start_integral[i] = whole.start_integral[i] + (goes_right ? y + rest * whole.start[i] : 0.0);
  }
}

/// Makes the pieces down to `level` known that hold a smallest piece.
void BrownianPaths::descend(std::uint32_t smallest, int level) {
  if (known_ < 0) draw_whole();
  const std::uint32_t differing = smallest ^ known_piece_;  // its highest bit is where the ways part
  known_ = std::min(known_, kBrownianDepth - static_cast<int>(std::bit_width(differing)));
  known_piece_ = smallest;
  for (; known_ < level; ++known_) split(known_, ((smallest >> (kBrownianDepth - 1 - known_)) & 1) != 0);
}

void BrownianPaths::at(const BrownianPlace& place, std::span<double> w, std::span<double> integral) {
  if (place.piece >= kNumPieces) {
    if (known_ < 0) draw_whole();
    std::ranges::copy(piece(0).increment, w.begin());
    std::ranges::copy(piece(0).integral, integral.begin());
    return;
  }
  const bool is_inside = place.part > 0;
  const int level =
      is_inside || place.piece == 0 ? (is_inside ? kBrownianDepth : 0) : kBrownianDepth - std::countr_zero(place.piece);
  descend(place.piece, level);
  const Piece& last = piece(level);
  if (!is_inside) {
    std::ranges::copy(last.start, w.begin());
    std::ranges::copy(last.start_integral, integral.begin());
    return;
  }
  draw(kNumPieces + place.piece);
  const double h = std::ldexp(length_, -kBrownianDepth), passed = place.part * h;
  const Bridge bridge(place.part, h);
  for (std::size_t i = 0; i < count(); ++i) {
    const double x = bridge.xx * last.increment[i] + bridge.xy * last.integral[i] + bridge.a * first_[i];
    const double y =
        bridge.yx * last.increment[i] + bridge.yy * last.integral[i] + bridge.b * first_[i] + bridge.c * second_[i];
    w[i] = last.start[i] + x;
    integral[i] = last.start_integral[i] + y + passed * last.start[i];
  }
}

}  // namespace costate::internal
