// What was made of texts, of which those that were last asked for are kept.
#pragma once

#include <algorithm>
#include <cstddef>
#include <list>
#include <string>

namespace costate::internal {

template <class Value>
class LastUsed {
 public:
  explicit LastUsed(std::size_t most) : most_(most) {}

  /// The value of a text: make() where it is not kept. Holds until the next call.
  template <class Make>
  const Value& of(const std::string& text, const Make& make) {
    const auto found = std::ranges::find(entries_, text, &Entry::text);
    if (found == entries_.end())
      entries_.push_front({text, make()});
    else
      entries_.splice(entries_.begin(), entries_, found);
    if (entries_.size() > most_) entries_.pop_back();
    return entries_.front().value;
  }

 private:
  struct Entry {
    std::string text;
    Value value;
  };

  std::size_t most_;
  std::list<Entry> entries_;  // the last one first
};

}  // namespace costate::internal
