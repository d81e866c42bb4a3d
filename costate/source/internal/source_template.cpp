#include "costate/source/internal/source_template.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <sstream>

#include "costate/base/error.h"
#include "costate/source/internal/c_text.h"

namespace costate::internal {
namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

/// Lines whose conditions hold.
std::string chosen_lines(std::string_view text, const std::set<std::string>& conditions) {
  std::istringstream in{std::string(text)};
  std::string line, chosen;
  std::vector<bool> holds;  // of each @if around
  const auto is_chosen = [&] { return std::find(holds.begin(), holds.end(), false) == holds.end(); };
  while (std::getline(in, line)) {
    if (line.starts_with("@if ")) {
      const bool negated = line[4] == '!';
      holds.push_back(conditions.contains(line.substr(negated ? 5 : 4)) != negated);
    } else if (line == "@else") {
      COSTATE_CHECK(!holds.empty(), "an @else without its @if");
      holds.back() = !holds.back();
    } else if (line == "@end") {
      COSTATE_CHECK(!holds.empty(), "an @end without its @if");
      holds.pop_back();
    } else if (is_chosen()) {
      chosen += line + "\n";
    }
  }
  COSTATE_CHECK(holds.empty(), "an @if without its @end");
  return chosen;
}

/// Goes through a text word by word.
class Filler {
 public:
  Filler(const std::string& text, const TemplateValues& values) : text_(text), values_(values) {}

  std::string fill() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '$')
        fill_value();
      else if (is_digit(c))
        fill_number();
      else if (is_word(c))
        out_ += renamed(take([](char letter) { return is_word(letter); }));
      else
        out_ += text_[at_++];
    }
    return std::move(out_);
  }

 private:
  template <class Takes>
  std::string take(Takes takes) {
    std::string taken;
    while (at_ < text_.size() && takes(text_[at_])) taken += text_[at_++];
    return taken;
  }

  void fill_value() {
    const bool is_braced = text_[++at_] == '{';
    if (is_braced) ++at_;
    const std::string name = take([](char c) { return is_word(c); });
    if (is_braced) ++at_;
    const auto found = values_.values.find(name);
    COSTATE_CHECK(found != values_.values.end(), "the template has no value for '", name, "'");
    out_ += found->second;
  }

  void fill_number() {
    std::string number;
    while (at_ < text_.size()) {
      const char c = text_[at_], before = number.empty() ? ' ' : number.back();
      const bool is_sign = (c == '-' || c == '+') && before == 'e';
      if (!is_word(c) && c != '.' && !is_sign) break;
      number += c;
      ++at_;
    }
    if (!number.ends_with("_r")) {
      out_ += number;
      return;
    }
    out_ += c_number(std::strtod(number.c_str(), nullptr), values_.dtype);
  }

  std::string renamed(const std::string& word) const {
    const bool is_f32 = values_.dtype == Dtype::kF32;
    if (word == "real") return is_f32 ? "float" : "double";
    if (word.starts_with("P_")) return values_.prefix + word.substr(1);
    if (word.starts_with("U_")) return upper_case(values_.prefix) + word.substr(1);
    if (word.ends_with("_m")) return word.substr(0, word.size() - 2) + (is_f32 ? "f" : "");
    return word;
  }

  const std::string& text_;
  const TemplateValues& values_;
  std::size_t at_ = 0;
  std::string out_;
};

}  // namespace

std::string fill_in(std::string_view text, const TemplateValues& values) {
  return Filler(chosen_lines(text, values.conditions), values).fill();
}

std::map<std::string, SourcePart> split_parts(const std::string& text) {
  std::map<std::string, SourcePart> parts;
  SourcePart* part = nullptr;
  std::istringstream in(text);
  std::string line;
  while (std::getline(in, line)) {
    if (line.starts_with("@part ")) {
      const std::size_t colon = line.find(':');
      part = &parts[line.substr(6, colon - 6)];
      std::istringstream needs(line.substr(colon + 1));
      for (std::string need; needs >> need;) part->needs.push_back(need);
    } else if (part != nullptr) {
      part->text += line + "\n";
    }
  }
  return parts;
}

}  // namespace costate::internal
