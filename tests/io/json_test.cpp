#include "costate/io/json.h"

#include <gtest/gtest.h>

#include <cmath>

#include "costate/io/files.h"
#include "tests/io/scratch.h"

namespace costate {
namespace {

TEST(Json, WritesMembersInOrderAndNonFiniteAsNull) {
  const test::Scratch scratch;
  write_json(scratch / "metrics.json", {{"rmse", 0.1},
                                        {"best", NAN},
                                        {"epochs", 500},
                                        {"resumed", false},
                                        {"states", std::vector<std::string>{"hare", "lynx"}},
                                        {"errors", std::vector<double>{1, INFINITY}},
                                        {"baselines", JsonObject{{"last", 2.5}}},
                                        {"note", "\"x\" \xFF"}});
  EXPECT_EQ(read_file(scratch / "metrics.json"), R"({
  "rmse": 0.1,
  "best": null,
  "epochs": 500,
  "resumed": false,
  "states": [
    "hare",
    "lynx"
  ],
  "errors": [
    1.0,
    null
  ],
  "baselines": {
    "last": 2.5
  },
  "note": "\"x\" )"
                                                 "\uFFFD"
                                                 R"("
}
)");
}

TEST(Json, TextIsReadIfItIsJson) {
  const test::Scratch scratch;
  write_json(scratch / "good", {{"a", 1.5}});
  EXPECT_EQ(read_json_text(scratch / "good"), format_json({{"a", 1.5}}));
  scratch.write("bad", "{\"a\": 1.");
  EXPECT_ERROR(read_json_text(scratch / "bad"), DataError, "bad' is not JSON");
}

}  // namespace
}  // namespace costate
