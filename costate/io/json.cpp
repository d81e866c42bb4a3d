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

void write_json(const std::filesystem::path& path, const JsonObject& object) {
  write_atomically(path, format_json(object));
}

}  // namespace costate
