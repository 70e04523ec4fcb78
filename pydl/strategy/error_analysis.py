"""Error analysis: look at a hundred mistakes, note what they have in common, and see what mending it could bring at most."""
import csv
import io
import os

from pydl.errors import FormatError, in_range, show, string
from pydl.files import write_atomically
from pydl.models.report import table


class ErrorAnalysis:
    """A tally of mistakes by what they have in common; one mistake may have several marks, or none.

    Args:      error: the share of wrong answers on the set the mistakes are from, to tell what is to be gained.
               categories: names to begin with; others come as they are used.
    Source:    Deep Learning Specialization, course 3: carrying out error analysis.
    Example:
        >>> from pydl import strategy
        >>> analysis = strategy.ErrorAnalysis(error=0.10)
        >>> analysis.mark("img 12", "dog", comment="a pitbull")
        >>> analysis.mark("img 17", "blurry", "great cat")
        >>> analysis.mark("img 30", "great cat")
        >>> row = analysis.rows()[0]
        >>> row["category"], row["count"], round(row["share"], 3), round(row["ceiling"], 3)
        ('great cat', 2, 0.667, 0.033)
    """

    def __init__(self, error, categories=()):
        self.error = in_range("ErrorAnalysis", "error", error, 0, 1)
        if isinstance(categories, str):
            raise TypeError(f"ErrorAnalysis: categories must be a list of names, got {show(categories)}")
        self.categories = [string("ErrorAnalysis", "each category", name) for name in categories]
        self.mistakes = {}                  # example -> (its categories, a comment)

    def mark(self, example, *categories, comment=""):
        """Note what a mistake is like; of an example that was marked before, the marks are added.

        Args:      example: its name or number.    categories: any number of names.    comment: in words.
        """
        for name in categories:
            if string("ErrorAnalysis.mark", "each category", name) not in self.categories:
                self.categories.append(name)
        before, said = self.mistakes.get(example, ((), ""))
        self.mistakes[example] = (tuple(dict.fromkeys(before + categories)), comment or said)

    def rows(self):
        """Return a dict a category, the most frequent first: category, count, share of the mistakes, ceiling.

        ceiling is the error that would be left if every mistake of the category were mended.
        """
        total = max(1, len(self.mistakes))
        counts = {name: sum(name in marks for marks, _ in self.mistakes.values()) for name in self.categories}
        return [{"category": name, "count": n, "share": n / total, "ceiling": self.error * (1 - n / total)}
                for name, n in sorted(counts.items(), key=lambda item: -item[1])]

    def __str__(self):
        rows = [(r["category"], r["count"], f"{100 * r['share']:.1f} %", f"{100 * r['ceiling']:.2f} %") for r in self.rows()]
        unmarked = sum(not marks for marks, _ in self.mistakes.values())
        lines = table(rows, ("Category", "Mistakes", "Of all", "Error if mended"), right=(1, 2, 3))
        lines.append(f"{len(self.mistakes)} mistakes, {unmarked} of them without a category; error now {100 * self.error:.2f} %; "
                     "a mistake may count in several categories")
        return "\n".join(lines)

    def __repr__(self):
        return f"<ErrorAnalysis of {len(self.mistakes)} mistakes, {len(self.categories)} categories>"

    def to_csv(self, path):
        """Write the tally as a table for a spreadsheet, a row a mistake and a column a category, whole or not at all."""
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"ErrorAnalysis.to_csv: path must be a path, got {show(path)}")
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["example", *self.categories, "comment"])
        writer.writerows([example, *("x" if name in marks else "" for name in self.categories), comment] for example, (marks, comment) in self.mistakes.items())
        write_atomically(path, [text.getvalue().encode("utf-8")])

    @classmethod
    def from_csv(cls, path, error):
        """Read what `to_csv` wrote, and a person went on with: anything in a cell is a mark.

        Raises:    FormatError if it is no such table.
        """
        with open(path, newline="", encoding="utf-8-sig") as file:
            try:
                header, *lines = csv.reader(file, strict=True)
            except (ValueError, csv.Error) as problem:
                raise FormatError(f"ErrorAnalysis: {show(os.fspath(path))} is no table of mistakes ({problem})") from problem
        if len(header) < 2 or header[0] != "example" or header[-1] != "comment" or len(set(header)) < len(header) or "" in header:
            raise FormatError(f"ErrorAnalysis: {show(os.fspath(path))} must begin with the columns example, one a category, comment; got {show(header)}")
        analysis = cls(error, header[1:-1])
        for number, line in enumerate(lines, 2):
            if line and len(line) != len(header):
                raise FormatError(f"ErrorAnalysis: line {number} of {show(os.fspath(path))} has {len(line)} cells, expected {len(header)}")
            if line:
                analysis.mark(line[0], *(name for name, cell in zip(header[1:-1], line[1:-1]) if cell.strip()), comment=line[-1])
        return analysis
