#include "costate/source/internal/c_text.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <iomanip>
#include <iterator>
#include <sstream>
#include <string_view>

#include "costate/base/text.h"

namespace costate::internal {
namespace {

/// Of C99 and C++20.
constexpr std::string_view kReserved[] = {
    "alignas",      "alignof",       "and",         "and_eq",   "asm",       "auto",
    "bitand",       "bitor",         "bool",        "break",    "case",      "catch",
    "char",         "class",         "compl",       "concept",  "const",     "consteval",
    "constexpr",    "constinit",     "const_cast",  "continue", "co_await",  "co_return",
    "co_yield",     "decltype",      "default",     "delete",   "do",        "double",
    "dynamic_cast", "else",          "enum",        "explicit", "export",    "extern",
    "false",        "float",         "for",         "friend",   "goto",      "if",
    "inline",       "int",           "long",        "mutable",  "namespace", "new",
    "noexcept",     "not",           "not_eq",      "nullptr",  "operator",  "or",
    "or_eq",        "private",       "protected",   "public",   "register",  "reinterpret_cast",
    "requires",     "restrict",      "return",      "short",    "signed",    "sizeof",
    "static",       "static_assert", "static_cast", "struct",   "switch",    "template",
    "this",         "thread_local",  "throw",       "true",     "try",       "typedef",
    "typeid",       "typename",      "union",       "unsigned", "using",     "virtual",
    "void",         "volatile",      "wchar_t",     "while",    "xor",       "xor_eq"};

bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool is_letter_or_digit(char c) { return is_letter(c) || std::isdigit(static_cast<unsigned char>(c)) != 0; }

template <class T>
std::string shortest(T number) {
  char buffer[64];
  const auto [end, error] = std::to_chars(std::begin(buffer), std::end(buffer), number);
  std::string text(buffer, end);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

}  // namespace

std::string upper_case(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return static_cast<char>(std::toupper(static_cast<unsigned char>(c))); });
  return text;
}

bool is_c_identifier(const std::string& text) {
  return !text.empty() && is_letter(text[0]) && std::ranges::all_of(text, is_letter_or_digit) &&
         std::ranges::find(kReserved, text) == std::end(kReserved);
}

std::string c_identifier(const std::string& text) {
  std::string name;
  for (const char c : text) name += is_letter_or_digit(c) ? c : '_';
  if (name.empty() || !is_letter(name[0])) name = "x" + name;
  return is_c_identifier(name) ? name : name + "_";
}

std::string unique_name(const std::string& name, std::set<std::string>& taken) {
  const std::string plain = c_identifier(name);
  std::string found = plain;
  for (int i = 2; !taken.insert(found).second; ++i) found = text::concat(plain, "_", i);
  return found;
}

std::string c_number(double number, Dtype dtype) {
  if (std::isnan(number)) return "NAN";
  if (std::isinf(number)) return number > 0 ? "INFINITY" : "-INFINITY";
  return dtype == Dtype::kF32 ? shortest(static_cast<float>(number)) + "f" : shortest(number);
}

std::string c_list(const std::vector<std::string>& items) {
  constexpr std::size_t kWidth = 110;
  std::string list = "{", line;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string item = items[i] + (i + 1 < items.size() ? ", " : "");
    if (line.size() + item.size() > kWidth) {
      line.pop_back();  // a blank
      list += "\n  " + line;
      line.clear();
    }
    line += item;
  }
  return list + (list.size() > 1 ? "\n  " : "") + line + "}";
}

std::string printable(std::string_view text) {
  // UTF-8 of U+0080 to U+009F, U+202A to U+202E, and U+2066 to U+2069.
  struct Range {
    std::string_view lead;
    unsigned char low, high;
    unsigned first;
  };
  constexpr Range kRanges[] = {{"", 0x00, 0x1F, 0x00},
                               {"", 0x7F, 0x7F, 0x7F},
                               {"\xC2", 0x80, 0x9F, 0x80},
                               {"\xE2\x80", 0xAA, 0xAE, 0x202A},
                               {"\xE2\x81", 0xA6, 0xA9, 0x2066}};
  std::string out;
  while (!text.empty()) {
    const auto in = std::ranges::find_if(kRanges, [text](const Range& range) {
      if (!text.starts_with(range.lead) || text.size() == range.lead.size()) return false;
      const auto last = static_cast<unsigned char>(text[range.lead.size()]);
      return last >= range.low && last <= range.high;
    });
    if (in == std::end(kRanges)) {
      out += text[0];
      text.remove_prefix(1);
      continue;
    }
    std::ostringstream code;
    code << "\\u" << std::uppercase << std::hex << std::setw(4) << std::setfill('0')
         << in->first + static_cast<unsigned char>(text[in->lead.size()]) - in->low;
    out += code.str();
    text.remove_prefix(in->lead.size() + 1);
  }
  return out;
}

std::string c_comment(const std::string& text) {
  std::istringstream in(text);
  std::string line, comment;
  while (std::getline(in, line)) {
    line = printable(line);
    for (std::size_t at; (at = line.find("??")) != std::string::npos;) line.replace(at, 2, "?\\u003F");
    for (std::size_t at; (at = line.find("*/")) != std::string::npos;) line.replace(at, 2, "* /");
    for (std::size_t at; (at = line.find("/*")) != std::string::npos;) line.replace(at, 2, "/ *");
    comment += (comment.empty() ? "/*" : " *") + (line.empty() ? "" : " " + line) + "\n";
  }
  if (!comment.empty()) comment.pop_back();
  return comment + " */\n";
}

}  // namespace costate::internal
