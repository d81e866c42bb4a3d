// Results as JSON, for other programs to read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
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

/// A file of results, to be asked for some of them. IoError if it cannot be read, DataError if it is not JSON.
class JsonFile {
 public:
  explicit JsonFile(const std::filesystem::path& path);

  /// What the member of this name holds, in the member before it, and so on: number({"trials", "trial 1", "epochs"}).
  /// Nothing if there is none, or if it is no number (no text).
  std::optional<double> number(const std::vector<std::string>& names) const;
  std::optional<std::string> text(const std::vector<std::string>& names) const;
  /// The names of an object's members, in order; none if it is no object.
  std::vector<std::string> members(const std::vector<std::string>& names) const;

 private:
  struct Node;
  std::shared_ptr<const Node> root_;
};

/// Writes format_json's text with write_atomically.
void write_json(const std::filesystem::path& path, const JsonObject& object);

}  // namespace costate
