// Text with places to fill in, from which the fixed parts of generated source are made.
//
//   @if NAME, @if !NAME, @else, @end   lines that stay only where a condition holds
//   @part NAME: OTHER …                begins a part, which needs others before it
//   $name, ${name}                     a value
//   P_name, U_NAME                     a name of the generated source: PREFIX_name, PREFIX_NAME
//   real, 0.5_r, exp_m                 the number type, a number of it, and a function of the C library for it
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "costate/array/shape.h"

namespace costate::internal {

struct TemplateValues {
  std::string prefix;
  Dtype dtype = Dtype::kF64;
  std::set<std::string> conditions = {};
  std::map<std::string, std::string> values = {};
};

/// The text with all filled in. InternalError for a value that is missing and an @if without its @end.
std::string fill_in(std::string_view text, const TemplateValues& values);

struct SourcePart {
  std::vector<std::string> needs;
  std::string text;
};

/// The parts of a text that is filled in already, by name.
std::map<std::string, SourcePart> split_parts(const std::string& text);

}  // namespace costate::internal
