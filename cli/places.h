// Where commands write tables.
#pragma once

#include <filesystem>
#include <string>

namespace costate::cli {

/// A table may take the place of an earlier one, which has the command that made it beside it, in FILE.txt.
/// InvalidArgument if the file, or the one beside it, is anything else.
void check_place(const std::string& command, const std::filesystem::path& file);

}  // namespace costate::cli
