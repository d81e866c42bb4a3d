#include "costate/solve/internal/step_matrix.h"

#include <algorithm>

#include "costate/array/identity_matrix.h"
#include "costate/diff/diff.h"
#include "costate/graph/internal/builder.h"
#include "costate/graph/mark.h"
#include "costate/operations/internal/lane_lu.h"
#include "costate/solve/field_marks.h"
#include "costate/solve/internal/flat_state.h"

namespace costate::internal {
namespace {

// Below, dense factors in lanes are faster than sparse ones, whose places are looked up.
constexpr std::int64_t kLeastSparse = 128;
// A sparse matrix has at most an eighth of the numbers, and takes at most an eighth of the derivatives.
constexpr std::int64_t kLeastSaved = 8;

/// f of a flat state: t, y [n] and the other inputs.
Function flat_field(const VectorField& field, const Function& function) {
  GraphBuilder builder;
  const BuilderScope scope(builder);
  std::vector<Array> inputs = {builder.input("t", InputKind::kSample, Shape{})};
  const Array y = builder.input("y", InputKind::kSample, Shape{field.state_size()});
  for (const Array& part : split_state(y, field.parts())) inputs.push_back(part);
  for (std::size_t i = inputs.size(); i < function.inputs().size(); ++i)
    inputs.push_back(builder.input_like(function.inputs()[i]));
  const Array slope = join_state(inline_function(function, inputs));
  return builder.finish(std::span(&slope, 1));
}

/// With the diagonal, and where the mass matrix has numbers.
IndexLists with_mass(const IndexLists& rows, const std::vector<double>& mass) {
  const auto n = rows.size();
  IndexLists all;
  for (std::size_t i = 0; i < n; ++i) {
    std::vector<std::int32_t> columns(rows.members.begin() + static_cast<std::ptrdiff_t>(rows.starts[i]),
                                      rows.members.begin() + static_cast<std::ptrdiff_t>(rows.starts[i + 1]));
    if (mass.empty()) columns.push_back(static_cast<std::int32_t>(i));
    for (std::size_t j = 0; j < n && !mass.empty(); ++j)
      if (mass[i * n + j] != 0) columns.push_back(static_cast<std::int32_t>(j));
    std::ranges::sort(columns);
    columns.erase(std::ranges::unique(columns).begin(), columns.end());
    all.members.insert(all.members.end(), columns.begin(), columns.end());
    all.starts.push_back(all.members.size());
  }
  return all;
}

}  // namespace

FactoredMatrix::FactoredMatrix(const Array& matrix, std::shared_ptr<const SparsePlaces> places)
    : matrix_(places ? sparse_lu_factors(places, matrix) : matrix),
      factors_(places ? Array() : lu_factors(matrix)),
      places_(std::move(places)) {}

Array FactoredMatrix::solve(const Array& b) const {
  return places_ ? sparse_lu_solve(places_, matrix_, b) : lu_solve(matrix_, factors_, b);
}

StepMatrices::StepMatrices(const VectorField& field, const Function& function, const std::vector<double>& mass)
    : size_(field.state_size()), mass_(mass) {
  if (has_given_jacobian(function)) {
    given_ = jacobian_as_given(flat_field(field, function), 1);
    return;
  }
  if (size_ < kLeastSparse) return;
  const auto limit = static_cast<std::size_t>(size_ * size_ / kLeastSaved);
  const std::optional<IndexLists> rows = dependencies(drop_marks(flat_field(field, function)), 1, limit);
  if (!rows) return;
  const IndexLists columns = rows->transposed(rows->size());
  colors_ = color_columns(*rows, columns);
  num_colors_ = *std::ranges::max_element(colors_) + 1;
  if (num_colors_ > size_ / kLeastSaved) return;
  places_ = std::make_shared<const SparsePlaces>(SparsePlaces::of(with_mass(*rows, mass)));
  for (std::size_t k = 0; k < places_->rows.size(); ++k) {
    const auto i = static_cast<std::size_t>(places_->rows[k]);
    const auto first = rows->members.begin() + static_cast<std::ptrdiff_t>(rows->starts[i]);
    const auto last = rows->members.begin() + static_cast<std::ptrdiff_t>(rows->starts[i + 1]);
    const bool is_there = std::binary_search(first, last, static_cast<std::int32_t>(places_->columns[k]));
    const std::int64_t color = colors_[static_cast<std::size_t>(places_->columns[k])];
    positions_.push_back(is_there ? color * size_ + places_->rows[k] : num_colors_ * size_);
  }
}

Array StepMatrices::given(std::span<const Array> inputs) const { return inline_function(given_, inputs)[1]; }

Array StepMatrices::jacobian(const Array& slope, const Array& y) const {
  if (!is_sparse()) return costate::jacobian(slope, y);
  std::vector<Array> compressed;
  for (std::int64_t color = 0; color < num_colors_; ++color) {
    std::vector<double> seed(static_cast<std::size_t>(size_));
    for (std::size_t j = 0; j < seed.size(); ++j) seed[j] = colors_[j] == color ? 1 : 0;
    const Array along = constant(HostArray::vector(std::move(seed)));
    compressed.push_back(push_forward(std::span(&slope, 1), std::span(&y, 1), std::span(&along, 1))[0]);
  }
  compressed.push_back(zeros({1}));
  return gather(concat(compressed), positions_, {static_cast<std::int64_t>(positions_.size())});
}

Array StepMatrices::mass() const {
  const auto n = static_cast<std::size_t>(size_);
  if (!is_sparse()) return constant(mass_.empty() ? identity_matrix(size_) : HostArray(Shape{size_, size_}, mass_));
  std::vector<double> numbers;
  for (std::size_t k = 0; k < places_->rows.size(); ++k) {
    const auto i = static_cast<std::size_t>(places_->rows[k]), j = static_cast<std::size_t>(places_->columns[k]);
    numbers.push_back(mass_.empty() ? (i == j ? 1 : 0) : mass_[i * n + j]);
  }
  return constant(HostArray::vector(std::move(numbers)));
}

FactoredMatrix StepMatrices::factored_blocks(const std::vector<std::vector<Array>>& blocks) const {
  std::vector<Array> rows;
  for (const std::vector<Array>& row : blocks) rows.push_back(concat(row, is_sparse() ? 0 : 1));
  if (!is_sparse()) return {concat(rows), nullptr};
  const std::size_t count = blocks.size(), numbers = places_->rows.size();
  const std::vector<std::int64_t>&in_rows = places_->rows, &in_columns = places_->columns;
  SparsePlaces all{.size = static_cast<std::int64_t>(count) * size_, .rows = {}, .columns = {}};
  std::vector<std::int64_t> positions;  // of each number in the blocks, one behind the other
  for (std::size_t right = 0; right < count; ++right)
    for (std::size_t begin = 0, end = 0; begin < numbers; begin = end) {
      while (end < numbers && in_columns[end] == in_columns[begin]) ++end;
      for (std::size_t down = 0; down < count; ++down)
        for (std::size_t k = begin; k < end; ++k) {
          all.rows.push_back(static_cast<std::int64_t>(down) * size_ + in_rows[k]);
          all.columns.push_back(static_cast<std::int64_t>(right) * size_ + in_columns[k]);
          positions.push_back(static_cast<std::int64_t>((down * count + right) * numbers + k));
        }
    }
  const Array matrix = gather(concat(rows), positions, {static_cast<std::int64_t>(positions.size())});
  return {matrix, std::make_shared<const SparsePlaces>(std::move(all))};
}

Array StepMatrices::norm(const Array& jacobian) const {
  const Array size = abs(jacobian);
  const auto largest_sum = [&](std::int64_t axis) {
    if (!is_sparse()) return reduce_max(sum(size, {axis}), {0});
    return reduce_max(scatter(size, axis == 0 ? places_->columns : places_->rows, {size_}), {0});
  };
  return min(largest_sum(0), largest_sum(1));
}

}  // namespace costate::internal
