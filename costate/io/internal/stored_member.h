// A file inside of a ZIP archive, as it lies there.
#pragma once

#include <string>
#include <string_view>

namespace costate::internal {

/// The bytes of the member `name` of an archive, of any size, that stores it without compression. DataError if the
/// archive is damaged or has no such member, naming those it has; NotSupported if the member is compressed or
/// encrypted.
std::string_view stored_member(std::string_view archive, const std::string& name, const std::string& source);

}  // namespace costate::internal
