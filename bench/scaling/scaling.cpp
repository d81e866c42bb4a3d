// How the cost of a gradient grows with batch, width, state size, steps, threads and parameters. Prints a line a
// number, and draws the plots into a folder.
//
// usage: scaling FOLDER [--tiny]
#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <string>

#include "costate/costate.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace {

namespace cs = costate;

/// A tanh network of one hidden layer as the field, its mean square at t = 1 as the loss.
struct Case {
  std::int64_t batch = 512, width = 64, state = 16, steps = 20;
  std::size_t memory_budget = std::size_t{256} << 20;
};

struct Ready {
  cs::Program gradient;
  cs::HostArray starts;
};

Ready make_ready(const Case& c) {
  const cs::Mlp net({.inputs = c.state, .hidden = {c.width}, .outputs = c.state});
  const cs::VectorField field = cs::vector_field({c.state}, [&](cs::Array, cs::Array z) { return net(z); });
  const cs::SolveOptions options{
      .method = cs::Method::kRk4, .steps_per_interval = static_cast<int>(c.steps), .memory_budget = c.memory_budget};
  const cs::Function loss = cs::trace(
      [&](cs::Array z0) {
        return cs::mean(cs::square(cs::solve(field, z0, cs::constant(cs::HostArray::vector({0, 1})), options)[1]));
      },
      {{"z0", {c.state}}});
  cs::HostArray starts(cs::Shape{c.batch, c.state}, cs::Dtype::kF32);
  for (std::int64_t i = 0; i < starts.size(); ++i) starts.set(i, std::sin(static_cast<double>(i)));
  return {cs::compile(cs::value_and_grad(loss, net.parameters()), {.dtype = cs::Dtype::kF32}), std::move(starts)};
}

double seconds_of(const Case& c) {
  const Ready ready = make_ready(c);
  return cs::fastest_call([&] { ready.gradient.run({ready.starts}); });
}

/// The most memory that a gradient holds beyond what was held before, MiB. Linux alone tells.
double memory_of(const Case& c) {
  const auto status = [](const std::string& key) {
    std::ifstream file("/proc/self/status");
    std::string word;
    double kilobytes = std::nan("");
    while (file >> word)
      if (word == key) file >> kilobytes;
    return kilobytes / 1024;
  };
  const Ready ready = make_ready(c);
#ifdef __GLIBC__
  ::malloc_trim(0);  // or what earlier gradients left behind would serve this one
#endif
  std::ofstream("/proc/self/clear_refs") << "5";  // the high-water mark starts anew
  const double before = status("VmRSS:");
  ready.gradient.run({ready.starts});
  return status("VmHWM:") - before;
}

struct Study {
  std::string title, x_label, y_label;
  std::vector<cs::Curve> curves;
  cs::Scale y_scale = cs::Scale::kLog;

  cs::Figure figure() const {
    return {.title = title,
            .x_label = x_label,
            .y_label = y_label,
            .curves = curves,
            .x_scale = cs::Scale::kLog,
            .y_scale = y_scale,
            .width = 480};
  }
};

/// Time per sample and unit of work over one size; a cliff is a jump of the curve.
Study study(const std::string& title, const std::string& x_label, std::int64_t from, std::int64_t to, int factor,
            const std::function<Case(std::int64_t)>& make, const std::function<double(const Case&)>& work) {
  Study found{.title = title, .x_label = x_label, .y_label = "ns per sample, step and weight", .curves = {}};
  cs::Curve curve;
  for (std::int64_t x = from; x <= to; x *= factor) {
    const Case c = make(x);
    curve.x.push_back(static_cast<double>(x));
    curve.y.push_back(1e9 * seconds_of(c) / work(c));
  }
  found.curves = {curve};
  return found;
}

double work_of(const Case& c) {
  return static_cast<double>(c.batch * c.steps) * static_cast<double>(2 * c.width * c.state);
}

/// p rate constants of a chain of p reactions: one reverse solve against one forward solve of tangents a parameter.
Study study_parameters(std::int64_t most) {
  Study found{
      .title = "gradient of p parameters, dopri5 1e-6", .x_label = "parameters p", .y_label = "ms", .curves = {}};
  cs::Curve adjoint{.name = "adjoint: one reverse solve", .color = 0};
  cs::Curve forward{.name = "p forward sensitivities", .color = 1};
  cs::Curve solve{.name = "the solve alone", .mark = cs::Mark::kDashed, .color = 6};
  for (std::int64_t p = 10; p <= most; p *= 10) {
    const cs::Parameter rates("rates",
                              cs::HostArray(cs::Shape{p}, std::vector<double>(static_cast<std::size_t>(p), 1.0)));
    const cs::VectorField field = cs::vector_field({2}, [&](cs::Array t, cs::Array z) {
      return cs::stack({z[1], -1.0 * cs::mean(cs::Array(rates)) * cs::sin(z[0]) - 0.1 * t * z[1]});
    });
    const cs::Function loss = cs::trace(
        [&](cs::Array z0) {
          return cs::sum(cs::solve(field, z0, cs::constant(cs::HostArray::vector({0, 5})), {}));
        },
        {{"z0", {2}}});
    const cs::HostArray start(cs::Shape{1, 2}, std::vector<double>{1, 0});
    const cs::Program value = cs::compile(loss);
    const cs::Program reverse = cs::compile(cs::value_and_grad(loss, std::vector<cs::Parameter>{rates}));
    const std::vector<std::size_t> wanted = {1};
    const cs::Program tangent = cs::compile(cs::jvp(loss, wanted));
    cs::HostArray direction(cs::Shape{p});
    direction.set(0, 1);
    const double one = cs::fastest_call([&] { tangent.run({start, direction}); });
    for (cs::Curve* curve : {&adjoint, &forward, &solve}) curve->x.push_back(static_cast<double>(p));
    adjoint.y.push_back(1e3 * cs::fastest_call([&] { reverse.run({start}); }));
    forward.y.push_back(1e3 * one * static_cast<double>(p));
    solve.y.push_back(1e3 * cs::fastest_call([&] { value.run({start}); }));
  }
  found.curves = {adjoint, forward, solve};
  return found;
}

Study study_memory(std::int64_t most) {
  Study found{.title = "memory of a gradient, 64 samples",
              .x_label = "rk4 steps",
              .y_label = "MiB",
              .curves = {},
              .y_scale = cs::Scale::kLinear};
  for (const int megabytes : {256, 4}) {
    cs::Curve curve{.name = cs::text::concat("budget ", megabytes, " MiB"), .color = megabytes == 4 ? 0 : 1};
    for (std::int64_t steps = 100; steps <= most; steps *= 10) {
      curve.x.push_back(static_cast<double>(steps));
      curve.y.push_back(memory_of({.batch = 64, .steps = steps, .memory_budget = std::size_t(megabytes) << 20}));
    }
    found.curves.push_back(curve);
  }
  return found;
}

Study study_threads() {
  Study found{.title = "all cores, batch 512",
              .x_label = "threads",
              .y_label = "times faster than one",
              .curves = {},
              .y_scale = cs::Scale::kLinear};
  cs::Curve curve{.name = "gradient", .color = 0}, ideal{.name = "ideal", .mark = cs::Mark::kDashed, .color = 6};
  const Ready ready = make_ready({.width = 128, .steps = 100});
  const int all = cs::num_threads();
  double one = 0;
  for (int threads = 1; threads <= all; threads *= 2) {
    cs::set_num_threads(threads);
    const double seconds = cs::fastest_call([&] { ready.gradient.run({ready.starts}); });
    if (threads == 1) one = seconds;
    curve.x.push_back(threads);
    ideal.x.push_back(threads);
    curve.y.push_back(one / seconds);
    ideal.y.push_back(threads);
  }
  cs::set_num_threads(all);
  found.curves = {curve, ideal};
  return found;
}

void print(const Study& study) {
  for (const cs::Curve& curve : study.curves)
    for (std::size_t i = 0; i < curve.x.size(); ++i)
      std::printf("%s | %s | %s %g | %.4g %s\n", study.title.c_str(), curve.name.c_str(), study.x_label.c_str(),
                  curve.x[i], curve.y[i], study.y_label.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  const bool tiny = argc == 3 && std::string(argv[2]) == "--tiny";
  if (argc != 2 && !tiny) {
    std::fprintf(stderr, "usage: scaling FOLDER [--tiny]\n");
    return 2;
  }
  const Study threads = study_threads();  // before others heat the machine
  cs::set_num_threads(1);
  const std::vector<Study> studies = {
      study(
          "batch (width 64, state 16)", "batch", 1, tiny ? 4 : 65'536, 4,
          [](std::int64_t x) { return Case{.batch = x}; }, work_of),
      study(
          "width (batch 512, state 16)", "width", 8, tiny ? 16 : 1024, 2,
          [](std::int64_t x) { return Case{.width = x}; }, work_of),
      study(
          "state size (batch 64, width 64)", "state size", 1, tiny ? 4 : 4096, 4,
          [](std::int64_t x) { return Case{.batch = 64, .state = x}; }, work_of),
      study(
          "steps (batch 64, width 64, state 16)", "rk4 steps", 10, tiny ? 10 : 100'000, 10,
          [](std::int64_t x) { return Case{.batch = 64, .steps = x, .memory_budget = std::size_t{4} << 20}; }, work_of),
      study_memory(tiny ? 100 : 100'000),
      study_parameters(tiny ? 10 : 100'000)};
  std::vector<cs::Figure> figures;
  for (const Study& one : studies) {
    print(one);
    figures.push_back(one.figure());
  }
  print(threads);
  const std::filesystem::path folder = argv[1];
  cs::write_atomically(folder / "scaling.svg", cs::to_svg(cs::Sheet(figures, 2), "scaling"));
  cs::write_png(folder / "scaling.png", cs::Sheet(figures, 2));
  return 0;
}
