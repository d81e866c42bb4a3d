#include "costate/io/safetensors.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "costate/base/error.h"
#include "costate/io/files.h"
#include "costate/io/internal/bytes.h"

namespace costate {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLengthBytes = 8;
/// The limit of the reference implementation; a foreign file's first 8 bytes usually exceed it.
constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;
constexpr const char* kMetadataKey = "__metadata__";
constexpr const char* kDigestKey = "costate.digest";

template <class... Part>
[[noreturn]] void reject_safetensors(const std::string& source, const Part&... part) {
  throw DataError("[read_safetensors] '", source, "' is not a sound safetensors file: ", part...,
                  ". It may be damaged, cut short or of another format.");
}

/// The header's dictionary. The JSON parser keeps one of two equal keys, so equal ones are caught while it reads.
Json parse_header(std::string_view header, const std::string& source) {
  std::vector<std::set<std::string>> seen;
  std::string repeated;
  const auto on_event = [&](int /*depth*/, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start) seen.emplace_back();
    if (event == Json::parse_event_t::object_end) seen.pop_back();
    if (event == Json::parse_event_t::key && !seen.back().insert(value.get<std::string>()).second)
      repeated = value.get<std::string>();
    return true;
  };
  constexpr bool kAllowExceptions = false;
  Json json = Json::parse(header, on_event, kAllowExceptions);
  if (json.is_discarded() || !json.is_object()) reject_safetensors(source, "its header is not a JSON dictionary");
  if (!repeated.empty()) reject_safetensors(source, "the name '", repeated, "' occurs twice in its header");
  return json;
}

std::map<std::string, std::string> read_metadata(const Json& json, const std::string& source) {
  if (!json.is_object()) reject_safetensors(source, "its ", kMetadataKey, " is not a dictionary");
  std::map<std::string, std::string> metadata;
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string())
      reject_safetensors(source, "the value of '", key, "' in its ", kMetadataKey, " is not text");
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

/// One array's place in the file.
struct Entry {
  std::string name;
  Dtype dtype = Dtype::kF64;
  std::vector<std::int64_t> axes;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

std::size_t element_bytes(Dtype dtype) { return dtype == Dtype::kF32 ? sizeof(float) : sizeof(double); }

bool is_list_of_unsigned(const Json& json) {
  return json.is_array() &&
         std::all_of(json.begin(), json.end(), [](const Json& item) { return item.is_number_unsigned(); });
}

Dtype read_dtype(const std::string& text, const std::string& name, const std::string& source) {
  if (text == "F32") return Dtype::kF32;
  if (text == "F64") return Dtype::kF64;
  throw NotSupported("[read_safetensors] '", source, "': only arrays of F32 and F64 are read; '", name, "' holds ",
                     text, ". Convert it first.");
}

Entry read_entry(const std::string& name, const Json& json, const std::string& source) {
  const bool has_fields = json.is_object() && json.contains("dtype") && json.contains("shape") &&
                          json.contains("data_offsets") && json["dtype"].is_string();
  if (!has_fields) reject_safetensors(source, "'", name, "' lacks its dtype, shape or data_offsets");
  if (!is_list_of_unsigned(json["shape"]))
    reject_safetensors(source, "the shape of '", name, "' is not a list of lengths");
  if (!is_list_of_unsigned(json["data_offsets"]) || json["data_offsets"].size() != 2)
    reject_safetensors(source, "the data_offsets of '", name, "' are not two positions");
  Entry entry{.name = name, .dtype = read_dtype(json["dtype"].get<std::string>(), name, source), .axes = {}};
  for (const Json& axis : json["shape"]) {
    const auto length = axis.get<std::uint64_t>();
    if (length > INT64_MAX) reject_safetensors(source, "the shape of '", name, "' is too large");
    entry.axes.push_back(static_cast<std::int64_t>(length));
  }
  entry.begin = json["data_offsets"][0].get<std::uint64_t>();
  entry.end = json["data_offsets"][1].get<std::uint64_t>();
  const auto size = internal::checked_size(entry.axes);
  if (!size) reject_safetensors(source, "the shape of '", name, "' is too large");
  if (entry.end < entry.begin || entry.end - entry.begin != *size * element_bytes(entry.dtype))
    reject_safetensors(source, "'", name, "' has ", text::join(entry.axes, " x "), " numbers but positions ",
                       entry.begin, " to ", entry.end);
  return entry;
}

/// The arrays must follow each other and fill the file.
void check_layout(std::vector<Entry>& entries, std::uint64_t data_bytes, const std::string& source) {
  std::sort(entries.begin(), entries.end(), [](const Entry& left, const Entry& right) {
    return std::tie(left.begin, left.end) < std::tie(right.begin, right.end);
  });
  std::uint64_t at = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != at)
      reject_safetensors(source, "'", entry.name, "' starts at position ", entry.begin,
                         entry.begin < at ? ", within" : ", not at", " the end of the array before it, ", at);
    at = entry.end;
  }
  if (at != data_bytes)
    reject_safetensors(source, "its arrays need ", at, " bytes but ", data_bytes, " follow the header");
}

template <class T>
HostArray read_array(const Entry& entry, std::string_view data) {
  std::vector<T> values((entry.end - entry.begin) / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), data.data() + entry.begin, entry.end - entry.begin);
  return HostArray(Shape(entry.axes), std::move(values));
}

void append_numbers(std::string& bytes, const HostArray& array) {
  const auto append = [&](auto numbers) {
    bytes.append(reinterpret_cast<const char*>(numbers.data()), numbers.size_bytes());
  };
  if (array.dtype() == Dtype::kF32)
    append(array.data<float>());
  else
    append(array.data<double>());
}

}  // namespace

const HostArray& ArrayFile::array(const std::string& name) const {
  const auto found = arrays.find(name);
  if (found != arrays.end()) return found->second;
  std::vector<std::string> known;
  for (const auto& entry : arrays) known.push_back(entry.first);
  throw DataError("[ArrayFile] ", text::unknown_name("array", name, known));
}

std::string to_safetensors(const ArrayFile& file) {
  Json header = Json::object();
  if (!file.metadata.empty()) header[kMetadataKey] = file.metadata;
  std::string data;
  // Wider types first keeps every array aligned; the reference implementation writes in the same order.
  for (const Dtype dtype : {Dtype::kF64, Dtype::kF32}) {
    for (const auto& [name, array] : file.arrays) {
      if (name == kMetadataKey)
        throw InvalidArgument("[write_safetensors] an array cannot be called '", kMetadataKey, "'; rename it.");
      if (array.dtype() != dtype) continue;
      const std::size_t begin = data.size();
      append_numbers(data, array);
      header[name] = {{"dtype", dtype == Dtype::kF32 ? "F32" : "F64"},
                      {"shape", array.shape().axes()},
                      {"data_offsets", {begin, data.size()}}};
    }
  }
  std::string text = header.dump(-1, ' ', false, Json::error_handler_t::replace);
  text.append((kLengthBytes - text.size() % kLengthBytes) % kLengthBytes, ' ');
  std::string bytes;
  internal::append<std::uint64_t>(bytes, text.size());
  return bytes + text + data;
}

ArrayFile parse_safetensors(std::string_view bytes, const std::string& source) {
  if (bytes.size() < kLengthBytes) reject_safetensors(source, "it has only ", bytes.size(), " bytes");
  const auto header_bytes = internal::load<std::uint64_t>(bytes, 0);
  bytes.remove_prefix(kLengthBytes);
  if (header_bytes > kMaxHeaderBytes || header_bytes > bytes.size())
    reject_safetensors(source, "its header should have ", header_bytes, " bytes but ", bytes.size(), " follow");
  const Json header = parse_header(bytes.substr(0, header_bytes), source);
  const std::string_view data = bytes.substr(header_bytes);

  ArrayFile file;
  std::vector<Entry> entries;
  for (const auto& [name, value] : header.items()) {
    if (name == kMetadataKey)
      file.metadata = read_metadata(value, source);
    else
      entries.push_back(read_entry(name, value, source));
  }
  check_layout(entries, data.size(), source);
  for (const Entry& entry : entries)
    file.arrays.emplace(entry.name,
                        entry.dtype == Dtype::kF32 ? read_array<float>(entry, data) : read_array<double>(entry, data));
  return file;
}

ArrayFile read_safetensors(const std::filesystem::path& path) {
  ArrayFile file = parse_safetensors(read_file(path), path.string());
  const auto written = file.metadata.extract(kDigestKey);
  if (!written.empty() && written.mapped() != digest_of(to_safetensors(file)))
    throw DataError("[read_safetensors] '", path.string(),
                    "' is damaged: its digest is not that of its contents. Take a copy, or write it again.");
  return file;
}

void write_safetensors(const std::filesystem::path& path, const ArrayFile& file) {
  ArrayFile sealed = file;
  sealed.metadata[kDigestKey] = digest_of(to_safetensors(file));
  write_atomically(path, to_safetensors(sealed));
}

}  // namespace costate
