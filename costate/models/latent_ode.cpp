#include "costate/models/latent_ode.h"

#include <cmath>
#include <numbers>

#include "costate/base/error.h"
#include "costate/base/names.h"

namespace costate {
namespace {

constexpr std::string_view kEncoders[] = {"rnn", "ode_rnn"};

/// Parts of one model start from different numbers of its seed.
enum Part : std::uint64_t { kCell, kEncoderField, kPosterior, kField, kDecoder };

std::uint64_t seed_of(std::uint64_t seed, Part part) { return 8 * seed + part; }

std::variant<RnnCell, GruCell> cell_of(const LatentOdeOptions& options) {
  RecurrentOptions cell{.inputs = options.observed,
                        .hidden = options.encoder_units,
                        .seed = seed_of(options.seed, kCell),
                        .name = options.name + ".encoder"};
  if (options.encoder == Encoder::kOdeRnn) return GruCell(cell);
  cell.inputs += 1;  // the gap
  return RnnCell(cell);
}

/// The net over each row of x [row, in]: [row, out].
Array apply_to_rows(const Mlp& net, Array x) {
  const std::vector<Parameter>& parameters = net.parameters();
  for (std::size_t i = 0; i < parameters.size(); i += 2) {
    if (i > 0) x = tanh(x);
    x = matmul(x, transpose(parameters[i])) + parameters[i + 1];
  }
  return x;
}

void append(std::vector<Parameter>& all, const std::vector<Parameter>& more) {
  all.insert(all.end(), more.begin(), more.end());
}

}  // namespace

std::string name(Encoder encoder) { return spelling(encoder, kEncoders); }

Encoder encoder_from_name(const std::string& name) {
  return from_spelling<Encoder>("encoder", "encoder", name, kEncoders);
}

Array DiagonalNormal::sample(const Array& noise) const { return mean + exp(0.5 * log_variance) * noise; }

Array kl_to_standard_normal(const DiagonalNormal& q) {
  // expm1, since variance - 1 - log variance loses all digits near a variance of 1
  return 0.5 * sum(square(q.mean) + expm1(q.log_variance) - q.log_variance);
}

Array gaussian_negative_log_likelihood(const Array& mean, const Array& x, double sd) {
  if (!(sd > 0)) throw InvalidArgument("[gaussian_negative_log_likelihood] sd must be positive; got ", sd, ".");
  const double normalizer = std::log(sd * std::sqrt(2 * std::numbers::pi));
  return 0.5 * sum(square((x - mean) / sd)) + normalizer * static_cast<double>(x.shape().size());
}

LatentOde::LatentOde(const LatentOdeOptions& options)
    : options_(options),
      cell_(cell_of(options)),
      encoder_field_({.inputs = options.encoder_units,
                      .hidden = options.encoder_field_hidden,
                      .outputs = options.encoder_units,
                      .seed = seed_of(options.seed, kEncoderField),
                      .name = options.name + ".encoder_field"}),
      posterior_({.inputs = options.encoder_units,
                  .outputs = 2 * options.latent,
                  .seed = seed_of(options.seed, kPosterior),
                  .name = options.name + ".posterior"}),
      field_({.inputs = options.latent,
              .hidden = options.field_hidden,
              .outputs = options.latent,
              .seed = seed_of(options.seed, kField),
              .name = options.name + ".field"}),
      decoder_({.inputs = options.latent,
                .hidden = options.decoder_hidden,
                .outputs = options.observed,
                .seed = seed_of(options.seed, kDecoder),
                .name = options.name + ".decoder"}) {
  if (options.gap_steps < 1)
    throw InvalidArgument("[LatentOde] gap_steps must be at least 1; got ", options.gap_steps, ".");
  if (!(options.continuity >= 0) || !std::isfinite(options.continuity))
    throw InvalidArgument("[LatentOde] continuity must be 0 or more; got ", options.continuity, ".");
  std::visit([&](const auto& cell) { append(parameters_, cell.parameters()); }, cell_);
  if (options.encoder == Encoder::kOdeRnn) append(parameters_, encoder_field_.parameters());
  for (const Mlp* part : {&posterior_, &field_, &decoder_}) append(parameters_, part->parameters());
}

Array LatentOde::carry(Array h, const Array& gap) const {
  for (int step = 0; step < options_.gap_steps; ++step) h = h + gap / options_.gap_steps * encoder_field_(h);
  return h;
}

DiagonalNormal LatentOde::encode(const Observations& seen) const {
  const std::int64_t last = seen.times.shape()[0] - 1;
  Array h = zeros({options_.encoder_units});
  for (std::int64_t i = last; i >= 0; --i) {
    if (const auto* rnn = std::get_if<RnnCell>(&cell_)) {
      const Array gap = i == last ? zeros({}) : seen.times[i + 1] - seen.times[i];
      h = (*rnn)(concat({seen.x[i], reshape(gap, {1})}), h);
    } else {
      if (i < last) h = carry(h, seen.times[i] - seen.times[i + 1]);
      h = std::get<GruCell>(cell_)(seen.x[i], h);
    }
  }
  const Array q = posterior_(h);
  return {.mean = q.slice(0, options_.latent), .log_variance = q.slice(options_.latent, 2 * options_.latent)};
}

Array LatentOde::latent_path(const Array& z, const Array& times) const {
  const VectorField field = vector_field({options_.latent}, [&](Array, Array state) { return field_(state); });
  return solve(field, z, times, options_.solve);
}

Array LatentOde::decode(const Array& path) const { return apply_to_rows(decoder_, path); }

Array LatentOde::loss(const Observations& seen, const Array& noise, double sd) const {
  const DiagonalNormal q = encode(seen);
  const Array path = latent_path(q.sample(noise), seen.times);
  Array loss = gaussian_negative_log_likelihood(decode(path), seen.x, sd) + kl_to_standard_normal(q);
  if (options_.continuity == 0) return loss;
  const std::int64_t n = seen.times.shape()[0], middle = n / 2;
  if (n < 2) throw InvalidArgument("[LatentOde] continuity needs at least two observations; got ", n, ".");
  const auto add_half = [&](std::int64_t begin, std::int64_t end) {
    const DiagonalNormal half = encode({seen.times.slice(begin, end), seen.x.slice(begin, end)});
    loss = loss + options_.continuity * sum(square(path[begin] - half.mean));
  };
  add_half(0, middle);
  add_half(middle, n);
  return loss;
}

GapRnn::GapRnn(const GapRnnOptions& options)
    : options_(options),
      cell_({.inputs = options.observed + 1,
             .hidden = options.units,
             .seed = options.seed,
             .name = options.name + ".cell"}),
      next_({.inputs = options.units,
             .outputs = options.observed,
             .source = {.seed = options.seed, .stream = 1},
             .name = options.name + ".next"}) {
  append(parameters_, cell_.parameters());
  append(parameters_, next_.parameters());
}

Array GapRnn::start() const { return zeros({cell_.parameters()[1].shape()[0]}); }

Array GapRnn::negative_log_likelihood(const Observations& seen, double sd) const {
  const std::int64_t count = seen.times.shape()[0];
  if (count < 2) throw InvalidArgument("[GapRnn] at least two observations are needed; got ", count, ".");
  Array h = start();
  std::vector<Array> expected;
  for (std::int64_t i = 0; i + 1 < count; ++i) {
    h = cell_(concat({seen.x[i], reshape(seen.times[i + 1] - seen.times[i], {1})}), h);
    expected.push_back(next_(h));
  }
  return gaussian_negative_log_likelihood(stack(expected), seen.x.slice(1, count), sd);
}

Array GapRnn::forecast(const Observations& seen, const Array& times) const {
  const std::int64_t count = seen.times.shape()[0], ahead = times.shape()[0];
  Array h = start(), x = seen.x[0], t = seen.times[0];
  std::vector<Array> expected;
  const auto step_to = [&](const Array& next) {
    h = cell_(concat({x, reshape(next - t, {1})}), h);
    t = next;
  };
  for (std::int64_t i = 1; i < count; ++i) {
    step_to(seen.times[i]);
    x = seen.x[i];
  }
  for (std::int64_t i = 0; i < ahead; ++i) {
    step_to(times[i]);
    x = next_(h);
    expected.push_back(x);
  }
  return stack(expected);
}

}  // namespace costate
