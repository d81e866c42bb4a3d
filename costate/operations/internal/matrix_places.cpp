#include "costate/operations/internal/matrix_places.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace costate::internal {
namespace {

std::vector<std::int64_t> numbers_up_to(std::size_t count) {
  std::vector<std::int64_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

}  // namespace

MatrixPlaces::MatrixPlaces(IndexLists columns) : columns_(std::move(columns)) {}

std::vector<std::int64_t> MatrixPlaces::rows_of_numbers() const {
  return {columns_.members.begin(), columns_.members.end()};
}

std::vector<std::int64_t> MatrixPlaces::columns_of_numbers() const {
  std::vector<std::int64_t> columns;
  for (std::size_t j = 0; j < size(); ++j)
    columns.insert(columns.end(), columns_.starts[j + 1] - columns_.starts[j], static_cast<std::int64_t>(j));
  return columns;
}

/// Row by row, and within a row column by column.
std::vector<std::int64_t> MatrixPlaces::turned() const {
  std::vector<std::int64_t> positions = numbers_up_to(columns_.members.size());
  std::ranges::stable_sort(positions, {},
                           [&](std::int64_t k) { return columns_.members[static_cast<std::size_t>(k)]; });
  return positions;
}

std::shared_ptr<const MatrixPlaces> MatrixPlaces::transposed() const {
  return std::make_shared<const MatrixPlaces>(columns_.transposed(size()));
}

/// Columns of [A; 0], then those of [E; A].
std::shared_ptr<const MatrixPlaces> MatrixPlaces::doubled() const {
  IndexLists columns = columns_;
  const auto below = static_cast<std::int32_t>(size());
  for (std::size_t j = 0; j < size(); ++j) {
    for (const std::int32_t shift : {0, below})
      for (std::size_t at = columns_.starts[j]; at < columns_.starts[j + 1]; ++at)
        columns.members.push_back(columns_.members[at] + shift);
    columns.starts.push_back(columns.members.size());
  }
  return std::make_shared<const MatrixPlaces>(std::move(columns));
}

std::vector<std::int64_t> MatrixPlaces::doubled_numbers() const {
  std::vector<std::int64_t> positions = numbers_up_to(columns_.members.size());
  for (std::size_t j = 0; j < size(); ++j)
    for (const std::int64_t shift : {count(), std::int64_t{0}})
      for (std::size_t at = columns_.starts[j]; at < columns_.starts[j + 1]; ++at)
        positions.push_back(static_cast<std::int64_t>(at) + shift);
  return positions;
}

}  // namespace costate::internal
