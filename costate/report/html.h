// A report: one HTML file that opens anywhere, without a network.
#pragma once

#include <filesystem>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "costate/base/text.h"
#include "costate/report/figure.h"

namespace costate {

struct Paragraph {
  std::string text;
};

/// The first column is left-aligned, the others, which are numbers, right.
struct Table {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows = {};
  std::string caption = {};

  /// Adds a row of texts, and of numbers with four digits; whole numbers with all of theirs.
  template <class... Cells>
  void add(const Cells&... cells) {
    rows.push_back({text_of(cells)...});
  }

 private:
  template <class X>
  static std::string text_of(const X& x) {
    if constexpr (std::is_floating_point_v<X>)
      return text::number(x);
    else
      return text::concat(x);
  }
};

/// Text as it stands: a config, a command.
struct Listing {
  std::string text;
};

struct Picture {
  Sheet sheet;
  std::string caption = {};
};

/// Pictures behind a line that shows and hides them.
struct Folded {
  std::string summary;
  std::vector<Picture> pictures;
};

using Block = std::variant<Paragraph, Table, Listing, Picture, Folded>;

struct Section {
  std::string heading;
  std::vector<Block> blocks;
};

struct Report {
  std::string title;
  std::string subtitle;
  std::vector<Section> sections = {};
};

/// The whole page. Throws as to_svg, and InvalidArgument if a table's row has not as many cells as its header.
std::string to_html(const Report& report);

/// Writes the page; the file is the old one or the new one. IoError if that fails.
void write_report(const std::filesystem::path& path, const Report& report);

}  // namespace costate
