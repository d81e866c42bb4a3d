#include "costate/cuda/internal/card.h"

#include <cstdlib>
#include <mutex>
#include <string_view>

#include "costate/base/error.h"
#include "costate/cuda/internal/kernel_cache.h"
#include "costate/cuda/internal/last_used.h"
#include "costate/cuda/internal/loaded_library.h"
#include "costate/cuda/internal/nvrtc.h"

namespace costate::internal {
namespace {

// Handles and results of the driver's interface, and of its enumerations what is used here.
using Result = int;
using Address = unsigned long long;
using Handle = void*;
constexpr int kMajor = 75, kMinor = 76, kSharedOptIn = 97;  // CU_DEVICE_ATTRIBUTE_…
constexpr int kMaxDynamicShared = 8;                        // CU_FUNC_ATTRIBUTE_…

struct Driver {
  LoadedLibrary library;
  Result (*error_text)(Result, const char**);
  Result (*get_attribute)(int*, int, int);
  Result (*push_context)(Handle);
  Result (*pop_context)(Handle*);
  Result (*synchronize)(Handle);
  Result (*allocate)(Address*, std::size_t);
  Result (*release)(Address);
  Result (*copy_in)(Address, const void*, std::size_t);
  Result (*copy_out)(void*, Address, std::size_t);
  Result (*load_module)(Handle*, const void*);
  Result (*unload_module)(Handle);
  Result (*get_kernel)(Handle*, Handle, const char*);
  Result (*set_kernel_attribute)(Handle, int, int);
  Result (*launch)(Handle, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, Handle, void**,
                   void**);

  Driver() : library("CUDA driver", std::vector<std::string>{"libcuda.so.1"}) {
    find(error_text, "cuGetErrorString");
    find(get_attribute, "cuDeviceGetAttribute");
    find(push_context, "cuCtxPushCurrent_v2");
    find(pop_context, "cuCtxPopCurrent_v2");
    find(synchronize, "cuStreamSynchronize");
    find(allocate, "cuMemAlloc_v2");
    find(release, "cuMemFree_v2");
    find(copy_in, "cuMemcpyHtoD_v2");
    find(copy_out, "cuMemcpyDtoH_v2");
    find(load_module, "cuModuleLoadData");
    find(unload_module, "cuModuleUnload");
    find(get_kernel, "cuModuleGetFunction");
    find(set_kernel_attribute, "cuFuncSetAttribute");
    find(launch, "cuLaunchKernel");
  }

  template <class Pointer>
  void find(Pointer& pointer, const char* name) {
    pointer = library.function<std::remove_pointer_t<Pointer>>(name);
  }

  void check(Result result, const char* what) const {
    if (result == 0) return;
    const char* text = nullptr;
    error_text(result, &text);
    throw InternalError("[cuda] ", what, " failed: ", text == nullptr ? "an unknown error" : text, ".");
  }
};

/// The card is this thread's for the length of a scope: a caller's library may be at work on another one.
class Opened {
 public:
  Opened(const Driver& driver, Handle context) : driver_(driver) {
    driver_.check(driver_.push_context(context), "opening the card");
  }
  ~Opened() {
    Handle context = nullptr;
    driver_.pop_context(&context);
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;

 private:
  const Driver& driver_;
};

class CardModule : public KernelModule {
 public:
  /// The card is opened.
  CardModule(const Driver& driver, Handle context, const std::string& code) : driver_(driver), context_(context) {
    driver_.check(driver_.load_module(&module_, code.data()), "loading a kernel");
  }
  ~CardModule() override {
    if (driver_.push_context(context_) != 0) return;  // of a process that ends
    driver_.unload_module(module_);
    Handle context = nullptr;
    driver_.pop_context(&context);
  }

  void launch(const KernelShape& kernel, std::size_t blocks, const std::vector<std::uint64_t>& words,
              std::uint64_t stream) override {
    const Opened opened(driver_, context_);
    const auto queue = reinterpret_cast<Handle>(stream);
    // Copies go by the default stream, for which others need not wait.
    if (queue != nullptr) driver_.check(driver_.synchronize(nullptr), "copying to the card");
    Handle function = nullptr;
    driver_.check(driver_.get_kernel(&function, module_, kernel.name.c_str()), "finding a kernel");
    driver_.check(driver_.set_kernel_attribute(function, kMaxDynamicShared, static_cast<int>(kernel.shared_bytes)),
                  "asking for shared memory");
    void* arguments[] = {const_cast<std::uint64_t*>(words.data())};
    driver_.check(driver_.launch(function, static_cast<unsigned>(blocks), 1, 1, static_cast<unsigned>(kernel.threads),
                                 1, 1, static_cast<unsigned>(kernel.shared_bytes), queue, arguments, nullptr),
                  "a launch");
    driver_.check(driver_.synchronize(queue), "a kernel");
  }

 private:
  const Driver& driver_;
  Handle context_, module_ = nullptr;
};

class Card : public KernelDevice {
 public:
  Card() {
    driver_.check(driver_.library.function<Result(unsigned)>("cuInit")(0), "starting CUDA");
    int count = 0;
    driver_.check(driver_.library.function<Result(int*)>("cuDeviceGetCount")(&count), "counting cards");
    if (count == 0) throw NotSupported("[cuda] the CUDA driver finds no card; run this on the CPU (device = cpu).");
    int device = 0;
    driver_.check(driver_.library.function<Result(int*, int)>("cuDeviceGet")(&device, 0), "finding the card");
    driver_.check(driver_.library.function<Result(Handle*, int)>("cuDevicePrimaryCtxRetain")(&context_, device),
                  "opening the card");
    architecture_ = text::concat("sm_", attribute(kMajor, device), attribute(kMinor, device));
    shared_limit_ = static_cast<std::size_t>(attribute(kSharedOptIn, device));
  }

  std::size_t shared_limit() const override { return shared_limit_; }

  std::uint64_t allocate(std::size_t bytes) override {
    const Opened opened(driver_, context_);
    Address address = 0;
    driver_.check(driver_.allocate(&address, bytes), "allocating memory");
    return address;
  }
  void release(std::uint64_t address) noexcept override {
    if (driver_.push_context(context_) != 0) return;  // of a process that ends
    driver_.release(address);
    Handle context = nullptr;
    driver_.pop_context(&context);
  }
  void copy_to_device(std::uint64_t to, const void* from, std::size_t bytes) override {
    const Opened opened(driver_, context_);
    driver_.check(driver_.copy_in(to, from, bytes), "copying to the card");
  }
  void copy_to_host(void* to, std::uint64_t from, std::size_t bytes) override {
    const Opened opened(driver_, context_);
    driver_.check(driver_.copy_out(to, from, bytes), "copying from the card");
  }

  void wait(std::uint64_t stream) override {
    const Opened opened(driver_, context_);
    driver_.check(driver_.synchronize(reinterpret_cast<Handle>(stream)), "waiting for a stream");
  }

  std::shared_ptr<KernelModule> load(const std::string& source) override {
    const std::lock_guard lock(mutex_);
    return modules_.of(source, [&] { return compiled(source); });
  }

 private:
  std::shared_ptr<KernelModule> compiled(const std::string& source) const {
    const Opened opened(driver_, context_);
    const std::string key = architecture_ + " NVRTC " + nvrtc_.version() + "\n" + source;
    std::optional<std::string> code = cache_.find(key);
    if (!code) {
      code = nvrtc_.compile(source, architecture_).code;
      cache_.keep(key, *code);
    }
    return std::make_shared<CardModule>(driver_, context_, *code);
  }

  int attribute(int which, int device) const {
    int value = 0;
    driver_.check(driver_.get_attribute(&value, which, device), "asking the card");
    return value;
  }

  Driver driver_;
  Nvrtc nvrtc_;
  KernelCache cache_{KernelCache::default_folder()};
  Handle context_ = nullptr;
  std::string architecture_;
  std::size_t shared_limit_ = 0;
  std::mutex mutex_;
  // By source: more than a program or a fit has. A process may make new fields as long as it runs.
  LastUsed<std::shared_ptr<KernelModule>> modules_{64};
};

}  // namespace

KernelDevice& card() {
  const char* asked = std::getenv("COSTATE_CUDA");
  if (asked == nullptr || std::string_view(asked) != "experimental")
    throw NotSupported(
        "[cuda] kernels have not yet run on hardware; set COSTATE_CUDA=experimental in the environment to try them, or "
        "run this on the CPU (device = cpu).");
  // Never destroyed: what is on it may last longer than what this file has.
  static Card* const first = new Card;
  return *first;
}

}  // namespace costate::internal
