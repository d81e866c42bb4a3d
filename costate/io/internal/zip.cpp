// Layout (PKWARE's APPNOTE): members, each with a local header; then the directory, one entry a member; then the end
// record, which says where the directory is. Sizes are taken from the directory.
#include "costate/io/internal/zip.h"

#include <cstdint>

#include "costate/base/error.h"
#include "costate/io/internal/bytes.h"
#include "costate/io/internal/inflate.h"

namespace costate::internal {
namespace {

constexpr std::string_view kLocalMark = "PK\x03\x04";
constexpr std::string_view kEntryMark = "PK\x01\x02";
constexpr std::string_view kEndMark = "PK\x05\x06";
constexpr std::size_t kLocalBytes = 30;
constexpr std::size_t kEntryBytes = 46;
constexpr std::size_t kEndBytes = 22;
constexpr std::uint16_t kStored = 0;
constexpr std::uint16_t kDeflated = 8;
constexpr std::uint16_t kEncryptedFlag = 1;
constexpr std::uint32_t kIsZip64 = 0xFFFFFFFF;
/// The first version of the format with deflate; the date is 1980-01-01, so that equal contents give equal bytes.
constexpr std::uint16_t kVersion = 20;
constexpr std::uint32_t kDate = 0x00210000;

[[noreturn]] void reject(const std::string& source, const char* what) {
  throw DataError("[read_npz] '", source, "' is not a sound ZIP file: ", what, ". It may be damaged or cut short.");
}

std::string_view part(std::string_view bytes, std::size_t offset, std::size_t size, const std::string& source) {
  if (offset > bytes.size() || size > bytes.size() - offset) reject(source, "a part lies beyond its end");
  return bytes.substr(offset, size);
}

/// One entry of the directory.
struct Entry {
  std::uint16_t flags;
  std::uint16_t method;
  std::uint32_t checksum;
  std::uint32_t compressed_size;
  std::uint32_t size;
  std::uint32_t offset;
  std::string name;
  std::size_t entry_bytes;
};

Entry read_entry(std::string_view directory, const std::string& source) {
  const std::string_view fixed = part(directory, 0, kEntryBytes, source);
  if (!fixed.starts_with(kEntryMark)) reject(source, "its directory is broken");
  const auto name_bytes = load<std::uint16_t>(fixed, 28);
  const std::size_t rest_bytes = load<std::uint16_t>(fixed, 30) + std::size_t{load<std::uint16_t>(fixed, 32)};
  return {.flags = load<std::uint16_t>(fixed, 8),
          .method = load<std::uint16_t>(fixed, 10),
          .checksum = load<std::uint32_t>(fixed, 16),
          .compressed_size = load<std::uint32_t>(fixed, 20),
          .size = load<std::uint32_t>(fixed, 24),
          .offset = load<std::uint32_t>(fixed, 42),
          .name = std::string(part(directory, kEntryBytes, name_bytes, source)),
          .entry_bytes = kEntryBytes + name_bytes + rest_bytes};
}

std::string read_member(std::string_view bytes, const Entry& entry, const std::string& source) {
  if (entry.size == kIsZip64 || entry.compressed_size == kIsZip64 || entry.offset == kIsZip64)
    throw NotSupported("[read_npz] '", source, "' is a ZIP64 file of 4 GiB or more; save its arrays as .npy files.");
  if ((entry.flags & kEncryptedFlag) != 0 || (entry.method != kStored && entry.method != kDeflated))
    throw NotSupported("[read_npz] '", source, "': '", entry.name,
                       "' is encrypted or compressed by another method than deflate; save it with numpy.savez.");
  const std::string_view local = part(bytes, entry.offset, kLocalBytes, source);
  if (!local.starts_with(kLocalMark)) reject(source, "its directory points to the wrong place");
  const std::size_t data =
      entry.offset + kLocalBytes + load<std::uint16_t>(local, 26) + std::size_t{load<std::uint16_t>(local, 28)};
  const std::string_view stored = part(bytes, data, entry.compressed_size, source);
  if (entry.method == kStored && entry.size != entry.compressed_size) reject(source, "the sizes of a file differ");
  std::string content = entry.method == kStored ? std::string(stored) : inflate_raw(stored, entry.size, source);
  if (checksum(content) != entry.checksum) reject(source, "a checksum is wrong");
  return content;
}

/// What a local header and a directory entry have in common: from the version to the length of the extra field.
std::string common_fields(const ZipMember& member, std::string_view stored, ZipMethod method) {
  std::string bytes;
  append<std::uint16_t>(bytes, kVersion);
  append<std::uint16_t>(bytes, 0);  // flags
  append<std::uint16_t>(bytes, method == ZipMethod::kStored ? kStored : kDeflated);
  append<std::uint32_t>(bytes, kDate);
  append<std::uint32_t>(bytes, checksum(member.bytes));
  append<std::uint32_t>(bytes, static_cast<std::uint32_t>(stored.size()));
  append<std::uint32_t>(bytes, static_cast<std::uint32_t>(member.bytes.size()));
  append<std::uint16_t>(bytes, static_cast<std::uint16_t>(member.name.size()));
  append<std::uint16_t>(bytes, 0);  // extra field
  return bytes;
}

std::string directory_entry(const ZipMember& member, const std::string& fields, std::size_t offset) {
  std::string bytes(kEntryMark);
  append<std::uint16_t>(bytes, kVersion);
  bytes += fields;
  append<std::uint16_t>(bytes, 0);  // comment
  append<std::uint16_t>(bytes, 0);  // disk
  append<std::uint16_t>(bytes, 0);  // internal attributes
  append<std::uint32_t>(bytes, 0);  // external attributes
  append<std::uint32_t>(bytes, static_cast<std::uint32_t>(offset));
  return bytes + member.name;
}

}  // namespace

std::vector<ZipMember> read_zip(std::string_view bytes, const std::string& source) {
  if (bytes.size() < kEndBytes || !bytes.starts_with("PK")) reject(source, "it does not start like one");
  // The end record is followed by a comment of unknown length only.
  const std::size_t end = bytes.rfind(kEndMark, bytes.size() - kEndBytes);
  if (end == std::string_view::npos) reject(source, "its end is missing");
  const auto num_members = load<std::uint16_t>(bytes, end + 10);
  std::string_view directory = bytes.substr(0, end);
  directory = part(directory, load<std::uint32_t>(bytes, end + 16), load<std::uint32_t>(bytes, end + 12), source);
  std::vector<ZipMember> members;
  for (std::uint16_t i = 0; i < num_members; ++i) {
    Entry entry = read_entry(directory, source);
    members.push_back({entry.name, read_member(bytes, entry, source)});
    directory =
        part(directory, entry.entry_bytes, directory.size() - std::min(directory.size(), entry.entry_bytes), source);
  }
  return members;
}

std::string write_zip(const std::vector<ZipMember>& members, ZipMethod method) {
  std::string bytes;
  std::string directory;
  for (const ZipMember& member : members) {
    const std::string stored = method == ZipMethod::kStored ? member.bytes : deflate_raw(member.bytes);
    if (bytes.size() + member.bytes.size() + stored.size() >= kIsZip64 || members.size() >= 0xFFFF ||
        member.name.size() >= 0xFFFF)
      throw NotSupported("[write_npz] files of 4 GiB or more are not written; save the arrays as .npy files.");
    const std::string fields = common_fields(member, stored, method);
    directory += directory_entry(member, fields, bytes.size());
    bytes.append(kLocalMark).append(fields).append(member.name).append(stored);
  }
  const std::size_t offset = bytes.size();
  bytes.append(directory).append(kEndMark);
  append<std::uint32_t>(bytes, 0);  // disks
  append<std::uint16_t>(bytes, static_cast<std::uint16_t>(members.size()));
  append<std::uint16_t>(bytes, static_cast<std::uint16_t>(members.size()));
  append<std::uint32_t>(bytes, static_cast<std::uint32_t>(directory.size()));
  append<std::uint32_t>(bytes, static_cast<std::uint32_t>(offset));
  append<std::uint16_t>(bytes, 0);  // comment
  return bytes;
}

}  // namespace costate::internal
