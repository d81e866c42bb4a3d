#include "costate/codegen/internal/earlier_export.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "costate/codegen/internal/onnx_head.h"
#include "costate/io/files.h"
#include "costate/io/internal/zip_handles.h"
#include "costate/source/internal/made_by.h"

namespace costate::internal {
namespace {

/// What stands before kMadeBy, and from which byte on: in C, in Python, and behind the length of a header of
/// safetensors.
struct Opening {
  std::size_t from;
  std::string_view text;
};
constexpr Opening kOpenings[] = {{0, "/* "}, {0, "\"\"\""}, {8, R"({"__metadata__":{"about":")"}};

bool is_marked(std::string_view bytes) {
  return std::ranges::any_of(kOpenings, [bytes](const Opening& opening) {
    return bytes.size() > opening.from &&
           bytes.substr(opening.from).starts_with(std::string(opening.text) + std::string(kMadeBy));
  });
}

/// The attribute stands in the first tag, whose description, which names all columns, may come before it.
bool is_fmu(const std::filesystem::path& path) {
  const std::optional<std::string> description = zipped_file(path, "modelDescription.xml");
  if (!description) return false;
  const std::size_t tag = description->find("<fmiModelDescription");
  if (tag == std::string::npos) return false;
  const std::string attributes = description->substr(tag, description->find('>', tag) - tag);
  return attributes.find("generationTool=\"" + std::string(kMadeBy)) != std::string::npos;
}

}  // namespace

std::optional<std::string> zipped_file(const std::filesystem::path& archive, const std::string& name) {
  const ZipArchive opened(::zip_open(archive.c_str(), ZIP_RDONLY, nullptr));
  const ZipMember file(opened ? ::zip_fopen(opened.get(), name.c_str(), 0) : nullptr);
  if (!file) return std::nullopt;
  std::string content;
  std::vector<char> block(std::size_t{1} << 16);
  while (true) {
    const zip_int64_t count = ::zip_fread(file.get(), block.data(), block.size());
    if (count < 0) return std::nullopt;
    if (count == 0) return content;
    content.append(block.data(), static_cast<std::size_t>(count));
  }
}

bool is_earlier_export(const std::filesystem::path& path) {
  const std::string bytes = read_file(path);
  return is_marked(bytes) || bytes.starts_with(onnx_head().text()) || is_fmu(path);
}

}  // namespace costate::internal
