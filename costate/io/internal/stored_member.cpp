// By PKWARE's APPNOTE 6.3.10: the end record (4.3.16, of ZIP64 4.3.14 and 4.3.15), the central directory (4.3.12), the
// local header (4.3.7). libzip reads members, but does not say where they lie.
#include "costate/io/internal/stored_member.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "costate/base/error.h"
#include "costate/io/internal/bytes.h"

namespace costate::internal {
namespace {

struct Entry {
  std::string name;
  std::uint16_t flags = 0, method = 0;
  std::uint64_t stored_size = 0, size = 0, header = 0;
};

class Archive {
 public:
  Archive(std::string_view bytes, const std::string& source) : bytes_(bytes), source_(source) {}

  std::vector<Entry> entries() const {
    const auto [first, count] = directory();
    std::vector<Entry> entries;
    for (std::uint64_t at = first, i = 0; i < count; ++i) {
      if (number<std::uint32_t>(at) != 0x02014b50) damaged("its directory is cut short");
      const std::uint64_t name = number<std::uint16_t>(at + 28), extra = number<std::uint16_t>(at + 30);
      Entry entry{.name = std::string(part(at + 46, name)),
                  .flags = number<std::uint16_t>(at + 8),
                  .method = number<std::uint16_t>(at + 10),
                  .stored_size = number<std::uint32_t>(at + 20),
                  .size = number<std::uint32_t>(at + 24),
                  .header = number<std::uint32_t>(at + 42)};
      complete(entry, at + 46 + name, extra);
      entries.push_back(std::move(entry));
      at += 46 + name + extra + number<std::uint16_t>(at + 32);
    }
    return entries;
  }

  std::string_view content(const Entry& entry) const {
    if (number<std::uint32_t>(entry.header) != 0x04034b50) damaged("'", entry.name, "' is not where it should be");
    const std::uint64_t begin =
        entry.header + 30 + number<std::uint16_t>(entry.header + 26) + number<std::uint16_t>(entry.header + 28);
    return part(begin, entry.size);
  }

 private:
  template <class... Part>
  [[noreturn]] void damaged(const Part&... reason) const {
    throw DataError("[read_npz] '", source_, "' is not a sound .npz file: ", reason...,
                    ". It may be damaged or cut short.");
  }

  std::string_view part(std::uint64_t at, std::uint64_t size) const {
    if (at > bytes_.size() || size > bytes_.size() - at) damaged("it ends too soon");
    return bytes_.substr(at, size);
  }

  template <class T>
  T number(std::uint64_t at) const {
    return load<T>(part(at, sizeof(T)), 0);
  }

  /// Where the central directory begins, and how many entries it has.
  std::pair<std::uint64_t, std::uint64_t> directory() const {
    constexpr std::string_view kEnd = "PK\x05\x06";
    const std::size_t end = bytes_.rfind(kEnd);
    if (end == std::string_view::npos) damaged("it has no directory");
    constexpr std::size_t kEndBytes = 22;
    part(end, kEndBytes);
    const std::uint64_t count = number<std::uint16_t>(end + 10), first = number<std::uint32_t>(end + 16);
    const bool is_large = count == 0xFFFF || first == 0xFFFFFFFF;
    if (!is_large) return {first, count};
    if (end < 20 || number<std::uint32_t>(end - 20) != 0x07064b50) damaged("its directory is cut short");
    const auto large = number<std::uint64_t>(end - 12);
    if (number<std::uint32_t>(large) != 0x06064b50) damaged("its directory is cut short");
    return {number<std::uint64_t>(large + 48), number<std::uint64_t>(large + 32)};
  }

  /// Sizes and places beyond 4 GiB stand in an extra field, those that are needed, in this order.
  void complete(Entry& entry, std::uint64_t at, std::uint64_t length) const {
    for (const std::uint64_t end = at + length; at + 4 <= end;) {
      const auto kind = number<std::uint16_t>(at), size = number<std::uint16_t>(at + 2);
      std::uint64_t next = at + 4;
      for (std::uint64_t* value : {&entry.size, &entry.stored_size, &entry.header})
        if (kind == 1 && *value == 0xFFFFFFFF) {
          *value = number<std::uint64_t>(next);
          next += 8;
        }
      at += 4 + std::uint64_t{size};
    }
  }

  std::string_view bytes_;
  const std::string& source_;
};

}  // namespace

std::string_view stored_member(std::string_view archive, const std::string& name, const std::string& source) {
  const Archive zip(archive, source);
  const std::vector<Entry> entries = zip.entries();
  const auto found = std::ranges::find(entries, name, &Entry::name);
  if (found == entries.end()) {
    std::vector<std::string> names;
    for (const Entry& entry : entries) names.push_back(entry.name.substr(0, entry.name.rfind(".npy")));
    throw DataError("[read_npz] '", source,
                    "': ", text::unknown_name("array", name.substr(0, name.rfind(".npy")), names));
  }
  if ((found->flags & 1U) != 0 || found->method != 0)
    throw NotSupported("[read_npz] '", source, "' holds '", name,
                       "' compressed or encrypted, which cannot be mapped; write it by numpy.savez, or as .npy.");
  return zip.content(*found);
}

}  // namespace costate::internal
