#include "costate/io/toml.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <bit>
#include <cmath>

#include "tests/io/garbage.h"
#include "tests/io/scratch.h"

namespace costate {
namespace {

using test::Scratch;
using Words = std::vector<std::string>;
using Numbers = std::vector<double>;

Config parse(const std::string& text) { return parse_toml(text, "config.toml"); }

Config example_config() {
  Config config;
  config.set("data", "file", "C:\\runs\\\"x\"\n\x01 Zürich");
  config.set("data", "state", Words{"hare", "lynx"});
  config.set("model", "hidden", Numbers{64, 64});
  config.set("", "format", std::int64_t{1});
  config.set("model", "scale", Numbers{0.1, -0.0, 1e300});
  config.set("model", "a key", true);
  config.set("data", "none", Words{});
  config.set("train", "rate", 1.0);
  return config;
}

TEST(Toml, WritesSectionsInOrder) {
  EXPECT_EQ(example_config().to_toml(), R"(format = 1

[data]
file = "C:\\runs\\\"x\"\n\u0001 Zürich"
state = ["hare", "lynx"]
none = []

[model]
hidden = [64.0, 64.0]
scale = [0.1, -0.0, 1e+300]
"a key" = true

[train]
rate = 1.0
)");
}

TEST(Toml, ReadsBackTheSameValues) {
  const Scratch scratch;
  write_config(scratch / "config.toml", example_config());
  const Config back = read_config(scratch / "config.toml");
  EXPECT_EQ(back.to_toml(), example_config().to_toml());
  EXPECT_EQ(back.get<std::string>("data", "file"), "C:\\runs\\\"x\"\n\x01 Zürich");
  EXPECT_EQ(back.get<Words>("data", "state"), (Words{"hare", "lynx"}));
  EXPECT_EQ(back.get<Words>("data", "none"), Words{});
  EXPECT_EQ(back.get<Numbers>("data", "none"), Numbers{});
  EXPECT_TRUE(std::signbit(back.get<Numbers>("model", "scale")[1]));
  EXPECT_TRUE(back.get<bool>("model", "a key"));
}

TEST(Toml, EqualityIsByContentAndOrder) {
  Config config = example_config();
  EXPECT_TRUE(config == example_config());
  config.set("train", "rate", 2.0);
  EXPECT_FALSE(config == example_config());
}

TEST(Toml, IntegersServeAsDoubles) {
  const Config config = parse("rtol = 1\nsizes = [1, 2.5]\n");
  EXPECT_EQ(config.get<double>("", "rtol"), 1.0);
  EXPECT_EQ(config.get<Numbers>("", "sizes"), (Numbers{1, 2.5}));
  EXPECT_EQ(config.get<std::int64_t>("", "rtol"), 1);
}

TEST(Toml, KeepsTheOrderOfTheFile) {
  const Config config = parse("z = 1\n[b]\nz = 2\na = 3\n[a]\nx = 4\n");
  EXPECT_EQ(config.to_toml(), "z = 1\n\n[b]\nz = 2\na = 3\n\n[a]\nx = 4\n");
  // A dotted key belongs to a section, wherever it stands.
  EXPECT_EQ(parse("b.x = 1\ny = 2\n").to_toml(), "y = 2\n\n[b]\nx = 1\n");
}

TEST(Toml, ErrorsNameFileAndLine) {
  EXPECT_ERROR(parse("a = 1\nb = \n"), DataError, "config.toml, line 2: this is not TOML");
  EXPECT_ERROR(parse("a = 1\na = 2\n"), DataError, "this is not TOML");
  EXPECT_ERROR(parse("\nwhen = 2024-01-01\n"), DataError, "line 2: 'when' must be text, a number");
  EXPECT_ERROR(parse("[a.b]\nc = 1\n"), DataError, "got a table within a section");
  EXPECT_ERROR(parse("a = [1, 'x']\n"), DataError, "mixes texts and numbers");
  EXPECT_ERROR(parse("a = [[1]]\n"), DataError, "must be a list of texts or of numbers");
  const Config config = parse("[train]\nepochs = 'ten'\n");
  EXPECT_ERROR(config.get<std::int64_t>("train", "epochs"), DataError,
               "config.toml, line 2: 'epochs' must be a whole number; got text");
  EXPECT_ERROR(config.get<double>("train", "rate"), DataError,
               "config.toml, section [train]: the key 'rate' is missing");
  EXPECT_ERROR(read_config("absent.toml"), IoError, "absent.toml");
}

TEST(Toml, UnknownNamesSuggestTheNearest) {
  const std::vector<ConfigSection> known{{"", {"format"}}, {"train", {"epochs", "rate"}}};
  EXPECT_NO_THROW(parse("format = 1\n[train]\nrate = 1\n").check_keys(known));
  EXPECT_ERROR(parse("[train]\nrate = 1\nepoch = 2\n").check_keys(known), DataError,
               "config.toml, line 3: unknown key 'epoch'; did you mean 'epochs'? known: epochs, rate");
  EXPECT_ERROR(parse("[trian]\nrate = 1\n").check_keys(known), DataError,
               "unknown section 'trian'; did you mean 'train'");
}

TEST(Toml, AnotherFormatIsRefused) {
  EXPECT_NO_THROW(check_config_format(example_config()));
  EXPECT_ERROR(check_config_format(parse("format = 2\n")), InvalidArgument,
               "config.toml, line 1: the config has format 2; this version of Costate reads format 1");
  EXPECT_ERROR(check_config_format(parse("a = 2\n")), InvalidArgument, "the key 'format' is missing");
}

RC_GTEST_PROP(Toml, DoublesReadBackToTheSameBits, (std::uint64_t bits)) {
  const double value = std::bit_cast<double>(bits);
  RC_PRE(!std::isnan(value));
  Config config;
  config.set("a", "b", value);
  config.set("a", "list", Numbers{value});
  const Config back = parse(config.to_toml());
  RC_ASSERT(std::bit_cast<std::uint64_t>(back.get<double>("a", "b")) == bits);
  RC_ASSERT(std::bit_cast<std::uint64_t>(back.get<Numbers>("a", "list")[0]) == bits);
}

TEST(TomlGarbage, DeepNestingIsAnError) {
  EXPECT_ERROR(parse("a = " + std::string(100'000, '[')), DataError, "this is not TOML");
}

TEST(TomlGarbage, IsAlwaysATypedError) {
  const auto read = [](std::string_view bytes) { check_config_format(parse_toml(bytes, "config.toml")); };
  test::expect_garbage_safe(read, example_config().to_toml());
  test::expect_random_bytes_safe(read, example_config().to_toml());
}

}  // namespace
}  // namespace costate
