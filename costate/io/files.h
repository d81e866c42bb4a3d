// Whole files in and out. A file that Costate writes is either the old one or the new one, never half of it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace costate {

/// The bytes of a file. IoError with the path and the system's reason if it cannot be read.
std::string read_file(const std::filesystem::path& path);

/// Replaces the file at `path` by `bytes`, or leaves it as it was: writes a temporary file in the same folder, flushes
/// it to the disk and renames it. A link is followed; a device, a pipe or an open file (such as /dev/stdout) is written
/// straight through, at its end. The folder must exist.
///
/// Throws: IoError with the path and the system's reason (full disk, unwritable folder, …); the old file is intact
///         and the temporary file is gone.
void write_atomically(const std::filesystem::path& path, std::string_view bytes);

/// Removes from `folder` what write_atomically left there of processes that were killed while they wrote.
void remove_abandoned_files(const std::filesystem::path& folder);

/// 64-bit FNV-1a of the bytes, as hexadecimal digits: tells changed bytes, not forged ones.
std::string digest_of(std::string_view bytes);

}  // namespace costate
