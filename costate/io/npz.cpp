// .npz ↔ arrays. libzip keeps the container; each of its files is a .npy (npy.cpp).
#include <zip.h>

#include <memory>
#include <vector>

#include "costate/base/error.h"
#include "costate/io/files.h"
#include "costate/io/internal/shown.h"
#include "costate/io/npy.h"

namespace costate {
namespace {

constexpr std::string_view kSuffix = ".npy";
/// zlib's own choice; libzip's is 9, slower for nothing on floating-point numbers.
constexpr zip_uint32_t kDeflateLevel = 6;
/// 1980-01-01, the first day that the format can name.
constexpr zip_uint16_t kDate = 0x0021;

/// libzip's account of what went wrong.
class ZipError {
 public:
  ZipError() { ::zip_error_init(&error_); }
  ~ZipError() { ::zip_error_fini(&error_); }
  ZipError(const ZipError&) = delete;
  ZipError& operator=(const ZipError&) = delete;

  zip_error_t* get() { return &error_; }
  std::string text() { return ::zip_error_strerror(&error_); }

 private:
  zip_error_t error_;
};

struct FreeZip {
  void operator()(zip_t* archive) const { ::zip_discard(archive); }
  void operator()(zip_source_t* source) const { ::zip_source_free(source); }
  void operator()(zip_file_t* file) const { ::zip_fclose(file); }
};
using Archive = std::unique_ptr<zip_t, FreeZip>;
using Source = std::unique_ptr<zip_source_t, FreeZip>;
using ZipMember = std::unique_ptr<zip_file_t, FreeZip>;

[[noreturn]] void reject_npz(const std::string& source, const std::string& what) {
  throw DataError("[read_npz] '", source, "' is not a sound ZIP file: ", what, ". It may be damaged or cut short.");
}

/// The archive's bytes are read as they are asked for, so they must outlive it.
Archive open_archive(std::string_view bytes, const std::string& source) {
  if (bytes.empty()) reject_npz(source, "it is empty");  // which libzip takes for an archive of no files
  ZipError error;
  Source memory(::zip_source_buffer_create(bytes.data(), bytes.size(), 0, error.get()));
  Archive archive(memory ? ::zip_open_from_source(memory.get(), ZIP_RDONLY, error.get()) : nullptr);
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

void check(bool success, zip_error_t* error) {
  if (!success) throw InternalError("[write_npz] libzip cannot write: ", ::zip_error_strerror(error), ".");
}

/// `content` must outlive the archive's closing.
void add_file(zip_t* archive, const std::string& name, const std::string& content, NpzCompression compression) {
  Source source(::zip_source_buffer(archive, content.data(), content.size(), 0));
  const zip_int64_t added = source ? ::zip_file_add(archive, name.c_str(), source.get(), ZIP_FL_ENC_UTF_8) : -1;
  check(added >= 0, ::zip_get_error(archive));
  source.release();  // the archive's now
  const auto index = static_cast<zip_uint64_t>(added);
  const zip_int32_t method = compression == NpzCompression::kStored ? ZIP_CM_STORE : ZIP_CM_DEFLATE;
  check(::zip_set_file_compression(archive, index, method, kDeflateLevel) == 0 &&
            ::zip_file_set_dostime(archive, index, 0, kDate, 0) == 0,
        ::zip_get_error(archive));
}

/// What a closed archive left in memory.
std::string read_all(zip_source_t* memory) {
  zip_error_t* error = ::zip_source_error(memory);
  check(::zip_source_open(memory) == 0 && ::zip_source_seek(memory, 0, SEEK_END) == 0, error);
  std::string bytes(static_cast<std::size_t>(::zip_source_tell(memory)), '\0');
  check(::zip_source_seek(memory, 0, SEEK_SET) == 0, error);
  check(::zip_source_read(memory, bytes.data(), bytes.size()) == static_cast<zip_int64_t>(bytes.size()), error);
  ::zip_source_close(memory);
  return bytes;
}

}  // namespace

std::map<std::string, HostArray> parse_npz(std::string_view bytes, const std::string& source) {
  const Archive archive = open_archive(bytes, source);
  std::map<std::string, HostArray> arrays;
  const zip_int64_t num_files = ::zip_get_num_entries(archive.get(), 0);
  for (zip_uint64_t index = 0; index < static_cast<zip_uint64_t>(num_files); ++index) {
    const char* stored_name = ::zip_get_name(archive.get(), index, 0);
    if (stored_name == nullptr) reject_npz(source, ::zip_error_strerror(::zip_get_error(archive.get())));
    std::string name = stored_name;
    const std::string content = read_content(archive.get(), index, name, source);
    HostArray array = parse_npy(content, source + "/" + internal::shown(name));
    if (name.ends_with(kSuffix)) name.resize(name.size() - kSuffix.size());
    if (!arrays.emplace(name, std::move(array)).second)
      throw DataError("[read_npz] '", source, "' holds two arrays called '", internal::shown(name), "'.");
  }
  return arrays;
}

std::string to_npz(const std::map<std::string, HostArray>& arrays, NpzCompression compression) {
  if (arrays.empty()) return "PK\x05\x06" + std::string(18, '\0');  // libzip writes no archive of no files
  std::vector<std::string> contents;                                // outlive the archive, which refers to them
  contents.reserve(arrays.size());
  ZipError error;
  const Source memory(::zip_source_buffer_create(nullptr, 0, 0, error.get()));
  check(memory != nullptr, error.get());
  Archive archive(::zip_open_from_source(memory.get(), ZIP_TRUNCATE, error.get()));
  check(archive != nullptr, error.get());
  ::zip_source_keep(memory.get());  // past the archive's closing
  for (const auto& [name, array] : arrays) {
    if (!internal::is_name(name) || name.find('\0') != std::string::npos)
      throw InvalidArgument("[write_npz] names of arrays must be UTF-8 on one line; got '", internal::shown(name),
                            "'.");
    contents.push_back(to_npy(array));
    add_file(archive.get(), name + std::string(kSuffix), contents.back(), compression);
  }
  check(::zip_close(archive.get()) == 0, ::zip_get_error(archive.get()));
  archive.release();  // closing has freed it
  return read_all(memory.get());
}

std::map<std::string, HostArray> read_npz(const std::filesystem::path& path) {
  return parse_npz(read_file(path), path.string());
}

void write_npz(const std::filesystem::path& path, const std::map<std::string, HostArray>& arrays,
               NpzCompression compression) {
  write_atomically(path, to_npz(arrays, compression));
}

}  // namespace costate
