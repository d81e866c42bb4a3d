// The options of a call in tables: one row an option, from which come the keywords that Python takes, their defaults,
// the signature in the type stub, and what pickles keep of an options struct.
#pragma once

#include <algorithm>
#include <filesystem>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "costate/base/option_value.h"
#include "python/bindings/bindings.h"

namespace costate::python {

/// What a call must have, by position or by name; what it may have, by position or by name; what it may have, by name;
/// and, of the latter, what says where weights start, which a net no longer shows once they have been trained. In this
/// order in a table.
enum class KeywordRole { kRequired, kInOrder, kOption, kStart };

template <class Options>
struct Keyword {
  std::string name;
  std::string annotation;  // as costate/_calls.py and the type stub read it
  std::function<nb::object(const Options&)> get;
  /// nb::next_overload, which becomes a sentence of _calls.py, if the value has another type.
  std::function<void(Options&, nb::handle)> set;
  KeywordRole role = KeywordRole::kOption;
};

template <class Options>
using Keywords = std::vector<Keyword<Options>>;

/// nb::next_overload for a list with True or False in it: a mask, and by no means the numbers 1 and 0.
void refuse_mask(nb::handle value);

/// The value of an argument. nb::next_overload if it has another type.
template <class X>
X argument_as(nb::handle value) {
  X x{};
  if constexpr (std::is_same_v<X, std::vector<std::int64_t>> || std::is_same_v<X, std::vector<double>>)
    refuse_mask(value);
  if (!nb::try_cast(value, x)) throw nb::next_overload();
  return x;
}

template <class X>
constexpr const char* annotation_of() {
  if constexpr (std::is_same_v<X, bool>) return "bool";
  if constexpr (std::is_integral_v<X>) return "int";
  if constexpr (std::is_same_v<X, double>) return "float";
  if constexpr (std::is_same_v<X, std::string>) return "str";
  if constexpr (std::is_same_v<X, std::optional<double>>) return "float | None";
  if constexpr (std::is_same_v<X, std::optional<int>>) return "int | None";
  if constexpr (std::is_same_v<X, std::vector<std::int64_t>>) return "collections.abc.Sequence[int]";
  if constexpr (std::is_same_v<X, std::vector<double>>) return "collections.abc.Sequence[float]";
}

/// An option that is a number, a text, True or False, or a list of numbers: `member(options)` refers to it.
template <class Options, class Member>
Keyword<Options> option_at(std::string name, Member member, KeywordRole role = KeywordRole::kOption) {
  using X = std::remove_cvref_t<decltype(member(std::declval<Options&>()))>;
  return {.name = std::move(name),
          .annotation = annotation_of<X>(),
          .get = [member](const Options& options) { return nb::cast(member(options)); },
          .set = [member](Options& options, nb::handle value) { member(options) = argument_as<X>(value); },
          .role = role};
}

template <class Options, class X>
Keyword<Options> option(std::string name, X Options::*member, KeywordRole role = KeywordRole::kOption) {
  return option_at<Options>(
      std::move(name), [member](auto& options) -> auto& { return options.*member; }, role);
}

template <class Options, class X>
Keyword<Options> required(std::string name, X Options::*member) {
  return option(std::move(name), member, KeywordRole::kRequired);
}

/// An enumeration, by its names.
template <class Options, class Enum>
Keyword<Options> choice(std::string keyword, Enum Options::*member, Enum (*from_name)(const std::string&),
                        KeywordRole role = KeywordRole::kOption) {
  return {
      .name = std::move(keyword),
      .annotation = "str",
      .get = [member](const Options& options) { return nb::cast(name(options.*member)); },
      .set = [member, from_name](Options& options,
                                 nb::handle value) { options.*member = from_name(argument_as<std::string>(value)); },
      .role = role};
}

/// The name of a class in signatures.
template <class T>
std::string name_of() {
  const nb::handle type = nb::type<T>();
  return nb::cast<std::string>(type.attr("__module__")) + "." + nb::cast<std::string>(type.attr("__name__"));
}

/// A struct of options of which Python has a class.
template <class Options, class Inner>
Keyword<Options> instance(std::string name, Inner Options::*member) {
  return {.name = std::move(name),
          .annotation = name_of<Inner>(),
          .get = [member](const Options& options) { return nb::cast(options.*member); },
          .set = [member](Options& options, nb::handle value) { options.*member = argument_as<Inner>(value); }};
}

/// The keywords of a member that is itself a struct of options.
template <class Options, class Inner>
Keywords<Options> of_member(const Keywords<Inner>& inner, Inner Options::*member) {
  Keywords<Options> keywords;
  for (const Keyword<Inner>& one : inner)
    keywords.push_back(
        {.name = one.name,
         .annotation = one.annotation,
         .get = [get = one.get, member](const Options& options) { return get(options.*member); },
         .set = [set = one.set, member](Options& options, nb::handle value) { set(options.*member, value); },
         .role = one.role});
  return keywords;
}

template <class Options>
Keywords<Options> joined(Keywords<Options> first, const Keywords<Options>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

nb::object to_python(const OptionValue& value, OptionKind kind);
/// nb::next_overload if the value has another type.
OptionValue from_python(nb::handle value, OptionKind kind);
const char* annotation_of(OptionKind kind);

/// A text of the library with keywords in place of the command line's flags: "name it with --state COLUMN" becomes
/// "name it with states=COLUMN".
std::string with_keywords(const std::string& text);

/// A row of one of the library's tables of options.
template <class Options>
Keyword<Options> of_table(std::string name, OptionKind kind, const OptionAccess<Options>& access) {
  return {.name = std::move(name),
          .annotation = annotation_of(kind),
          .get = [access, kind](const Options& options) { return to_python(access.get(options), kind); },
          .set = [access, kind](Options& options, nb::handle value) { access.set(options, from_python(value, kind)); }};
}

template <class Options>
bool is_required(const Keyword<Options>& keyword) {
  return keyword.role == KeywordRole::kRequired;
}

/// Whether it may be given by position.
template <class Options>
bool has_position(const Keyword<Options>& keyword) {
  return is_required(keyword) || keyword.role == KeywordRole::kInOrder;
}

/// The options of a call; those that are not given have their defaults. nb::next_overload if names or numbers do not
/// fit.
template <class Options>
Options from_call(const Keywords<Options>& keywords, const nb::tuple& by_position, const nb::kwargs& by_name) {
  Options options;
  const auto required = static_cast<std::size_t>(std::ranges::count_if(keywords, is_required<Options>));
  const auto ordered = static_cast<std::size_t>(std::ranges::count_if(keywords, has_position<Options>));
  if (by_position.size() > ordered) throw nb::next_overload();
  std::size_t place = 0;
  for (const nb::handle value : by_position) keywords[place++].set(options, value);
  std::size_t given = std::min(place, required);
  for (const auto& [key, value] : by_name) {
    const auto at = std::ranges::find(keywords, nb::cast<std::string>(key), &Keyword<Options>::name);
    if (at == keywords.end() || at - keywords.begin() < static_cast<std::ptrdiff_t>(by_position.size()))
      throw nb::next_overload();
    at->set(options, value);
    given += is_required(*at) ? 1 : 0;
  }
  if (given != required) throw nb::next_overload();
  return options;
}

template <class Options>
Options from_keywords(const Keywords<Options>& keywords, const nb::kwargs& given) {
  return from_call(keywords, nb::tuple(), given);
}

inline std::string repr_of(nb::handle value) { return nb::cast<std::string>(nb::repr(value)); }

/// The keywords as a signature has them, behind a comma: ", inputs: int, *, seed: int = 0".
template <class Options>
std::string parameters_of(const Keywords<Options>& keywords, bool is_behind_star = false) {
  std::string text;
  for (const Keyword<Options>& keyword : keywords) {
    if (!has_position(keyword) && !std::exchange(is_behind_star, true)) text += ", *";
    text += ", " + keyword.name + ": " + keyword.annotation;
    if (!is_required(keyword)) text += " = " + repr_of(keyword.get(Options{}));
  }
  return text;
}

/// "Mlp(2, [8], 2, activation='relu')": what differs from the defaults, but for where weights start.
template <class Options>
std::string call_text(const std::string& type, const Keywords<Options>& keywords, const Options& options) {
  std::vector<std::string> parts;
  for (const Keyword<Options>& keyword : keywords) {
    const std::string value = repr_of(keyword.get(options));
    if (is_required(keyword))
      parts.push_back(value);
    else if (keyword.role == KeywordRole::kOption && value != repr_of(keyword.get(Options{})))
      parts.push_back(keyword.name + "=" + value);
  }
  return type + "(" + text::join(parts) + ")";
}

/// All options by their names, and back: what pickles keep.
template <class Options>
nb::dict to_dict(const Keywords<Options>& keywords, const Options& options) {
  nb::dict values;
  for (const Keyword<Options>& keyword : keywords) values[keyword.name.c_str()] = keyword.get(options);
  return values;
}

template <class Options>
Options from_dict(const Keywords<Options>& keywords, const nb::dict& values) {
  Options options;
  for (const Keyword<Options>& keyword : keywords) keyword.set(options, values[keyword.name.c_str()]);
  return options;
}

/// A struct of options as a class: made by keywords, read by attributes, printed and pickled.
template <class Options>
void bind_options(nb::module_& module, const char* name, const Keywords<Options>& keywords, const char* doc) {
  nb::class_<Options> type(module, name, construct_by_init(), doc);
  const std::string signature = "def __init__(self" + parameters_of(keywords) + ") -> None";
  type.def(
      "__init__",
      [keywords](Options* self, const nb::args& args, const nb::kwargs& given) {
        new (self) Options(from_call(keywords, args, given));
      },
      nb::sig(signature.c_str()));
  for (const Keyword<Options>& keyword : keywords) {
    const std::string getter = "def " + keyword.name + "(self) -> " + keyword.annotation;
    type.def_prop_ro(
        keyword.name.c_str(), [get = keyword.get](const Options& options) { return get(options); },
        nb::for_getter(nb::sig(getter.c_str())));
  }
  type.def("__repr__",
           [keywords, name = std::string(name)](const Options& options) { return call_text(name, keywords, options); });
  type.def("__getstate__", [keywords](const Options& options) { return to_dict(keywords, options); });
  type.def("__setstate__", [keywords](Options& options, const nb::dict& values) {
    new (&options) Options(from_dict(keywords, values));
  });
}

}  // namespace costate::python
