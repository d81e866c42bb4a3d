#include "costate/io/internal/zip_archive.h"

#include "costate/base/error.h"
#include "costate/io/internal/zip_handles.h"

namespace costate::internal {
namespace {

/// zlib's own choice; libzip's is 9, slower for nothing on floating-point numbers.
constexpr zip_uint32_t kDeflateLevel = 6;
/// 1980-01-01, the first day that the format can name.
constexpr zip_uint16_t kDate = 0x0021;

void check_zip(bool success, zip_error_t* error) {
  if (!success) throw InternalError("[zip] libzip cannot write: ", ::zip_error_strerror(error), ".");
}

/// The file must outlive the archive's closing.
void add_file(zip_t* archive, const ZippedFile& file, ZipMethod method) {
  ZipSource source(::zip_source_buffer(archive, file.content.data(), file.content.size(), 0));
  const zip_int64_t added = source ? ::zip_file_add(archive, file.name.c_str(), source.get(), ZIP_FL_ENC_UTF_8) : -1;
  check_zip(added >= 0, ::zip_get_error(archive));
  source.release();  // the archive's now
  const auto index = static_cast<zip_uint64_t>(added);
  const zip_int32_t compression = method == ZipMethod::kStored ? ZIP_CM_STORE : ZIP_CM_DEFLATE;
  check_zip(::zip_set_file_compression(archive, index, compression, kDeflateLevel) == 0 &&
                ::zip_file_set_dostime(archive, index, 0, kDate, 0) == 0,
            ::zip_get_error(archive));
}

/// What a closed archive left in memory.
std::string read_all(zip_source_t* memory) {
  zip_error_t* error = ::zip_source_error(memory);
  check_zip(::zip_source_open(memory) == 0 && ::zip_source_seek(memory, 0, SEEK_END) == 0, error);
  std::string bytes(static_cast<std::size_t>(::zip_source_tell(memory)), '\0');
  check_zip(::zip_source_seek(memory, 0, SEEK_SET) == 0, error);
  check_zip(::zip_source_read(memory, bytes.data(), bytes.size()) == static_cast<zip_int64_t>(bytes.size()), error);
  ::zip_source_close(memory);
  return bytes;
}

}  // namespace

std::string zip_archive(std::span<const ZippedFile> files, ZipMethod method) {
  if (files.empty()) return "PK\x05\x06" + std::string(18, '\0');  // libzip writes no archive of no files
  ZipError error;
  const ZipSource memory(::zip_source_buffer_create(nullptr, 0, 0, error.get()));
  check_zip(memory != nullptr, error.get());
  ZipArchive archive(::zip_open_from_source(memory.get(), ZIP_TRUNCATE, error.get()));
  check_zip(archive != nullptr, error.get());
  ::zip_source_keep(memory.get());  // past the archive's closing
  for (const ZippedFile& file : files) add_file(archive.get(), file, method);
  check_zip(::zip_close(archive.get()) == 0, ::zip_get_error(archive.get()));
  archive.release();  // closing has freed it
  return read_all(memory.get());
}

}  // namespace costate::internal
