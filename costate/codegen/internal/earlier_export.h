// What an export may take the place of.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace costate::internal {

/// Whether a file is what an export of some target wrote, going by its content: source, weights of PyTorch, ONNX, FMU.
bool is_earlier_export(const std::filesystem::path& path);

/// The content of a file in a ZIP archive. Nothing if `archive` is none, or has no such file that can be read.
std::optional<std::string> zipped_file(const std::filesystem::path& archive, const std::string& name);

}  // namespace costate::internal
