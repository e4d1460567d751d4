"""On which line of a TOML or JSON file a key stands. Only for texts a real parser has already accepted."""

from __future__ import annotations

from conformance.target.problems import Path

_BLANK = " \t\r\n,"
_BARE_ENDS = " \t\r\n,=:.]}#"


def key_lines(text: str) -> dict[Path, int]:
    """The line (from 1) of every key path and list item in the text.

    The text must have been accepted by ``tomllib`` or ``json`` before: the scanner trusts its syntax.
    """
    scanner = _Scanner(text)
    if text.lstrip()[:1] == "{":
        scanner.skip()
        scanner.value(())
    else:
        scanner.document()
    return scanner.lines


def line_of(lines: dict[Path, int], path: Path) -> int | None:
    """The line of the path, or of the innermost table around it where the key itself is absent."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


class _Scanner:
    """JSON is read as an inline table: of its signs only the colon is not TOML's own."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Path, int] = {}
        self._counted = (0, 1)

    def document(self) -> None:
        table: Path = ()
        self.skip()
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self.skip()

    def skip(self) -> None:
        """Past white space, commas and comments."""
        while self.at < len(self.text):
            if self.text[self.at] == "#":
                self._past_line()
            elif self.text[self.at] in _BLANK:
                self.at += 1
            else:
                return

    def value(self, path: Path) -> None:
        match self.text[self.at]:
            case "{":
                self._members(path)
            case "[":
                self._items(path)
            case '"' | "'":
                self._quoted()
            case _:
                while self.at < len(self.text) and self.text[self.at] not in ",]}#\r\n":
                    self.at += 1

    def _header(self) -> Path:
        many = self.text.startswith("[[", self.at)
        start = self.at
        self.at += 2 if many else 1
        table = self._resolved(self._key())
        if many:
            table += (sum(1 for known in self.lines if known[:-1] == table and isinstance(known[-1], int)),)
        self._record(table, start)
        self._past_line()
        return table

    def _resolved(self, path: Path) -> Path:
        """The path with the position of the last element wherever it goes through an array of tables."""
        done: Path = ()
        for part in path[:-1]:
            done += (part,)
            count = sum(1 for known in self.lines if known[:-1] == done and isinstance(known[-1], int))
            if count:
                done += (count - 1,)
        return done + path[-1:]

    def _pair(self, table: Path) -> None:
        start = self.at
        path = table + self._key()
        for length in range(len(table) + 1, len(path) + 1):
            self._record(path[:length], start)
        self.at += 1
        self.skip()
        self.value(path)

    def _key(self) -> Path:
        """A possibly dotted key, leaving the position at the sign that ends it."""
        parts: list[str] = []
        while True:
            self._spaces()
            parts.append(self._quoted() if self.text[self.at] in "\"'" else self._bare())
            self._spaces()
            if self.text[self.at] != ".":
                return tuple(parts)
            self.at += 1

    def _members(self, path: Path) -> None:
        self.at += 1
        self.skip()
        while self.text[self.at] != "}":
            self._pair(path)
            self.skip()
        self.at += 1

    def _items(self, path: Path) -> None:
        self.at += 1
        self.skip()
        position = 0
        while self.text[self.at] != "]":
            self._record((*path, position), self.at)
            self.value((*path, position))
            position += 1
            self.skip()
        self.at += 1

    def _bare(self) -> str:
        start = self.at
        while self.text[self.at] not in _BARE_ENDS:
            self.at += 1
        return self.text[start : self.at]

    def _quoted(self) -> str:
        sign = self.text[self.at]
        end = sign * 3 if self.text.startswith(sign * 3, self.at) else sign
        self.at += len(end)
        start = self.at
        while not self.text.startswith(end, self.at):
            self.at += 2 if sign == '"' and self.text[self.at] == "\\" else 1
        inside = self.text[start : self.at]
        self.at += len(end)
        if len(end) == 3:
            while self.text.startswith(sign, self.at):
                self.at += 1
        return inside

    def _spaces(self) -> None:
        while self.text[self.at] in " \t":
            self.at += 1

    def _past_line(self) -> None:
        end = self.text.find("\n", self.at)
        self.at = len(self.text) if end < 0 else end + 1

    def _record(self, path: Path, at: int) -> None:
        counted, line = self._counted
        line += self.text.count("\n", counted, at)
        self._counted = (at, line)
        self.lines.setdefault(path, line)


__all__ = ["key_lines", "line_of"]
