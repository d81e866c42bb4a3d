// Names, numbers and comments as C has them.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "costate/array/shape.h"

namespace costate::internal {

std::string upper_case(std::string text);

/// Letters, digits and underscores, no digit first, no word that C or C++ keeps for itself.
bool is_c_identifier(const std::string& text);

/// The nearest identifier: what is none of its characters becomes "_".
std::string c_identifier(const std::string& text);

/// An identifier like `name` that is not among those taken, which it joins.
std::string unique_name(const std::string& name, std::set<std::string>& taken);

/// The shortest text that gives the number back: "0.1f". INFINITY and NAN for those.
std::string c_number(double number, Dtype dtype);

/// "{1.0, 2.0, …}" in lines of at most 110 characters, indented by two.
std::string c_list(const std::vector<std::string>& items);

/// The text with control characters, and those that turn the direction of writing, as "\u202E": they break XML and
/// show other text than compilers read.
std::string printable(std::string_view text);

/// The text as a comment, each line after " * ", printable and without trigraphs.
std::string c_comment(const std::string& text);

}  // namespace costate::internal
