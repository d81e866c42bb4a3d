#include "costate/io/json.h"

#include <nlohmann/json.hpp>

#include "costate/base/error.h"
#include "costate/io/files.h"

namespace costate {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const JsonObject& object) {
  Json json = Json::object();
  for (const JsonMember& member : object)
    json[member.name] = std::visit(
        [](const auto& value) -> Json {
          if constexpr (std::is_same_v<std::decay_t<decltype(value)>, JsonObject>)
            return to_json(value);
          else
            return value;
        },
        member.value);
  return json;
}

}  // namespace

std::string format_json(const JsonObject& object) {
  // The library writes numbers that are not finite as null; text that is not UTF-8 must not stop a run at its end.
  constexpr int kIndent = 2;
  return to_json(object).dump(kIndent, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string read_json_text(const std::filesystem::path& path) {
  std::string text = read_file(path);
  if (!Json::accept(text))
    throw DataError("[read_json] '", path.string(), "' is not JSON; it may be damaged or cut short.");
  return text;
}

struct JsonFile::Node {
  Json json;

  const Json* find(const std::vector<std::string>& names) const {
    const Json* at = &json;
    for (const std::string& name : names) {
      const auto found = at->is_object() ? at->find(name) : at->end();
      if (found == at->end()) return nullptr;
      at = &*found;
    }
    return at;
  }
};

JsonFile::JsonFile(const std::filesystem::path& path)
    : root_(std::make_shared<Node>(Node{Json::parse(read_json_text(path))})) {}

std::optional<double> JsonFile::number(const std::vector<std::string>& names) const {
  const Json* found = root_->find(names);
  return found != nullptr && found->is_number() ? std::optional(found->get<double>()) : std::nullopt;
}

std::optional<std::string> JsonFile::text(const std::vector<std::string>& names) const {
  const Json* found = root_->find(names);
  return found != nullptr && found->is_string() ? std::optional(found->get<std::string>()) : std::nullopt;
}

std::vector<std::string> JsonFile::members(const std::vector<std::string>& names) const {
  const Json* found = root_->find(names);
  std::vector<std::string> members;
  if (found != nullptr && found->is_object())
    for (const auto& [name, value] : found->items()) members.push_back(name);
  return members;
}

void write_json(const std::filesystem::path& path, const JsonObject& object) {
  write_atomically(path, format_json(object));
}

}  // namespace costate
