#include "costate/cuda/internal/cuda_source.h"

#include "costate/base/error.h"
#include "costate/base/text.h"
#include "costate/source/internal/c_text.h"
#include "costate/source/internal/made_by.h"
#include "costate/source/internal/math_text.h"

namespace costate::internal {
namespace {

constexpr std::string_view kDevice =
#include "costate/cuda/internal/text/device.inc"
    ;

std::string prefix_of(Dtype dtype) { return dtype == Dtype::kF32 ? "costate_f32" : "costate_f64"; }

/// The C library's exact functions, then the library's own, then what only the C library has.
UsedParts elementary_functions(Dtype dtype) {
  const TemplateValues values{
      .prefix = prefix_of(dtype),
      .dtype = dtype,
      .conditions = dtype == Dtype::kF32 ? std::set<std::string>{"f32"} : std::set<std::string>{}};
  std::string exact;
  const auto libm = split_parts(fill_in(libm_math_text(), values));
  for (const char* name : {"sqrt", "floor"}) exact += text::concat("@part ", name, ":\n", libm.at(name).text);
  UsedParts parts;
  parts.offer(exact);
  for (const std::string_view text : {common_math_text(), builtin_math_text(), libm_math_text()})
    parts.offer(fill_in(text, values));
  return parts;
}

}  // namespace

const char* device_type(Dtype dtype) { return dtype == Dtype::kF32 ? "float" : "double"; }

CudaSource::CudaSource(std::size_t threads) : threads_(threads) {
  for (const Dtype dtype : {Dtype::kF32, Dtype::kF64}) {
    parts_[dtype] = elementary_functions(dtype);
    parts_[dtype].use("fma");
  }
}

std::string CudaSource::helper(const std::string& part, Dtype dtype) {
  if (!parts_[dtype].use(part)) throw NotSupported("[cuda] a kernel has no form for '", part, "'; run it on the CPU.");
  return prefix_of(dtype) + "_" + part;
}

std::string CudaSource::table(std::span<const std::uint32_t> indices) {
  std::string& name = tables_[{indices.begin(), indices.end()}];
  if (!name.empty()) return name;
  name = text::concat("costate_rows", tables_.size());
  std::vector<std::string> items;
  for (const std::uint32_t index : indices) items.push_back(std::to_string(index));
  constants_ += text::concat("COSTATE_TABLE int ", name, "[", items.size(), "] = ", c_list(items), ";\n");
  return name;
}

void CudaSource::add_once(std::string_view text) {
  if (added_.emplace(text).second) constants_ += text;
}

std::string CudaSource::text() const {
  return text::concat("/* ", made_by(), ". */\n#define COSTATE_THREADS ", threads_, "\n", kDevice,
                      parts_.at(Dtype::kF32).text(), parts_.at(Dtype::kF64).text(), constants_, body_);
}

}  // namespace costate::internal
