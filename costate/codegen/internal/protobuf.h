// Records of protocol buffers, as far as ONNX needs them (protobuf.dev, "Encoding"): a field is a tag, number and wire
// type, and a varint or bytes with their length before them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace costate::internal {

class ProtoRecord {
 public:
  ProtoRecord& number(std::uint32_t field, std::uint64_t value) {
    varint(std::uint64_t{field} << 3 | kVarint);
    varint(value);
    return *this;
  }
  ProtoRecord& bytes(std::uint32_t field, std::string_view value) {
    varint(std::uint64_t{field} << 3 | kBytes);
    varint(value.size());
    text_ += value;
    return *this;
  }
  ProtoRecord& record(std::uint32_t field, const ProtoRecord& value) { return bytes(field, value.text_); }

  const std::string& text() const { return text_; }

 private:
  static constexpr std::uint64_t kVarint = 0, kBytes = 2;

  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) text_ += static_cast<char>(value | 0x80);
    text_ += static_cast<char>(value);
  }

  std::string text_;
};

}  // namespace costate::internal
