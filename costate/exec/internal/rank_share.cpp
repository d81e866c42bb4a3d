#include "costate/exec/internal/rank_share.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

namespace costate::internal {
namespace {

/// What every rank tells of its part before its rows: its counts, and how long its failures are as bytes.
using Head = std::array<std::int64_t, 6>;

Head head_of(const RunReport& report, std::size_t failure_bytes) {
  return {report.nfe_forward, report.nfe_backward,   report.accepted,
          report.rejected,    report.factorizations, static_cast<std::int64_t>(failure_bytes)};
}

RunReport report_of(const Head& head) {
  return {.nfe_forward = head[0],
          .nfe_backward = head[1],
          .accepted = head[2],
          .rejected = head[3],
          .factorizations = head[4]};
}

void append(std::vector<std::byte>& bytes, std::span<const std::byte> more) {
  const std::size_t end = bytes.size();
  bytes.resize(end + more.size());
  std::ranges::copy(more, bytes.begin() + static_cast<std::ptrdiff_t>(end));
}

template <class T>
void put(std::vector<std::byte>& bytes, const T& value) {
  append(bytes, std::as_bytes(std::span(&value, 1)));
}

void put(std::vector<std::byte>& bytes, const std::string& text) {
  put(bytes, text.size());
  append(bytes, std::as_bytes(std::span(text)));
}

/// Reads what put() wrote.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  bool is_at_end() const { return bytes_.empty(); }

  template <class T>
  T take() {
    T value;
    std::memcpy(&value, bytes_.data(), sizeof(T));
    bytes_ = bytes_.subspan(sizeof(T));
    return value;
  }

  std::string take_text() {
    const auto size = take<std::size_t>();
    std::string text(reinterpret_cast<const char*>(bytes_.data()), size);
    bytes_ = bytes_.subspan(size);
    return text;
  }

 private:
  std::span<const std::byte> bytes_;
};

std::vector<std::byte> bytes_of(const std::vector<SampleFailure>& failures) {
  std::vector<std::byte> bytes;
  for (const SampleFailure& failure : failures) {
    put(bytes, failure.sample);
    put(bytes, failure.reason);
    put(bytes, failure.t);
    put(bytes, failure.h);
    put(bytes, failure.advice);
  }
  return bytes;
}

std::vector<SampleFailure> failures_of(std::span<const std::byte> bytes) {
  std::vector<SampleFailure> failures;
  for (Reader reader(bytes); !reader.is_at_end();) {
    SampleFailure& failure = failures.emplace_back();
    failure.sample = reader.take<std::int64_t>();
    failure.reason = reader.take_text();
    failure.t = reader.take<double>();
    failure.h = reader.take<double>();
    failure.advice = reader.take_text();
  }
  return failures;
}

std::size_t size_of_part(std::size_t rows, std::span<const SharedRows> arrays) {
  std::size_t bytes = sizeof(Head);
  for (const SharedRows& array : arrays) bytes += rows * array.row_bytes;
  return bytes;
}

/// Of all ranks, one after the other.
std::vector<std::byte> gather(Communicator& ranks, std::span<const std::byte> mine,
                              const std::vector<std::size_t>& begins) {
  std::vector<std::byte> all(begins.back());
  std::ranges::copy(mine, all.begin() + static_cast<std::ptrdiff_t>(begins[static_cast<std::size_t>(ranks.rank())]));
  ranks.all_gather(all, begins);
  return all;
}

}  // namespace

RankShare share_of(std::size_t count, const Communicator& ranks, int rank) {
  const std::size_t active = std::min(count, static_cast<std::size_t>(ranks.size())),
                    r = static_cast<std::size_t>(rank);
  if (r >= active) return {count, count};
  return {r * count / active, (r + 1) * count / active};
}

void exchange_rows(Communicator& ranks, std::span<const std::size_t> begins, std::span<const SharedRows> arrays,
                   RunReport& report) {
  const auto size = static_cast<std::size_t>(ranks.size()), own = static_cast<std::size_t>(ranks.rank());
  std::vector<std::size_t> places = {0};
  for (std::size_t r = 0; r < size; ++r)
    places.push_back(places.back() + size_of_part(begins[r + 1] - begins[r], arrays));
  const std::vector<std::byte> failures = bytes_of(report.failures);
  std::vector<std::byte> mine;
  put(mine, head_of(report, failures.size()));
  for (const SharedRows& array : arrays) {
    append(mine, array.bytes.subspan(begins[own] * array.row_bytes, (begins[own + 1] - begins[own]) * array.row_bytes));
  }
  const std::vector<std::byte> all = gather(ranks, mine, places);
  report = {};
  std::vector<std::size_t> failure_places = {0};
  for (std::size_t r = 0; r < size; ++r) {
    Reader reader(std::span<const std::byte>{all}.subspan(places[r]));
    const Head head = reader.take<Head>();
    report.merge(report_of(head));
    failure_places.push_back(failure_places.back() + static_cast<std::size_t>(head[5]));
    std::size_t at = places[r] + sizeof(Head);
    for (const SharedRows& array : arrays) {
      const std::size_t count = (begins[r + 1] - begins[r]) * array.row_bytes;
      std::ranges::copy(std::span(all).subspan(at, count), array.bytes.subspan(begins[r] * array.row_bytes).begin());
      at += count;
    }
  }
  if (failure_places.back() > 0) report.failures = failures_of(gather(ranks, failures, failure_places));
}

}  // namespace costate::internal
