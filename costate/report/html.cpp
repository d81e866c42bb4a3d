#include "costate/report/html.h"

#include <sstream>

#include "costate/base/error.h"
#include "costate/io/files.h"

namespace costate {
namespace {

constexpr const char* kStyle = R"(
:root { color-scheme: light dark; --ink: #1d2129; --soft: #5c6570; --paper: #ffffff; --line: #d9dde3; --panel: #f5f7f9; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --soft: #a2abb5; --paper: #16191d; --line: #363c44; --panel: #1f242a; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); padding-bottom: .3rem; }
.subtitle, figcaption, caption { color: var(--soft); }
figure { margin: 1.5rem 0; } figure svg { width: 100%; height: auto; background: #fff; border: 1px solid var(--line); border-radius: 4px; }
table { border-collapse: collapse; margin: 1rem 0; } caption { caption-side: bottom; text-align: left; padding-top: .4rem; }
th, td { padding: .3rem .9rem; border-bottom: 1px solid var(--line); text-align: right; font-variant-numeric: tabular-nums; }
th:first-child, td:first-child { text-align: left; }
summary { cursor: pointer; margin: .5rem 0; }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: 4px; padding: .8rem 1rem; overflow-x: auto; font-size: 14px; }
)";

std::string escape(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

class Writer {
 public:
  std::string page(const Report& report) {
    out_ << "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         << "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" << escape(report.title)
         << "</title>\n<style>" << kStyle << "</style>\n</head>\n<body>\n<h1>" << escape(report.title)
         << "</h1>\n<p class=\"subtitle\">" << escape(report.subtitle) << "</p>\n";
    for (const Section& section : report.sections) {
      out_ << "<section>\n<h2>" << escape(section.heading) << "</h2>\n";
      for (const Block& block : section.blocks) std::visit([&](const auto& content) { write(content); }, block);
      out_ << "</section>\n";
    }
    out_ << "</body>\n</html>\n";
    return out_.str();
  }

 private:
  void write(const Paragraph& paragraph) { out_ << "<p>" << escape(paragraph.text) << "</p>\n"; }

  void write(const Listing& listing) { out_ << "<pre>" << escape(listing.text) << "</pre>\n"; }

  void write(const Picture& picture) {
    out_ << "<figure>\n" << to_svg(picture.sheet, text::concat("figure", ++figures_)) << "\n";
    if (!picture.caption.empty()) out_ << "<figcaption>" << escape(picture.caption) << "</figcaption>\n";
    out_ << "</figure>\n";
  }

  void write(const Folded& folded) {
    out_ << "<details>\n<summary>" << escape(folded.summary) << "</summary>\n";
    for (const Picture& picture : folded.pictures) write(picture);
    out_ << "</details>\n";
  }

  void write(const Table& table) {
    out_ << "<table>\n";
    if (!table.caption.empty()) out_ << "<caption>" << escape(table.caption) << "</caption>\n";
    out_ << "<thead>";
    write_row(table.header, "th");
    out_ << "</thead>\n<tbody>\n";
    for (const auto& row : table.rows) {
      if (row.size() != table.header.size())
        throw InvalidArgument("[to_html] a table has ", table.header.size(), " columns; a row has ", row.size(),
                              " cells.");
      write_row(row, "td");
    }
    out_ << "</tbody>\n</table>\n";
  }

  void write_row(const std::vector<std::string>& cells, const std::string& tag) {
    out_ << "<tr>";
    for (const std::string& cell : cells) out_ << "<" << tag << ">" << escape(cell) << "</" << tag << ">";
    out_ << "</tr>\n";
  }

  std::ostringstream out_;
  int figures_ = 0;
};

}  // namespace

std::string to_html(const Report& report) { return Writer().page(report); }

void write_report(const std::filesystem::path& path, const Report& report) { write_atomically(path, to_html(report)); }

}  // namespace costate
