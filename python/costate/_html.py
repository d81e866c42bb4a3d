"""Tables for notebooks."""

import html


def page(title, lines, rows):
    """A title, lines of text, and a table whose first row is its head."""
    cells = lambda row, tag: "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row)
    table = ["<table>", f"<tr>{cells(rows[0], 'th')}</tr>", *(f"<tr>{cells(row, 'td')}</tr>" for row in rows[1:]), "</table>"] if rows else []
    return "\n".join([f"<b>{html.escape(title)}</b>", *(f"<div>{html.escape(line)}</div>" for line in lines if line), *table])
