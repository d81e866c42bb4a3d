// What an epoch does depends only on its number, the weights and the optimizers' state: all of it is in the checkpoint.
#include "costate/train/loop.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>

#include "costate/base/communicator.h"
#include "costate/base/log.h"
#include "costate/base/names.h"
#include "costate/base/random.h"
#include "costate/base/timing.h"
#include "costate/train/checkpoint.h"

namespace costate {
namespace {

using Clock = std::chrono::steady_clock;

constexpr NameTable<2> kKeeps = {"best", "last"};

void check_options(const Objective& objective, const TrainOptions& options) {
  if (options.epochs < 1) throw InvalidArgument("[train] epochs must be at least 1; got ", options.epochs, ".");
  if (options.polish < 0) throw InvalidArgument("[train] polish must be at least 0; got ", options.polish, ".");
  if (options.validate_every < 1)
    throw InvalidArgument("[train] validate_every must be at least 1; got ", options.validate_every, ".");
  if (options.patience < 0) throw InvalidArgument("[train] patience must be at least 0; got ", options.patience, ".");
  if (options.max_growth != 0 && !(options.max_growth >= 1))
    throw InvalidArgument("[train] max_growth must be at least 1, or 0; got ", options.max_growth, ".");
  if (objective.num_samples < 1) throw InvalidArgument("[train] there must be at least one sample; got none.");
  if (static_cast<std::size_t>(num_ranks()) > objective.num_samples)
    throw InvalidArgument("[train] there must be a sample for each rank; got ", objective.num_samples, " for ",
                          num_ranks(), ". Start fewer processes, or give more data.");
  if (options.schedule.warmup_epochs < 0 || options.schedule.warmup_epochs >= options.epochs)
    throw InvalidArgument("[train] warmup_epochs must be at least 0 and below epochs; got ",
                          options.schedule.warmup_epochs, " of ", options.epochs, ".");
  if (options.keep == Keep::kLast && options.patience != 0)
    throw InvalidArgument(
        "[train] patience waits for a better epoch, and the last weights are to be kept; got patience ",
        options.patience, ". Keep the best ones, or leave it out.");
  if (objective.num_samples != kEndless) return;
  if (options.batch != 0 || options.polish != 0)
    throw InvalidArgument("[train] a stream has batches of its own and no polish, which wants all samples; got batch ",
                          options.batch, " and polish ", options.polish, ".");
  if (options.patience != 0 && !objective.validate)
    throw InvalidArgument("[train] patience on a stream needs validate: losses of different samples do not compare.");
}

std::vector<std::size_t> all_in_turn(std::size_t count) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  return order;
}

/// Items in the order of an epoch (Fisher and Yates), by random numbers from `first` on.
void shuffle(std::span<std::size_t> items, const Random& random, std::int64_t epoch, std::size_t first) {
  for (std::size_t i = items.size(); i-- > 1;)
    std::swap(items[i], items[random.below(static_cast<std::uint64_t>(epoch), first + i, i + 1)]);
}

std::vector<std::size_t> shuffled(std::int64_t epoch, std::size_t count, std::uint64_t seed) {
  std::vector<std::size_t> order = all_in_turn(count);
  shuffle(order, Random(seed), epoch, 0);
  return order;
}

/// Shards of so many neighbours in an order of the epoch's, and the samples of each in another.
std::vector<std::size_t> shuffled_by_shard(std::int64_t epoch, std::size_t count, std::size_t shard,
                                           std::uint64_t seed) {
  const Random random(seed);
  std::vector<std::size_t> order;
  order.reserve(count);
  for (const std::size_t first : shuffled(epoch, (count + shard - 1) / shard, seed)) {
    const std::size_t begin = order.size();
    for (std::size_t i = first * shard; i < std::min(count, (first + 1) * shard); ++i) order.push_back(i);
    shuffle(std::span(order).subspan(begin), random, epoch, count + first * shard);
  }
  return order;
}

class Training {
 public:
  Training(const Objective& objective, const TrainOptions& options)
      : objective_(objective),
        options_(options),
        optimizer_(options.optimizer, objective.parameters),
        polisher_({.kind = OptimizerKind::kLbfgs}, objective.parameters),
        began_(Clock::now()) {
    check_options(objective, options);
    best_ = values_by_name(objective.parameters);
    if (options.resume != Resume::kYes) return;
    if (std::filesystem::exists(options.checkpoint)) restore();
    check_ranks_agree("train", text::concat(epoch_, " epochs"),
                      "all must see the folder of the checkpoint, on one file system.");
  }

  TrainResult run() {
    for (; epoch_ < options_.epochs + options_.polish && !is_out_of_patience() && !is_polished(); ++epoch_) {
      run_epoch();
      if (options_.on_epoch) options_.on_epoch(result_.history.back());
      if (any_rank(options_.should_stop && options_.should_stop())) {
        result_.reason = StopReason::kAsked;
        ++epoch_;
        break;
      }
      if (seconds_since(saved_) >= options_.checkpoint_seconds) save(epoch_ + 1);
    }
    if (is_out_of_patience()) result_.reason = is_costly_ ? StopReason::kEvaluations : StopReason::kPatience;
    if (is_polished()) result_.reason = StopReason::kConverged;
    save(epoch_);
    // After saving: a run that goes on later looks at its last weights then.
    if (epoch_ > 0 && !objective_.validate && !keeps_last())
      keep_best(loss_of_all(), epoch_ - 1, values_by_name(objective_.parameters));
    if (epoch_ > 0 && objective_.validate && result_.best_epoch < 0)  // it was stopped before any validation
      keep_best(objective_.validate(), epoch_ - 1, values_by_name(objective_.parameters));
    set_values_by_name(objective_.parameters, best_, "training");
    if (result_.best_epoch < 0) result_.best_loss = std::numeric_limits<double>::quiet_NaN();
    if (epoch_ > 0 && !std::isfinite(result_.best_loss))
      log(LogLevel::kWarn, "[train] no epoch had a finite ", objective_.validate ? "validation error" : "loss",
          ". Look for NaN in the data, or lower the learning rate.");
    return result_;
  }

 private:
  bool is_endless() const { return objective_.num_samples == kEndless; }

  /// Of a stream, whose losses tell nothing of the weights, the last ones count unless something validates.
  bool keeps_last() const { return options_.keep == Keep::kLast || (is_endless() && !objective_.validate); }

  bool is_out_of_patience() const {
    return options_.patience > 0 && result_.best_epoch >= 0 && idle_ >= static_cast<double>(options_.patience);
  }

  /// Counts an epoch for patience.
  void count(const HistoryRow& row) {
    const bool is_best = row.epoch == static_cast<double>(result_.best_epoch);
    const double most = options_.max_growth * evaluations(result_.history.front());
    const bool is_costly = most > 0 && evaluations(row) > most;
    const bool is_early = options_.patience_from == PatienceFrom::kPolish && options_.polish > 0 &&
                          row.epoch < static_cast<double>(options_.epochs);
    idle_ = is_best ? 0 : idle_ + (is_costly ? evaluations(row) / most : is_early ? 0.0 : 1.0);
    is_costly_ = !is_best && (is_costly_ || is_costly);
  }

  static double evaluations(const HistoryRow& row) { return row.nfe_forward + row.nfe_backward; }

  /// L-BFGS forgets its history where it finds no lower point. Where it finds none without a history, nothing changes.
  bool is_polished() const {
    const std::vector<HistoryRow>& rows = result_.history;
    return epoch_ >= options_.epochs + 2 && rows.back().skipped > 0 && rows[rows.size() - 2].skipped > 0;
  }

  bool validates() const {
    const bool is_last = epoch_ + 1 == options_.epochs + options_.polish;
    return objective_.validate && (is_last || (epoch_ + 1) % options_.validate_every == 0);
  }

  void run_epoch() {
    const bool polishes = epoch_ >= options_.epochs;
    Optimizer& optimizer = polishes ? polisher_ : optimizer_;
    const double rate = polishes ? 1.0 : learning_rate(options_.schedule, epoch_, options_.epochs);
    HistoryRow row{.epoch = static_cast<double>(epoch_), .learning_rate = rate};
    // The training loss is that of the weights before the epoch, the validation's that of the weights after it.
    const bool judges_end = objective_.validate || keeps_last();
    std::map<std::string, HostArray> judged;
    if (!judges_end) judged = values_by_name(objective_.parameters);
    double misclassified = 0;
    for_each_batch(polishes ? all_in_turn(objective_.num_samples) : order_of(epoch_),
                   polishes ? objective_.num_samples : batch_size(), [&](const Batch& batch) {
                     const StepResult step =
                         optimizer.step([&] { return objective_.evaluate(batch); }, row.learning_rate);
                     row.loss += share_of(step.loss, batch);
                     misclassified += share_of(step.misclassified, batch);
                     row.gradient_norm = step.gradient_norm;
                     row.skipped += step.was_skipped ? 1 : 0;
                     add_report(step.report, row);
                   });
    row.misclassified = misclassified;
    const bool is_judged = !objective_.validate || validates() || keeps_last();
    row.validation_loss = validates() ? objective_.validate() : std::numeric_limits<double>::quiet_NaN();
    row.seconds = earlier_seconds_ + seconds_since(began_);
    if (judges_end && is_judged) judged = values_by_name(objective_.parameters);
    if (is_judged) keep_best(validates() ? row.validation_loss : row.loss, epoch_, std::move(judged));
    result_.history.push_back(row);
    count(row);
  }

  std::size_t batch_size() const {
    return options_.batch == 0 ? objective_.num_samples : std::min(options_.batch, objective_.num_samples);
  }

  /// Steps before an epoch; those of the polish have one each.
  std::int64_t first_step(std::int64_t epoch) const {
    const std::size_t each = is_endless() ? 1 : (objective_.num_samples + batch_size() - 1) / batch_size();
    const std::int64_t whole = std::min(epoch, options_.epochs);
    return whole * static_cast<std::int64_t>(each) + epoch - whole;
  }

  /// All at once keep their order.
  std::vector<std::size_t> order_of(std::int64_t epoch) const {
    if (is_endless()) return {};
    if (batch_size() == objective_.num_samples) return all_in_turn(objective_.num_samples);
    const std::size_t shard = objective_.shard;
    if (shard > 0 && shard < objective_.num_samples)
      return shuffled_by_shard(epoch, objective_.num_samples, shard, options_.seed);
    return shuffled(epoch, objective_.num_samples, options_.seed);
  }

  /// Visits the samples in batches of `size`; the one batch of a stream, which has none to list.
  template <class Visit>
  void for_each_batch(std::span<const std::size_t> order, std::size_t size, Visit visit) const {
    Batch batch{.step = first_step(epoch_), .epoch = epoch_};
    do {
      batch.samples = order.first(std::min(size, order.size()));
      visit(batch);
      order = order.subspan(batch.samples.size());
      ++batch.step;
    } while (!order.empty());
  }

  /// What a batch's mean loss adds to that of all samples.
  double share_of(double loss, const Batch& batch) const {
    return is_endless()
               ? loss
               : loss * static_cast<double>(batch.samples.size()) / static_cast<double>(objective_.num_samples);
  }

  static void add_report(const RunReport& report, HistoryRow& row) {
    row.nfe_forward += static_cast<double>(report.nfe_forward);
    row.nfe_backward += static_cast<double>(report.nfe_backward);
    row.accepted += static_cast<double>(report.accepted);
    row.rejected += static_cast<double>(report.rejected);
    row.failed += static_cast<double>(report.failures.size());
  }

  /// The mean loss over all samples, taken by the batch.
  double loss_of_all() const {
    double loss = 0;
    for_each_batch(all_in_turn(objective_.num_samples), batch_size(),
                   [&](const Batch& batch) { loss += share_of(objective_.evaluate(batch).loss, batch); });
    return loss;
  }

  bool is_kept(double loss) const {
    if (options_.keep == Keep::kLast) return true;
    return std::isfinite(loss) && (keeps_last() || result_.best_epoch < 0 || loss < result_.best_loss);
  }

  void keep_best(double loss, std::int64_t epoch, std::map<std::string, HostArray> weights) {
    if (!is_kept(loss)) return;
    result_.best_epoch = epoch;
    result_.best_loss = loss;
    best_ = std::move(weights);
  }

  void save(std::int64_t next_epoch) {
    if (options_.checkpoint.empty() || this_rank() != 0) return;
    write_checkpoint(options_.checkpoint, {.fingerprint = options_.fingerprint,
                                           .next_epoch = next_epoch,
                                           .best_epoch = result_.best_epoch,
                                           .best_loss = result_.best_loss,
                                           .parameters = values_by_name(objective_.parameters),
                                           .best_parameters = best_,
                                           .optimizer = optimizer_.state(),
                                           .polisher = polisher_.state(),
                                           .history = result_.history});
    saved_ = Clock::now();
  }

  void restore() {
    const Checkpoint checkpoint = read_checkpoint(options_.checkpoint, options_.fingerprint);
    const std::string source = options_.checkpoint.string();
    if (checkpoint.parameters.size() != best_.size() || checkpoint.best_parameters.size() != best_.size())
      throw DataError("[train] '", source, "' has ", checkpoint.parameters.size(), " parameters; the model has ",
                      best_.size(), ".");
    optimizer_.set_state(checkpoint.optimizer);
    polisher_.set_state(checkpoint.polisher);
    set_values_by_name(objective_.parameters, checkpoint.best_parameters, source);
    set_values_by_name(objective_.parameters, checkpoint.parameters, source);
    best_ = checkpoint.best_parameters;
    result_.history = checkpoint.history;
    result_.best_epoch = checkpoint.best_epoch;
    result_.best_loss = checkpoint.best_loss;
    epoch_ = checkpoint.next_epoch;
    if (!result_.history.empty()) earlier_seconds_ = result_.history.back().seconds;
    for (const HistoryRow& row : result_.history) count(row);
  }

  const Objective& objective_;
  const TrainOptions& options_;
  Optimizer optimizer_, polisher_;
  TrainResult result_;
  std::map<std::string, HostArray> best_;
  std::int64_t epoch_ = 0;
  double idle_ = 0;         // epochs since the best loss, costly ones several times
  bool is_costly_ = false;  // whether there are any among them
  double earlier_seconds_ = 0;
  Clock::time_point began_, saved_ = Clock::now();
};

}  // namespace

std::string name(Keep keep) { return spelling(keep, kKeeps); }

Keep keep_from_name(const std::string& name) { return from_spelling<Keep>("train", "keep", name, kKeeps); }

std::string name(StopReason reason) {
  return spelling(reason, NameTable<5>{"epochs", "patience", "asked", "converged", "evaluations"});
}

TrainResult train(const Objective& objective, const TrainOptions& options) {
  return Training(objective, options).run();
}

}  // namespace costate
