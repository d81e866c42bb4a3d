// The training loop: epochs of shuffled mini-batches of a fixed set, or steps on fresh samples without end; the best
// weights kept, resumable to the bit.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "costate/train/history.h"
#include "costate/train/optimizers.h"
#include "costate/train/schedules.h"

namespace costate {

/// The number of samples of a stream, which never runs out: each epoch is one step, on the samples that `evaluate`
/// draws by its number.
constexpr std::size_t kEndless = std::numeric_limits<std::size_t>::max();

/// What is to be minimized.
struct Objective {
  std::vector<Parameter> parameters;
  std::size_t num_samples = 0;  // or kEndless
  /// So many neighbouring samples are read together: epochs shuffle these shards, and the samples of each, so that data
  /// on a disk are read in long stretches. 0: all samples are one.
  std::size_t shard = 0;
  /// Mean loss and gradients of a batch at the Parameters' current values, such as mean_loss. Resumed runs give the
  /// same bits if it depends on nothing else.
  std::function<Evaluation(const Batch& batch)> evaluate = {};
  /// The loss that decides which weights are best; empty: the training loss, and that of the last weights on all
  /// samples. Losses of fresh samples tell nothing of the weights: of a stream the last ones count, then.
  std::function<double()> validate = {};
};

/// What to do with a checkpoint that is already there.
enum class Resume { kNo, kYes };

/// Which weights training ends at: those of the best epoch, or the last ones, whatever their loss.
enum class Keep { kBest, kLast };

/// "best", "last", and back. InvalidArgument for another name.
std::string name(Keep keep);
Keep keep_from_name(const std::string& name);

/// Which epochs patience counts: all, or those of the polish, if there is one. A falling learning rate and the polish
/// gain late what seems to be missed before.
enum class PatienceFrom { kStart, kPolish };

struct TrainOptions {
  std::int64_t epochs = 100;  // without those of polish
  std::size_t batch = 0;      // samples a step; 0: all. A stream has its own
  std::uint64_t seed = 0;     // of the order of the samples
  OptimizerOptions optimizer = {};
  Schedule schedule = {};
  Keep keep = Keep::kBest;
  std::int64_t polish = 0;  // further epochs of L-BFGS on all samples, which reaches minima that Adam circles
  /// Epochs from one validation to the next; after the last epoch it is done in any case. Only validated epochs can be
  /// the best.
  std::int64_t validate_every = 1;
  std::int64_t patience = 0;  // stop after this many epochs without a better loss; 0: never
  PatienceFrom patience_from = PatienceFrom::kStart;
  /// How many times the evaluations of the first epoch one may take; one that takes 3 times as many as that counts as 3
  /// epochs for patience, before a polish, too: where solves get costly and nothing is gained, patience ends sooner. 0:
  /// any number.
  double max_growth = 0;
  std::filesystem::path checkpoint = {};  // empty: none is written
  double checkpoint_seconds = 2;  // at least this long between two checkpoints; one is always written at the end
  std::string fingerprint = {};   // of the configuration, stored in the checkpoint
  Resume resume = Resume::kNo;
  std::function<void(const HistoryRow&)> on_epoch = {};
  std::function<bool()> should_stop = {};  // asked after each epoch
};

enum class StopReason {
  kEpochs,
  kPatience,
  kAsked,
  kConverged,    // the polish found no lower point, from a fresh start either: every further epoch would do the same
  kEvaluations,  // out of patience by costly epochs, which count more than once
};

/// "epochs", "patience", "asked", "converged", "evaluations".
std::string name(StopReason reason);

struct TrainResult {
  std::vector<HistoryRow> history;
  std::int64_t best_epoch = -1;  // of the weights kept: whose loss was lowest, or the last; -1: none had a finite loss
  double best_loss = 0;          // or validation error; NaN, with a warning, if none was finite
  StopReason reason = StopReason::kEpochs;

  /// How long it took, earlier sittings included.
  double seconds() const { return history.empty() ? 0 : history.back().seconds; }
};

/// Trains; the Parameters end at the best weights, or at those that `keep` says. The order of samples and all sums are
/// fixed by the options, so that a run that was killed and resumed gives the same bits as one that was not (seconds
/// excepted). In a CommunicatorScope the ranks share the samples of each batch and all end with these bits, however
/// many they are; rank 0 writes checkpoints, a stop that one of them asks for is one of all, and callbacks run on each.
///
/// Throws: InvalidArgument for options out of range, for more ranks than samples, for patience with the last weights,
/// for what a stream does not
///         have (a batch size, a polish, and patience where nothing validates) and for a checkpoint of another
///         configuration; IoError if a checkpoint cannot be written, which leaves the one before in place.
TrainResult train(const Objective& objective, const TrainOptions& options);

}  // namespace costate
