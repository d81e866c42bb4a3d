#include "costate/io/internal/shown.h"

#include <cstddef>

namespace costate::internal {
namespace {

constexpr std::size_t kMostCharacters = 60;

bool is_between(char c, unsigned low, unsigned high) {
  const auto code = static_cast<unsigned char>(c);
  return code >= low && code <= high;
}

/// Bytes of the UTF-8 character at the start of `text`, which is not empty; 0 if there is none (RFC 3629, section 4).
std::size_t character_bytes(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return 1;
  const std::size_t bytes = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
  if (bytes == 0 || text.size() < bytes) return 0;
  // No overlong forms, no surrogates, nothing above U+10FFFF.
  const unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (!is_between(text[1], low, high)) return 0;
  for (std::size_t i = 2; i < bytes; ++i)
    if (!is_between(text[i], 0x80, 0xBF)) return 0;
  return bytes;
}

}  // namespace

std::string shown(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (std::size_t count = 0; !text.empty(); ++count) {
    if (count == kMostCharacters) return out + "…";
    const std::size_t bytes = character_bytes(text);
    const auto code = static_cast<unsigned char>(text[0]);
    if (text[0] == '\n')
      out += "\\n";
    else if (bytes == 0 || code < 0x20 || code == 0x7F)
      out += {'\\', 'x', kHex[code >> 4], kHex[code & 15]};
    else
      out += text.substr(0, bytes);
    text.remove_prefix(bytes == 0 ? 1 : bytes);
  }
  return out;
}

std::string as_utf8(std::string text) {
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t bytes = character_bytes(rest);
    if (bytes > 0) {
      rest.remove_prefix(bytes);
      continue;
    }
    std::string converted;
    for (const char c : text) {
      const auto code = static_cast<unsigned char>(c);
      if (code < 0x80)
        converted += c;
      else
        converted += {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 0x3F))};
    }
    return converted;
  }
  return text;
}

bool is_name(std::string_view text) {
  while (!text.empty()) {
    const std::size_t bytes = character_bytes(text);
    if (bytes == 0 || text[0] == '\n' || text[0] == '\r') return false;
    text.remove_prefix(bytes);
  }
  return true;
}

}  // namespace costate::internal
