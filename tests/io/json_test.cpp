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

}  // namespace
}  // namespace costate
