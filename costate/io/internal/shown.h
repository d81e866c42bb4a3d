// Text of data files in messages and as names.
#pragma once

#include <string>
#include <string_view>

namespace costate::internal {

/// `text` as a message can hold it: on one line, cut after 60 characters; bytes that are no printable UTF-8 as \xHH.
std::string shown(std::string_view text);

/// `text`, or what it says in Latin-1 if it is no UTF-8.
std::string as_utf8(std::string text);

/// Whether `text` can name something in a config or a model file: UTF-8 on one line.
bool is_name(std::string_view text);

}  // namespace costate::internal
