// A virtual Brownian tree: paths W of Brownian motions on an interval, each a function of (seed, stream, sample,
// channel) and of the time alone. Nothing is stored but the way to the last place that was asked for.
//
// The interval is halved again and again. In the middle of a piece, what a path does up to there is drawn given what it
// does over the whole piece; the two normal numbers come from the piece's place in the tree. So any two who ask for a
// time get the same number, in whatever order and on whatever grid. Of each piece the tree knows, besides the
// increment, the integral of the path from the piece's start on, which methods of order 1.5 need; both are drawn
// together, and so a path is the same for all methods. (Foster, Lyons and Oberhauser, SIAM J. Numer. Anal. 58, 2020;
// Jelincic, Foster and Kidger, arXiv 2405.06464, 2024. The formulas are those of conditional normal numbers and were
// derived anew.)
//
// After kDepth halvings the rest of the way is one draw. Its law is right for one time in each of these smallest
// pieces; so steps must not be shorter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace costate::internal {

inline constexpr int kBrownianDepth = 20;

/// A place of the interval: the smallest piece it lies in, counted from 0, and which part of it lies before the place.
struct BrownianPlace {
  std::uint32_t piece = 0;
  double part = 0;

  bool operator==(const BrownianPlace&) const = default;
};

/// The place of t in [t0, t1]. One that is at a piece's end up to rounding is there.
BrownianPlace brownian_place(double t, double t0, double t1);

/// `count` paths side by side.
class BrownianPaths {
 public:
  /// Of an interval of this length.
  BrownianPaths(std::uint64_t seed, double length, std::size_t count);

  std::size_t count() const { return channel_.size(); }
  /// Which path number `i` is.
  void name(std::size_t i, double stream, double sample, double channel);

  /// W(t) [count], and the integral of W from the interval's start to t [count].
  void at(const BrownianPlace& place, std::span<double> w, std::span<double> integral);

 private:
  /// What is known of the piece on a level that holds the last place: how far the paths go over it, the integral of the
  /// path from its start on, and W and its integral at its start.
  struct Piece {
    std::vector<double> increment, integral, start, start_integral;
  };

  Piece& piece(int level) { return pieces_[static_cast<std::size_t>(level)]; }
  void draw(std::uint32_t node);
  void draw_whole();
  void split(int level, bool goes_right);
  void descend(std::uint32_t smallest, int level);

  std::uint64_t seed_;
  double length_;
  std::vector<double> stream_, sample_, channel_, first_, second_;
  std::vector<Piece> pieces_;      // by level, 0 being the whole interval
  int known_ = -1;                 // pieces up to this level are known
  std::uint32_t known_piece_ = 0;  // the smallest piece they lead to
};

}  // namespace costate::internal
