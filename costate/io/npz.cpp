// .npz ↔ arrays. libzip keeps the container; each of its files is a .npy (npy.cpp).
#include <set>
#include <vector>

#include "costate/base/error.h"
#include "costate/io/files.h"
#include "costate/io/internal/npy_layout.h"
#include "costate/io/internal/npz_content.h"
#include "costate/io/internal/shown.h"
#include "costate/io/internal/zip_archive.h"
#include "costate/io/internal/zip_handles.h"
#include "costate/io/npy.h"

namespace costate {
namespace {

constexpr std::string_view kSuffix = ".npy";
using internal::ZipArchive;
using internal::ZipError;
using internal::ZipMember;
using internal::ZipSource;

[[noreturn]] void reject_npz(const std::string& source, const std::string& what) {
  throw DataError("[read_npz] '", source, "' is not a sound ZIP file: ", what, ". It may be damaged or cut short.");
}

/// The archive's bytes are read as they are asked for, so they must outlive it.
ZipArchive open_archive(std::string_view bytes, const std::string& source) {
  if (bytes.empty()) reject_npz(source, "it is empty");  // which libzip takes for an archive of no files
  ZipError error;
  ZipSource memory(::zip_source_buffer_create(bytes.data(), bytes.size(), 0, error.get()));
  ZipArchive archive(memory ? ::zip_open_from_source(memory.get(), ZIP_RDONLY, error.get()) : nullptr);
  if (!archive) reject_npz(source, error.text());
  memory.release();  // the archive's now
  return archive;
}

ZipMember open_file(zip_t* archive, zip_uint64_t index, const std::string& name, const std::string& source) {
  ZipMember file(::zip_fopen_index(archive, index, 0));
  if (file) return file;
  zip_error_t* error = ::zip_get_error(archive);
  switch (::zip_error_code_zip(error)) {
    case ZIP_ER_COMPNOTSUPP:
    case ZIP_ER_ENCRNOTSUPP:
    case ZIP_ER_NOPASSWD:
      throw NotSupported("[read_npz] '", source, "': '", internal::shown(name),
                         "' is encrypted or compressed by another method than deflate; save it with numpy.savez.");
    default:
      reject_npz(source, ::zip_error_strerror(error));
  }
}

/// The sizes in an archive are not to be trusted, so the text grows as it is read.
std::string read_content(zip_t* archive, zip_uint64_t index, const std::string& name, const std::string& source) {
  const ZipMember file = open_file(archive, index, name, source);
  std::string content;
  std::vector<char> block(std::size_t{1} << 16);
  while (true) {
    const zip_int64_t count = ::zip_fread(file.get(), block.data(), block.size());
    if (count < 0) reject_npz(source, ::zip_error_strerror(::zip_file_get_error(file.get())));
    if (count == 0) return content;
    content.append(block.data(), static_cast<std::size_t>(count));
  }
}

/// Gives each file of the archive to `take`, by its name without ".npy".
template <class Take>
void for_each_file(std::string_view bytes, const std::string& source, const Take& take) {
  const ZipArchive archive = open_archive(bytes, source);
  std::set<std::string> names;
  const zip_int64_t num_files = ::zip_get_num_entries(archive.get(), 0);
  for (zip_uint64_t index = 0; index < static_cast<zip_uint64_t>(num_files); ++index) {
    const char* stored_name = ::zip_get_name(archive.get(), index, 0);
    if (stored_name == nullptr) reject_npz(source, ::zip_error_strerror(::zip_get_error(archive.get())));
    std::string name = stored_name;
    const std::string content = read_content(archive.get(), index, name, source);
    const std::string place = source + "/" + internal::shown(name);
    if (name.ends_with(kSuffix)) name.resize(name.size() - kSuffix.size());
    if (!names.insert(name).second)
      throw DataError("[read_npz] '", source, "' holds two arrays called '", internal::shown(name), "'.");
    take(name, content, place);
  }
}

}  // namespace

std::map<std::string, HostArray> parse_npz(std::string_view bytes, const std::string& source) {
  std::map<std::string, HostArray> arrays;
  for_each_file(bytes, source, [&](const std::string& name, const std::string& content, const std::string& place) {
    arrays.emplace(name, parse_npy(content, place));
  });
  return arrays;
}

internal::NpzContent internal::read_npz_content(std::string_view bytes, const std::string& source) {
  NpzContent read;
  for_each_file(bytes, source, [&](const std::string& name, const std::string& content, const std::string& place) {
    try {
      read.arrays.emplace(name, parse_npy(content, place));
    } catch (const UnreadArray& error) {
      read.others[name] = error.reason();
    }
  });
  return read;
}

std::string to_npz(const std::map<std::string, HostArray>& arrays, NpzCompression compression) {
  std::vector<internal::ZippedFile> files;
  for (const auto& [name, array] : arrays) {
    if (!internal::is_name(name) || name.find('\0') != std::string::npos)
      throw InvalidArgument("[write_npz] names of arrays must be UTF-8 on one line; got '", internal::shown(name),
                            "'.");
    files.push_back({name + std::string(kSuffix), to_npy(array)});
  }
  return internal::zip_archive(
      files, compression == NpzCompression::kStored ? internal::ZipMethod::kStored : internal::ZipMethod::kDeflated);
}

std::map<std::string, HostArray> read_npz(const std::filesystem::path& path) {
  return parse_npz(read_file(path), path.string());
}

void write_npz(const std::filesystem::path& path, const std::map<std::string, HostArray>& arrays,
               NpzCompression compression) {
  write_atomically(path, to_npz(arrays, compression));
}

}  // namespace costate
