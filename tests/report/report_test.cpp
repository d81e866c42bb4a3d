#include "costate/report/report.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <set>

#include "tests/support/expect_error.h"

namespace costate {
namespace {

const std::string kHostile = "a<b> & \"c\" 'd' $e `f` \\g @h {i} _j ^k %l\nµ 数";

Figure simple_figure() {
  return {.title = "t", .x_label = "x", .y_label = "y", .curves = {{.name = "line", .x = {0, 1, 2}, .y = {0, 1, 0}}}};
}

/// Every opened tag is closed in order.
bool is_well_formed(const std::string& svg) {
  std::vector<std::string> open;
  for (std::size_t at = svg.find('<'); at != std::string::npos; at = svg.find('<', at + 1)) {
    const std::size_t end = svg.find('>', at);
    if (end == std::string::npos) return false;
    const std::string tag = svg.substr(at + 1, end - at - 1);
    if (tag.starts_with("!") || tag.starts_with("?") || tag.ends_with("/")) continue;
    const bool closes = tag.starts_with("/");
    const std::string name = tag.substr(closes ? 1 : 0, tag.find_first_of(" \n\t", 1) - (closes ? 1 : 0));
    if (!closes)
      open.push_back(name);
    else if (open.empty() || open.back() != name)
      return false;
    else
      open.pop_back();
  }
  return open.empty();
}

TEST(Figure, IsAWellFormedElement) {
  const std::string svg = to_svg(simple_figure(), "one");
  EXPECT_TRUE(svg.starts_with("<svg"));
  EXPECT_TRUE(is_well_formed(svg));
  EXPECT_NE(svg.find("viewBox"), std::string::npos);
}

TEST(Curve, GoesThroughRowsPointsAndEvenPlaces) {
  const Curve style{.name = "a", .x = {7}, .y = {7}, .mark = Mark::kDashed, .color = 3};
  const std::vector<Band> rows = {{.from = 1, .to = 2}, {.from = 3, .to = 5}};
  const Curve of_rows = style.through(rows, &Band::from, [](const Band& row) { return row.to - row.from; });
  EXPECT_EQ(of_rows.x, (std::vector<double>{1, 3}));
  EXPECT_EQ(of_rows.y, (std::vector<double>{1, 2}));
  EXPECT_EQ(of_rows.name, "a");
  EXPECT_EQ(of_rows.mark, Mark::kDashed);
  EXPECT_EQ(of_rows.color, 3);
  const HostArray points(Shape{2, 3}, std::vector<double>{1, 2, 3, 4, 5, 6});
  EXPECT_EQ(style.through(points).y, (std::vector<double>{2, 5}));
  EXPECT_EQ(style.through(points, {.x = 2, .y = 0}).x, (std::vector<double>{3, 6}));
  EXPECT_ERROR(style.through(HostArray(Shape{3})), ShapeError, "[point, column]");
  EXPECT_EQ(style.over({.first = 1, .spacing = 0.5}, std::vector<double>{8, 9}).x, (std::vector<double>{1, 1.5}));
  EXPECT_EQ(style.over({}, std::vector<double>{8, 9}).y, (std::vector<double>{8, 9}));
}

TEST(SquareGrid, ListsItsCellsAsARasterDoes) {
  const SquareGrid grid{.half_width = 2, .cells = 2};
  EXPECT_EQ(grid.middles().numbers(), (std::vector<double>{-1, -1, 1, -1, -1, 1, 1, 1}));  // from below, from the left
  const Raster raster = grid.raster({1, 2, 3, 4});
  EXPECT_EQ(raster.columns, 2U);
  EXPECT_EQ(raster.x_low, -2);
  EXPECT_EQ(raster.y_high, 2);
}

TEST(Sheet, GivesItsFiguresOneSize) {
  const Sheet sheet({simple_figure(), simple_figure()}, 2, {.width = 300, .height = 200});
  for (const Figure& figure : sheet.figures) EXPECT_EQ(figure.width * 1000 + figure.height, 300'200);
  EXPECT_NE(to_svg(sheet, "s").find("viewBox=\"0 0 600 200\""), std::string::npos);
}

TEST(Table, RowsTakeNumbersAsPeopleReadThem) {
  Table table{.header = {"name", "error", "steps"}};
  table.add("a", 0.123456, 1234567);
  EXPECT_EQ(table.rows[0], (std::vector<std::string>{"a", "0.1235", "1234567"}));
}

TEST(Figure, TakesHostileText) {
  Figure figure = simple_figure();
  figure.title = figure.x_label = figure.y_label = figure.curves[0].name = kHostile;
  figure.bands = {{0.5, 1, kHostile}};
  figure.arrows = {{0, 0, 1, 1}};
  const std::string svg = to_svg(figure, "hostile");
  EXPECT_TRUE(is_well_formed(svg));
  EXPECT_NE(svg.find("$e"), std::string::npos);
  EXPECT_NE(svg.find("数"), std::string::npos);
}

TEST(Figure, DrawsEveryMark) {
  for (const Mark mark : {Mark::kLine, Mark::kDashed, Mark::kPoints, Mark::kSteps}) {
    Figure figure = simple_figure();
    figure.curves[0].mark = mark;
    EXPECT_TRUE(is_well_formed(to_svg(figure, "mark")));
  }
}

TEST(Figure, GapsAndLogarithms) {
  Figure figure = simple_figure();
  figure.y_scale = Scale::kLog;
  figure.curves[0].y = {std::numeric_limits<double>::quiet_NaN(), 0.1, -1};
  EXPECT_TRUE(is_well_formed(to_svg(figure, "log")));
  figure.curves[0].y = {0, -1, -2};
  EXPECT_NE(to_svg(figure, "log").find("no values"), std::string::npos);
}

TEST(Figure, FillsAreasWithGapsBehindCurves) {
  Figure figure = simple_figure();
  const double gap = std::numeric_limits<double>::quiet_NaN();
  figure.areas = {
      {.name = "nine of ten", .x = {0, 1, 2, 3}, .low = {0, 1, gap, 0}, .high = {1, 2, gap, 1}, .color = 1}};
  const std::string svg = to_svg(figure, "area");
  EXPECT_TRUE(is_well_formed(svg));
  EXPECT_NE(svg.find("nine of ten"), std::string::npos);
  EXPECT_LT(svg.find("fill-opacity"), svg.find("stroke-width=\"2.00\""));
  figure.areas[0].low.pop_back();
  EXPECT_ERROR(to_svg(figure, "area"), InvalidArgument, "area 'nine of ten' has 4 x, 3 low and 4 high ends");
}

TEST(Figure, MistakesAreNamed) {
  Figure figure = simple_figure();
  figure.curves[0].x.pop_back();
  EXPECT_ERROR(to_svg(figure, "bad"), InvalidArgument, "has 2 x and 3 y");
}

/// A panel among others keeps its place: a trajectory may have no value of a state.
TEST(Figure, WithoutValuesSaysSo) {
  Figure empty = simple_figure();
  empty.title = "y, trajectory b";
  empty.x_scale = Scale::kDate;
  empty.bands = {{0.5, 1, "held out"}};
  empty.curves[0].y.assign(3, std::numeric_limits<double>::quiet_NaN());
  const std::string svg = to_svg(Sheet({simple_figure(), empty}, 2, {.width = 300, .height = 200}), "two");
  EXPECT_TRUE(is_well_formed(svg));
  EXPECT_NE(svg.find("y, trajectory b"), std::string::npos);
  EXPECT_NE(svg.find("no values"), std::string::npos);
  empty.curves.clear();
  EXPECT_NE(to_svg(empty, "none").find("no values"), std::string::npos);
  EXPECT_EQ(to_svg(simple_figure(), "some").find("no values"), std::string::npos);
}

TEST(Figure, SaysSoWhereGnuplotIsMissing) {
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", "/nowhere", 1);
  EXPECT_ERROR(to_svg(simple_figure(), "none"), IoError, "Install it");
  ::setenv("PATH", path.c_str(), 1);
}

TEST(FitReport, ManySamplesAreDotsBelowTheLines) {
  for (const std::size_t samples : {10, 1000}) {
    Trajectory decay{.id = "",
                     .times = std::vector<double>(samples),
                     .states = HostArray(Shape{static_cast<std::int64_t>(samples), 1}),
                     .inputs = HostArray(Shape{static_cast<std::int64_t>(samples), 0})};
    for (std::size_t i = 0; i < samples; ++i) {
      decay.times[i] = static_cast<double>(i);
      decay.states.set(static_cast<std::int64_t>(i), 1.0 / static_cast<double>(1 + i));
    }
    FitConfig config;
    config.model.columns.states = {"x"};
    config.model.hidden = {2};
    config.epochs = 1;
    config.polish = 0;
    const TimeSeries series{"t", {}, {"x"}, {}, {decay}};
    const Report report = fit_report(fit(series, config));
    const Figure& figure = std::get<Picture>(report.sections[0].blocks[1]).sheet.figures[0];
    ASSERT_EQ(figure.curves.size(), 3U);
    EXPECT_EQ(figure.curves[0].name, "data");
    EXPECT_EQ(figure.curves[0].mark, samples == 10 ? Mark::kPoints : Mark::kDots);
  }
}

TEST(Figure, WritesDatesBelowItsAxisAndNamesBandsInTheLegend) {
  Figure figure = simple_figure();
  const double day = 86400, begin = 1394409600;  // 2014-03-10
  figure.curves[0].x = {begin, begin + 10 * day, begin + 20 * day};
  figure.bands = {{begin + 10 * day, begin + 20 * day, "held out"}};
  EXPECT_EQ(to_svg(figure, "numbers").find("2014"), std::string::npos);
  figure.x_scale = Scale::kDate;
  const std::string svg = to_svg(figure, "dates");
  EXPECT_TRUE(is_well_formed(svg));
  EXPECT_NE(svg.find("2014"), std::string::npos);
  EXPECT_NE(svg.find("03-"), std::string::npos);
  EXPECT_NE(svg.find(">held out<"), std::string::npos);
}

Trajectory driven_decay(std::size_t samples) {
  const auto count = static_cast<std::int64_t>(samples);
  Trajectory decay{.id = "",
                   .times = std::vector<double>(samples),
                   .states = HostArray(Shape{count, 1}),
                   .inputs = HostArray(Shape{count, 1})};
  for (std::size_t i = 0; i < samples; ++i) {
    decay.times[i] = static_cast<double>(i);
    decay.states.set(static_cast<std::int64_t>(i), 1.0 / static_cast<double>(1 + i));
  }
  return decay;
}

FitConfig quick_config() {
  FitConfig config;
  config.model.columns.states = {"x"};
  config.model.columns.inputs = {"u"};
  config.model.hidden = {2};
  config.model.memory = {0};
  config.window = 5;
  config.epochs = 1;
  config.polish = 0;
  return config;
}

/// Titles of the pictures of how it was trained.
std::vector<std::string> training_pictures(const Report& report) {
  std::vector<std::string> titles;
  for (const Section& section : report.sections)
    for (const Block& block : section.blocks)
      if (const auto* picture = std::get_if<Picture>(&block); section.heading == "Training" && picture != nullptr)
        titles.push_back(picture->sheet.figures[0].title);
  return titles;
}

TEST(FitReport, ShowsStepsOfTheMethodsThatTellTheirs) {
  FitConfig config;
  config.model.columns.states = {"x"};
  config.model.hidden = {2};
  config.model.memory = {0};
  config.epochs = 1;
  config.polish = 0;
  Trajectory decay = driven_decay(12);
  decay.inputs = HostArray(Shape{12, 0});
  const TimeSeries series{"t", {}, {"x"}, {}, {decay}};
  const auto pictures = [&](Method method, Adjoint adjoint) {
    config.model.solve.method = method;
    config.model.solve.adjoint = adjoint;
    const FitResult result = fit(series, config);
    EXPECT_TRUE(std::isfinite(result.gradient_error)) << name(method);
    return training_pictures(fit_report(result));
  };
  const std::vector<std::string> both = {"loss", "evaluations of the field per epoch"};
  std::vector<std::string> all = both;
  all.emplace_back("step sizes along a solve over the data shown");
  EXPECT_EQ(pictures(Method::kDopri5, Adjoint::kDiscrete), all);
  EXPECT_EQ(pictures(Method::kAlf, Adjoint::kReversible), all);
  EXPECT_EQ(pictures(Method::kBdf, Adjoint::kCvodes), both);
  EXPECT_EQ(pictures(Method::kAdams, Adjoint::kCvodes), both);
}

TEST(FitReport, NamesEachKindOfCurveOnceInThePhasePortrait) {
  TimeSeries series{"t", {}, {"x", "y"}, {}, {}};
  for (int trajectory = 0; trajectory < 4; ++trajectory) {
    Trajectory circle{.id = std::to_string(trajectory),
                      .times = {},
                      .states = HostArray(Shape{12, 2}),
                      .inputs = HostArray(Shape{12, 0})};
    for (std::int64_t i = 0; i < 12; ++i) {
      const double angle = 0.2 * static_cast<double>(i), radius = 1 + 0.1 * trajectory;
      circle.times.push_back(angle);
      circle.states.set(2 * i, radius * std::cos(angle));
      circle.states.set(2 * i + 1, radius * std::sin(angle));
    }
    series.trajectories.push_back(circle);
  }
  FitConfig config;
  config.model.columns.states = {"x", "y"};
  config.model.hidden = {2};
  config.model.memory = {0};
  config.epochs = 1;
  config.polish = 0;
  config.hold_out = 0.5;
  const Report report = fit_report(fit(series, config));
  std::vector<std::string> names;
  for (const Block& block : report.sections[0].blocks)
    if (const auto* picture = std::get_if<Picture>(&block);
        picture != nullptr && picture->sheet.figures[0].title == "phase portrait and learned field")
      for (const Curve& curve : picture->sheet.figures[0].curves)
        if (!curve.name.empty()) names.push_back(curve.name);
  EXPECT_EQ(names, (std::vector<std::string>{"data", "fit", "forecast"}));
}

TEST(FitReport, DrawsTwelvePanelsOfTrajectoriesThatWereHeldOut) {
  TimeSeries series{"when", {"days", "2014-03-10", {}}, {"x"}, {"u"}, {}};
  for (int i = 0; i < 60; ++i) {
    series.trajectories.push_back(driven_decay(12));
    series.trajectories.back().id = std::to_string(i);
  }
  FitConfig config = quick_config();
  config.hold_out = 0.5;
  const Report report = fit_report(fit(series, config));
  std::vector<const Sheet*> sheets;
  std::string text;
  for (const Block& block : report.sections[0].blocks) {
    if (const auto* picture = std::get_if<Picture>(&block)) sheets.push_back(&picture->sheet);
    if (const auto* paragraph = std::get_if<Paragraph>(&block)) text += paragraph->text;
  }
  ASSERT_EQ(sheets.size(), 4U);  // the state and the input of one that was trained on, and of those held out
  EXPECT_EQ(sheets[2]->figures.size(), 6U);
  EXPECT_EQ(sheets[3]->figures.size(), 6U);
  EXPECT_NE(text.find("Of 30 trajectories that were held out, 6 are drawn."), std::string::npos);
  for (const Figure& figure : sheets[2]->figures) {
    EXPECT_EQ(figure.x_scale, Scale::kDate);
    ASSERT_EQ(figure.bands.size(), 1U);
    EXPECT_EQ(figure.bands[0].from, 1394409600);
    EXPECT_EQ(figure.curves.back().name, "forecast");
  }
  EXPECT_LT(to_html(report).size(), 1'000'000U);
}

TEST(FitReport, DrawsNoForecastBehindTheDataShown) {
  TimeSeries series{"t", {}, {"x"}, {"u"}, {driven_decay(3000)}};
  const Report report = fit_report(fit(series, quick_config()));
  std::size_t points = 0;
  for (const Block& block : report.sections[0].blocks) {
    const auto* picture = std::get_if<Picture>(&block);
    if (picture == nullptr) continue;
    for (const Figure& figure : picture->sheet.figures) {
      const std::vector<double>& seen = figure.curves[0].x;
      for (const Curve& curve : figure.curves)
        for (const double x : curve.x) {
          ++points;
          EXPECT_FALSE(x < seen.front() || x > seen.back()) << x;
        }
      for (const Band& band : figure.bands) EXPECT_EQ(band.to, seen.back());
    }
  }
  EXPECT_GT(points, 1000U);
}

TEST(FitReport, DrawsBandsAroundForecastsAndSaysWhatTheyHold) {
  TimeSeries series{"t", {}, {"x"}, {"u"}, {driven_decay(60)}};
  FitConfig config = quick_config();
  EXPECT_TRUE(std::get<Picture>(fit_report(fit(series, config)).sections[0].blocks[1]).sheet.figures[0].areas.empty());
  config.seeds = 2;
  const FitResult result = fit(series, config);
  const Report report = fit_report(result);
  const Figure* figure = nullptr;
  for (const Block& block : report.sections[0].blocks)
    if (const auto* picture = std::get_if<Picture>(&block); picture != nullptr && figure == nullptr)
      figure = &picture->sheet.figures[0];
  ASSERT_NE(figure, nullptr);
  ASSERT_EQ(figure->areas.size(), 1U);
  const Area& area = figure->areas[0];
  const Curve& forecast = figure->curves.back();
  EXPECT_EQ(area.name, "90 %");
  ASSERT_EQ(area.x.size(), forecast.x.size());
  for (std::size_t i = 0; i + 1 < area.x.size(); ++i) {
    EXPECT_EQ(area.x[i], forecast.x[i]);
    EXPECT_LT(area.low[i], forecast.y[i]);
    EXPECT_GT(area.high[i], forecast.y[i]);
  }
  // The ends of the bands are those of the table.
  const HostArray& upper = result.forecast_samples[0].states.upper;  // [sample, state]
  EXPECT_NEAR(area.high[area.high.size() - 2], upper(upper.shape()[0] - 1, 0), 1e-6);
  const std::string page = to_html(report);
  EXPECT_NE(page.find(result.coverage->text()), std::string::npos);
}

TEST(Html, IsOneFileWithUniqueIdsAndEscapedText) {
  Picture picture{simple_figure(), kHostile};
  picture.sheet.figures[0].curves[0].mark = Mark::kPoints;
  const std::string page = to_html({.title = kHostile,
                                    .subtitle = "s",
                                    .sections = {{kHostile,
                                                  {Paragraph{kHostile}, Listing{kHostile}, picture, picture,
                                                   Table{{"model", "error"}, {{kHostile, "1.5"}}, "caption"}}}}});
  EXPECT_EQ(page.find("a<b>"), std::string::npos);
  EXPECT_EQ(page.find("src="), std::string::npos);
  std::string rest = page;
  for (std::size_t at = rest.find("http://www.w3.org"); at != std::string::npos; at = rest.find("http://www.w3.org"))
    rest.erase(at, 17);
  EXPECT_EQ(rest.find("http"), std::string::npos);
  std::set<std::string> ids;
  std::size_t count = 0;
  for (std::size_t at = page.find(" id="); at != std::string::npos; at = page.find(" id=", at + 1), ++count)
    ids.insert(page.substr(at + 5, page.find(page[at + 4], at + 5) - at - 5));
  EXPECT_GT(count, 4U);
  EXPECT_EQ(ids.size(), count);
  EXPECT_ERROR(to_html({"t", "s", {{"h", {Table{{"a"}, {{"1", "2"}}}}}}}), InvalidArgument,
               "1 columns; a row has 2 cells");
}

}  // namespace
}  // namespace costate
