// Results as JSON, for other programs to read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <variant>
#include <vector>

namespace costate {

struct JsonMember;
/// Members in the order in which they are written.
using JsonObject = std::vector<JsonMember>;
using JsonValue =
    std::variant<bool, std::int64_t, double, std::string, std::vector<double>, std::vector<std::string>, JsonObject>;
struct JsonMember {
  std::string name;
  JsonValue value;
};

/// The object as indented JSON. Doubles read back to the same bits; NaN and infinities, which JSON lacks, become null.
std::string format_json(const JsonObject& object);

/// The text of a JSON file. IoError if it cannot be read, DataError if it is not JSON.
std::string read_json_text(const std::filesystem::path& path);

/// Writes format_json's text with write_atomically.
void write_json(const std::filesystem::path& path, const JsonObject& object);

}  // namespace costate
