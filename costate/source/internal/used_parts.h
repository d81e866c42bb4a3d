// The parts of templates that a generated source uses, each once and behind those that it needs.
#pragma once

#include <map>
#include <set>
#include <string>

#include "costate/source/internal/source_template.h"

namespace costate::internal {

class UsedParts {
 public:
  /// Parts of a text that is filled in; where a name is known already, the earlier part stays.
  void offer(const std::string& text) { known_.merge(split_parts(text)); }
  /// False if nobody has offered the part.
  bool use(const std::string& name);

  const std::map<std::string, SourcePart>& known() const { return known_; }
  /// All parts that are used.
  const std::string& text() const { return text_; }

 private:
  std::map<std::string, SourcePart> known_;
  std::set<std::string> used_;
  std::string text_;
};

}  // namespace costate::internal
