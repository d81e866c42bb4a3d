#include "costate/codegen/internal/c_source.h"

#include <cmath>

#include "costate/base/error.h"
#include "costate/base/names.h"
#include "costate/codegen/internal/c_function.h"
#include "costate/graph/print.h"
#include "costate/source/internal/c_text.h"
#include "costate/source/internal/made_by.h"
#include "costate/source/internal/math_text.h"

namespace costate::internal {
namespace {

constexpr std::string_view kInterpolate =
#include "costate/codegen/internal/c/interpolate.inc"
    ;

/// The text for one way to interpolate.
std::string of_kind(std::string_view text, const std::string& kind) {
  const std::string placeholder = "KIND";
  std::string out(text);
  for (std::size_t at = 0; (at = out.find(placeholder, at)) != std::string::npos; at += kind.size())
    out.replace(at, placeholder.size(), kind);
  return out;
}

}  // namespace

CSource::CSource(const CExportOptions& options) : options_(options) {
  if (!is_c_identifier(options.prefix))
    throw InvalidArgument(
        "[export] the prefix must be a C identifier: letters, digits and underscores, no digit "
        "first, and no word of C or C++; got '",
        options.prefix, "'.");
  values_.prefix = options.prefix;
  values_.dtype = options.dtype;
  if (options.dtype == Dtype::kF32) values_.conditions.insert("f32");
  values_.conditions.insert(name(options.math));
}

std::string CSource::number(double value) const {
  if (!std::isfinite(value) && options_.math == CMath::kBuiltin)
    throw NotSupported("[export] a constant of the function is ", value,
                       ", for which C without math.h has no name; export it with --math libm.");
  return c_number(value, options_.dtype);
}

void CSource::load_parts() {
  const std::string_view math = options_.math == CMath::kLibm ? libm_math_text() : builtin_math_text();
  for (const std::string_view text : {common_math_text(), math}) parts_.offer(fill_in(text, values_));
  for (const char* kind : {"linear", "hold", "cubic"}) {
    TemplateValues values = values_;
    values.conditions.insert(kind);
    parts_.offer(fill_in(of_kind(kInterpolate, kind), values));
  }
  for (const auto& [part, text] : parts_.known()) names_.insert(prefixed(part));  // no constant is called like a helper
}

std::string CSource::helper(const std::string& part) {
  if (parts_.known().empty()) load_parts();
  if (!parts_.use(part))
    throw NotSupported("[export] --math builtin has no '", part, "' in ", options_.dtype == Dtype::kF32 ? "f32" : "f64",
                       "; export it with --math libm.");
  return prefixed(part);
}

std::string CSource::array(const std::string& wished, std::span<const double> numbers) {
  std::string& name = arrays_[{wished, {numbers.begin(), numbers.end()}}];
  if (!name.empty()) return name;
  if (parts_.known().empty()) load_parts();
  name = unique_name(prefixed(c_identifier(wished)), names_);
  std::vector<std::string> items;
  for (const double number : numbers) items.push_back(this->number(number));
  constants_ += text::concat("static const ", real(), " ", name, "[", items.size(), "] = ", c_list(items), ";\n");
  return name;
}

std::string CSource::table(std::span<const std::uint32_t> indices) {
  std::string& name = tables_[{indices.begin(), indices.end()}];
  if (!name.empty()) return name;
  name = unique_name(prefixed("rows"), names_);
  std::vector<std::string> items;
  for (const std::uint32_t index : indices) items.push_back(std::to_string(index));
  constants_ += text::concat("static const int ", name, "[", items.size(), "] = ", c_list(items), ";\n");
  return name;
}

void CSource::add_function(const std::string& name, const std::string& about, const StraightLine& line) {
  if (!is_c_identifier(name))
    throw InvalidArgument("[export] the function's name must be a C identifier; got '", name, "'.");
  names_.insert(prefixed(name));
  functions_ += "\n" + c_comment(about + "\n\n" + to_string(line.function));
  functions_ += c_function(*this, prefixed(name), line);
}

std::string CSource::text(const std::string& heading, const std::string& first_section) const {
  const std::string guard = upper_case(options_.prefix) + "_H";
  std::string out = c_comment(heading);
  out += text::concat("#ifndef ", guard, "\n#define ", guard, "\n\n#include <float.h>\n",
                      options_.math == CMath::kLibm ? "#include <math.h>\n" : "", "#include <stddef.h>\n",
                      options_.math == CMath::kBuiltin ? "#include <stdint.h>\n" : "", "\n");
  out += "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n";
  out += first_section;
  if (!parts_.text().empty()) out += "/* ---- Arithmetic */\n" + parts_.text();
  if (!constants_.empty()) out += "\n/* ---- Constants */\n\n" + constants_;
  out += functions_;
  return out + text::concat("\n#ifdef __cplusplus\n}\n#endif\n\n#endif /* ", guard, " */\n");
}

}  // namespace costate::internal

namespace costate {
namespace {

constexpr std::string_view kMathNames[] = {"libm", "builtin"};

}  // namespace

std::string name(CMath math) { return spelling(math, kMathNames); }
CMath c_math_from_name(const std::string& name) { return from_spelling<CMath>("export", "math", name, kMathNames); }

std::string export_c(const Function& function, const CExportOptions& options, const std::string& function_name) {
  internal::CSource source(options);
  source.add_function(function_name, "One sample. Numbers stand in row-major order.",
                      internal::straight_line(function, options.dtype));
  return source.text(text::concat(internal::made_by(), ": a traced function for one sample.\n",
                                  "Compile with -ffp-contract=off (or -std=c99) where the bits count."));
}

}  // namespace costate
