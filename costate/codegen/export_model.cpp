#include "costate/codegen/export_model.h"

#include <system_error>

#include "costate/base/error.h"
#include "costate/base/names.h"
#include "costate/codegen/internal/c_text.h"
#include "costate/io/files.h"

namespace costate {
namespace {

constexpr std::string_view kTargets[] = {"c", "python"};
constexpr std::string_view kMark = "Made by Costate ";  // in the first line of all that is written

/// What a model is exported to may take the place of an earlier export.
void check_place(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored) || std::filesystem::file_size(path, ignored) == 0) return;
  const std::string there = read_file(path);
  if (there.substr(0, there.find('\n')).find(kMark) == std::string::npos)
    throw InvalidArgument("[export] '", path.string(),
                          "' is there and no earlier export; choose another file, or remove it.");
}

}  // namespace

std::string name(ExportTarget target) { return spelling(target, kTargets); }

ExportTarget export_target_from_name(const std::string& name) {
  return from_spelling<ExportTarget>("export", "target", name, kTargets);
}

std::vector<std::string> export_targets() { return {std::begin(kTargets), std::end(kTargets)}; }

std::string prefix_of(const std::filesystem::path& folder) {
  const std::filesystem::path full = std::filesystem::absolute(folder).lexically_normal();
  const std::filesystem::path last = full.has_filename() ? full.filename() : full.parent_path().filename();
  return internal::c_identifier(last.string());
}

std::string default_file(ExportTarget target, const std::string& prefix) {
  return prefix + (target == ExportTarget::kC ? ".h" : ".py");
}

void write_export(const SeriesModel& model, ExportTarget target, const ModelExportOptions& options,
                  const std::filesystem::path& path) {
  const std::string text =
      target == ExportTarget::kC ? export_c(model, options) : export_numpy(model, options.c.dtype);
  check_place(path);
  write_atomically(path, text);
}

}  // namespace costate
