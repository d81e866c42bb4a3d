// The models of a fit with several seeds: of one form, trained on the same data from other first weights. Where the
// data leave something open they differ; together with what measurements miss a forecast by (forecast_noise.h) this
// gives bands that hold nine of ten measurements.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "costate/io/safetensors.h"
#include "costate/series/forecast_noise.h"
#include "costate/series/series_model.h"

namespace costate {

/// States along some times [time, state]; NaN where half of the members or more have no answer. Without bands `lower`
/// and `upper` are empty.
struct BandedPath {
  HostArray middle, lower = HostArray(Shape{0, 0}), upper = HostArray(Shape{0, 0});
};

struct Spread {
  double mean = 0, variance = 0;
};

struct Member {
  SeriesModel model;
  double weight = 1;  // in means: members that forecast the validation part worse count less
};

class Ensemble {
 public:
  /// One member or more; those of a fit have the model of its own seed first. Without noise there are no bands.
  explicit Ensemble(std::vector<Member> members, ForecastNoise noise = {});

  const std::vector<Member>& members() const { return members_; }
  const SeriesModel& first() const { return members_.front().model; }
  bool has_bands() const { return !noise_.deviation.empty(); }
  const ForecastNoise& noise() const { return noise_; }

  /// What the members say of one number: mean and variance, by weight, of those whose solve did not fail; NaN if these
  /// are half of the weight or less. Of one member: what it says, and 0.
  Spread spread(std::span<const double> answers) const;
  /// From each member's path [time, state] at the times, forecast from the origin.
  BandedPath banded(std::span<const HostArray> paths, std::span<const double> times, double origin) const;

  /// The first member's file, with what differs in the others beside it: read as a SeriesModel it is the first one.
  ArrayFile to_file() const;
  /// DataError as of SeriesModel; the file may hold one model alone.
  static Ensemble from_file(const ArrayFile& file, const std::string& source);
  /// IoError if the file cannot be written or read; DataError as from_file.
  void save(const std::filesystem::path& path) const { write_safetensors(path, to_file()); }
  static Ensemble load(const std::filesystem::path& path) { return from_file(read_safetensors(path), path.string()); }

 private:
  std::vector<Member> members_;
  ForecastNoise noise_;
};

}  // namespace costate
