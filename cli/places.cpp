#include "cli/places.h"

#include <fstream>
#include <system_error>

#include "costate/base/base.h"

namespace costate::cli {
namespace {

namespace fs = std::filesystem;

/// Not there, empty, or no file at all, as /dev/stdout.
bool is_free(const fs::path& file) {
  std::error_code ignored;
  return !fs::is_regular_file(file, ignored) || fs::file_size(file, ignored) == 0;
}

bool is_note(const fs::path& file) {
  constexpr std::string_view kMark = "costate ";
  std::string begin(kMark.size(), '\0');
  std::ifstream(file, std::ios::binary).read(begin.data(), static_cast<std::streamsize>(begin.size()));
  return begin == kMark;
}

}  // namespace

void check_place(const std::string& command, const fs::path& file) {
  const fs::path note = file.string() + ".txt";
  const bool is_noted = is_note(note);
  if (!is_free(file) && !is_noted)
    throw InvalidArgument("[", command, "] '", file.string(), "' is there, and no '", note.string(),
                          "' says that costate wrote it; choose another file, or remove it.");
  if (!is_free(note) && !is_noted)
    throw InvalidArgument("[", command, "] '", note.string(),
                          "' is there and was not written by costate, which would put there how '", file.string(),
                          "' was made; choose another file, or remove it.");
}

}  // namespace costate::cli
