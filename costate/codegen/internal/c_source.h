// A C file under construction: the functions that were written so far, and the constants and helpers that they use.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "costate/codegen/export_c.h"
#include "costate/codegen/internal/straight_line.h"
#include "costate/source/internal/source_template.h"
#include "costate/source/internal/used_parts.h"

namespace costate::internal {

class CSource {
 public:
  /// InvalidArgument if the prefix is no C identifier.
  explicit CSource(const CExportOptions& options);

  const CExportOptions& options() const { return options_; }
  /// PREFIX_name
  std::string prefixed(const std::string& name) const { return options_.prefix + "_" + name; }
  const char* real() const { return options_.dtype == Dtype::kF32 ? "float" : "double"; }
  std::string number(double value) const;

  /// Conditions and values for the templates; what the options say is there from the start.
  TemplateValues& values() { return values_; }

  /// The function of a part of math_….inc and interpolate.inc, which joins the file with what it needs. NotSupported if
  /// these options have none.
  std::string helper(const std::string& part);

  /// A constant array, the same for the same name and numbers; returns what it is called.
  std::string array(const std::string& wished, std::span<const double> numbers);
  std::string table(std::span<const std::uint32_t> indices);

  /// Appends a function, with its graph as a comment; `about` says what it computes.
  void add_function(const std::string& name, const std::string& about, const StraightLine& line);
  void add_text(const std::string& text) { functions_ += text; }

  /// The whole file; `heading` is its first comment.
  std::string text(const std::string& heading, const std::string& first_section = "") const;

 private:
  void load_parts();

  CExportOptions options_;
  TemplateValues values_;
  UsedParts parts_;
  std::string constants_, functions_;
  std::map<std::pair<std::string, std::vector<double>>, std::string> arrays_;  // by the name wished for and numbers
  std::map<std::vector<std::uint32_t>, std::string> tables_;
  std::set<std::string> names_;
};

}  // namespace costate::internal
