// A picture by gnuplot, as SVG.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace costate {

enum class Mark {
  kLine,
  kDashed,
  kPoints,
  kSteps,  // a line that holds its value up to the next point
};

/// One row of numbers as a curve or as points. NaN makes a gap.
struct Curve {
  std::string name;  // in the legend; "": not there
  std::vector<double> x = {}, y = {};
  Mark mark = Mark::kLine;
  int color = 0;  // of the palette of Okabe and Ito (colour-blind safe), 0 … 7
};

/// A shaded stretch of the x axis.
struct Band {
  double from = 0, to = 0;
  std::string name = {};
};

/// An arrow of a vector field, from (x, y).
struct Arrow {
  double x = 0, y = 0, dx = 0, dy = 0;
};

enum class Scale { kLinear, kLog };
enum class Aspect { kFree, kEqual };

struct Figure {
  std::string title, x_label, y_label;
  std::vector<Curve> curves = {};
  std::vector<Band> bands = {};
  std::vector<Arrow> arrows = {};
  Scale y_scale = Scale::kLinear;
  Aspect aspect = Aspect::kFree;
  int width = 720, height = 360;
};

/// The picture as an SVG element whose ids begin with `id`, so that several can stand on one page. Numbers that a
/// logarithmic axis cannot show are gaps.
///
/// Throws: InvalidArgument if a curve's x and y differ in length or nothing finite is to be drawn; IoError if gnuplot
/// is missing or fails.
std::string to_svg(const Figure& figure, const std::string& id);

}  // namespace costate
