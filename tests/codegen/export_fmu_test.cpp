// FMUs as archives: where their binaries stand, what their variables are called, and what they may take the place of.
#include <gtest/gtest.h>

#include <set>

#include "costate/codegen/export_model.h"
#include "costate/codegen/internal/earlier_export.h"
#include "costate/codegen/internal/fmu_platform.h"
#include "costate/codegen/internal/onnx_head.h"
#include "costate/io/internal/zip_archive.h"
#include "tests/codegen/c_program.h"
#include "tests/codegen/models.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

using test::model_of;
using test::Scratch;

std::string place_of(const std::string& target, FmiVersion version) {
  const internal::FmuPlatform platform = internal::fmu_platform(target, version);
  return platform.folder + "*" + platform.ending;
}

TEST(ExportFmu, BinariesStandWhereTheStandardSays) {
  EXPECT_EQ(place_of("x86_64-linux-gnu", FmiVersion::k2), "binaries/linux64/*.so");
  EXPECT_EQ(place_of("x86_64-pc-linux-musl", FmiVersion::k3), "binaries/x86_64-linux/*.so");
  EXPECT_EQ(place_of("i686-linux-gnu", FmiVersion::k2), "binaries/linux32/*.so");
  EXPECT_EQ(place_of("i686-linux-gnu", FmiVersion::k3), "binaries/x86-linux/*.so");
  EXPECT_EQ(place_of("aarch64-linux-gnu", FmiVersion::k2), "binaries/aarch64-linux/*.so");
  EXPECT_EQ(place_of("aarch64-linux-gnu", FmiVersion::k3), "binaries/aarch64-linux/*.so");
  EXPECT_EQ(place_of("x86_64-apple-darwin23.1.0", FmiVersion::k2), "binaries/darwin64/*.dylib");
  EXPECT_EQ(place_of("arm64-apple-darwin23.1.0", FmiVersion::k3), "binaries/aarch64-darwin/*.dylib");
  for (const char* target : {"riscv64-linux-gnu", "x86_64-w64-mingw32", "linux", ""})
    EXPECT_ERROR(internal::fmu_platform(target, FmiVersion::k3), NotSupported,
                 text::concat("the C compiler, cc, makes one for '", target, "'."));
}

/// The description in an FMU of a model.
std::string description_of(const SeriesModel& model, FmiVersion version) {
  const Scratch scratch;
  scratch.write("model.fmu", export_fmu(model, "model", version));
  return internal::zipped_file(scratch / "model.fmu", "modelDescription.xml").value_or("");
}

std::set<std::string> names_in(const std::string& description, const std::string& tag) {
  std::set<std::string> names;
  const std::string begin = "<" + tag + " name=\"";
  for (std::size_t at = 0; (at = description.find(begin, at)) != std::string::npos;) {
    at += begin.size();
    EXPECT_TRUE(names.insert(description.substr(at, description.find('"', at) - at)).second);
  }
  return names;
}

TEST(ExportFmu, NamesOfVariablesDiffer) {
  if (!test::has_c_compiler()) GTEST_SKIP() << "needs a C compiler";
  TimeSeries series = test::driven();
  series.state_names = {"time", "der(time)"};
  series.input_names = {"time'"};
  const SeriesModel model = model_of({.has_inputs = true}, series);
  EXPECT_EQ(names_in(description_of(model, FmiVersion::k3), "Float64"),
            (std::set<std::string>{"time", "der(time)", "der(time)'", "der(der(time))", "time'", "time''"}));
  EXPECT_EQ(names_in(description_of(model, FmiVersion::k2), "ScalarVariable"),
            (std::set<std::string>{"time", "der(time)", "der(time)'", "der(der(time))", "time'"}));
}

TEST(ExportFmu, ReplacesAnEarlierExportAndNothingElse) {
  const Scratch scratch;
  const ModelExportOptions options{.c = {.prefix = "model"}};
  const SeriesModel model = model_of({.has_events = true});  // no FMU can be made of it, were it to come that far
  const auto archive = [](const std::string& tool) {
    const std::string text = "<fmiModelDescription description=\"Made by Costate 1\" generationTool=\"" + tool + "\">";
    return internal::zip_archive(std::vector<internal::ZippedFile>{{"modelDescription.xml", text}},
                                 internal::ZipMethod::kDeflated);
  };
  scratch.write("theirs.fmu", archive("Their Tool 3"));
  scratch.write("ours.fmu", archive("Made by Costate 0.1.0"));
  scratch.write("damaged.fmu", archive("Made by Costate 0.1.0").substr(0, 90));
  for (const char* name : {"theirs.fmu", "damaged.fmu"})
    for (const ExportTarget target : {ExportTarget::kFmu, ExportTarget::kFmu3})
      EXPECT_ERROR(write_export(model, target, options, scratch / name), InvalidArgument,
                   "is there and no earlier export; choose another file, or remove it.");
  EXPECT_ERROR(write_export(model, ExportTarget::kFmu, options, scratch / "ours.fmu"), NotSupported,
               "a model with events cannot be exported to an FMU");
}

TEST(ExportOnnxOfAModel, ReplacesAnEarlierExportAndNothingElse) {
  const Scratch scratch;
  const SeriesModel model = model_of({});
  const ModelExportOptions options{.c = {.prefix = "model"}};
  scratch.write("theirs.onnx", internal::ProtoRecord().number(1, 8).bytes(2, "pytorch").bytes(3, "costate").text());
  EXPECT_ERROR(write_export(model, ExportTarget::kOnnx, options, scratch / "theirs.onnx"), InvalidArgument,
               "theirs.onnx' is there and no earlier export");
  for (int i = 0; i < 2; ++i) write_export(model, ExportTarget::kOnnx, options, scratch / "ours.onnx");
  for (int i = 0; i < 2; ++i) write_export(model, ExportTarget::kTorch, options, scratch / "ours.py");
}

}  // namespace
}  // namespace costate
