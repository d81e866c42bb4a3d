// The CUDA driver and NVRTC, as far as Costate calls them (costate/cuda/internal/card.cpp and nvrtc.cpp), on the host:
// the "card" is this process, its memory the heap, and a "cubin" a shared library that the machine's C++ compiler makes
// of the source beside emulation.h. Its SONAME is libcuda.so.1, so that once it is loaded the library finds it by that
// name; COSTATE_NVRTC names the same file.
#include <dlfcn.h>
#include <elf.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace {

using Address = unsigned long long;

struct Source {
  std::string text, log, code;
};

std::string contents(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// A folder for the length of a scope.
struct Folder {
  std::filesystem::path path;
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "costate_XXXXXX").string();
    path = ::mkdtemp(name.data()) == nullptr ? std::filesystem::path() : std::filesystem::path(name);
  }
  ~Folder() {
    std::error_code ignored;
    if (!path.empty()) std::filesystem::remove_all(path, ignored);
  }
};

/// The section headers stand at the end.
std::size_t size_of_library(const void* code) {
  Elf64_Ehdr header;
  std::memcpy(&header, code, sizeof header);
  return header.e_shoff + std::size_t{header.e_shnum} * header.e_shentsize;
}

}  // namespace

extern "C" {

/// Whether the threads of a phase, and the blocks, run from the last to the first.
bool costate_stand_in_backwards = false;
/// The stream of the last launch, how many bytes have been copied to the card and from there, how many blocks of its
/// memory are in use (all by any thread: a fit uses several), and how often this thread has opened it and not closed it
/// again.
std::atomic<void*> costate_stand_in_stream = nullptr;
std::atomic<std::size_t> costate_stand_in_copied = 0, costate_stand_in_blocks = 0;
thread_local std::size_t costate_stand_in_opened = 0;

std::size_t costate_stand_in_times_opened() { return costate_stand_in_opened; }

int cuInit(unsigned) { return 0; }
int cuGetErrorString(int, const char** text) {
  *text = "an error of the stand-in";
  return 0;
}
int cuDeviceGetCount(int* count) {
  *count = 1;
  return 0;
}
int cuDeviceGet(int* device, int) {
  *device = 0;
  return 0;
}
int cuDevicePrimaryCtxRetain(void** context, int) {
  *context = nullptr;
  return 0;
}
int cuDeviceGetAttribute(int* value, int which, int) {
  *value = which == 75 ? 9 : which == 76 ? 0 : 227 * 1024;  // sm_90, and its shared memory
  return 0;
}
int cuCtxPushCurrent_v2(void*) {
  ++costate_stand_in_opened;
  return 0;
}
int cuCtxPopCurrent_v2(void**) {
  --costate_stand_in_opened;
  return 0;
}
int cuStreamSynchronize(void*) { return 0; }

int cuMemAlloc_v2(Address* address, std::size_t bytes) {
  void* memory = std::malloc(bytes);
  if (memory == nullptr) return 1;
  std::memset(memory, 0xff, bytes);
  ++costate_stand_in_blocks;
  *address = reinterpret_cast<Address>(memory);
  return 0;
}
int cuMemFree_v2(Address address) {
  --costate_stand_in_blocks;
  std::free(reinterpret_cast<void*>(address));
  return 0;
}
int cuMemcpyHtoD_v2(Address to, const void* from, std::size_t bytes) {
  costate_stand_in_copied += bytes;
  std::memcpy(reinterpret_cast<void*>(to), from, bytes);
  return 0;
}
int cuMemcpyDtoH_v2(void* to, Address from, std::size_t bytes) {
  costate_stand_in_copied += bytes;
  std::memcpy(to, reinterpret_cast<const void*>(from), bytes);
  return 0;
}

int cuModuleLoadData(void** module, const void* code) {
  const Folder folder;
  const std::filesystem::path library = folder.path / "kernel.so";
  std::ofstream(library, std::ios::binary)
      .write(static_cast<const char*>(code), static_cast<std::streamsize>(size_of_library(code)));
  *module = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  return *module == nullptr ? 1 : 0;
}
int cuModuleUnload(void* module) { return dlclose(module); }
int cuModuleGetFunction(void** kernel, void* module, const char* name) {
  *kernel = dlsym(module, name);
  return *kernel == nullptr ? 1 : 0;
}
int cuFuncSetAttribute(void*, int, int) { return 0; }
int cuLaunchKernel(void* kernel, unsigned blocks, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned shared,
                   void* stream, void** arguments, void**) {
  costate_stand_in_stream = stream;
  using Run = void (*)(const void*, int, std::size_t, bool);
  reinterpret_cast<Run>(kernel)(arguments[0], static_cast<int>(blocks), shared, costate_stand_in_backwards);
  return 0;
}

int nvrtcVersion(int* major, int* minor) {
  *major = *minor = 0;
  return 0;
}
int nvrtcCreateProgram(void** program, const char* source, const char*, int, const char* const*, const char* const*) {
  *program = new Source{source, {}, {}};
  return 0;
}
int nvrtcDestroyProgram(void** program) {
  delete static_cast<Source*>(*program);
  return 0;
}
int nvrtcCompileProgram(void* program, int, const char* const*) {
  auto& source = *static_cast<Source*>(program);
  const Folder folder;
  std::string flags =
      " -std=c++17 -O0 -ffp-contract=off -Wall -Wextra -Werror -Wno-unknown-pragmas -Wno-unused -shared -fPIC";
#if defined(__x86_64__)
  if (__builtin_cpu_supports("fma")) flags += " -mfma";
#endif
  std::ofstream(folder.path / "kernel.cpp") << source.text;
  const std::string in = folder.path.string() + "/";
  const std::string command = "c++" + flags + " -I" + COSTATE_SOURCE_DIR + "/tests/cuda " + in + "kernel.cpp -o " + in +
                              "kernel.so > " + in + "log 2>&1";
  const int failed = std::system(command.c_str());
  source.log = contents(folder.path / "log");
  source.code = contents(folder.path / "kernel.so");
  return failed == 0 ? 0 : 6;
}
int nvrtcGetCUBINSize(void* program, std::size_t* size) {
  *size = static_cast<Source*>(program)->code.size();
  return 0;
}
int nvrtcGetCUBIN(void* program, char* code) {
  std::memcpy(code, static_cast<Source*>(program)->code.data(), static_cast<Source*>(program)->code.size());
  return 0;
}
int nvrtcGetProgramLogSize(void* program, std::size_t* size) {
  *size = static_cast<Source*>(program)->log.size() + 1;
  return 0;
}
int nvrtcGetProgramLog(void* program, char* log) {
  std::memcpy(log, static_cast<Source*>(program)->log.c_str(), static_cast<Source*>(program)->log.size() + 1);
  return 0;
}
const char* nvrtcGetErrorString(int) { return "the C++ compiler refuses it"; }
}
