"""Mutants of the sandbox's domain rules, as source texts: mutmut's operators, less what says nothing about a judge.

mutmut changes one expression at a time: a comparison, a condition, a number, an argument, a word. How its command line
runs mutants (all of them in one file, chosen by a variable, under a test suite) does not fit a judge that speaks HTTP
to a process, so only its operators are used. They are not documented: hence the pin to 3.8.x, and
``tests/benchmarks`` fails when they are gone. It knows no SQL, where half of the rules about owners, order and time
stand, so one operator of ours does there what it does to comparisons. Running and judging is the business of
``mutants``.
"""

from __future__ import annotations

import ast
import difflib
import random
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import libcst
from mutmut.mutation.file_mutation import Mutation, MutationVisitor
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import IgnoredCode

SANDBOX = Path("conformance/sandbox")
RULES = (
    *("keys.py", "money.py", "pools/discovery.py", "pools/events.py", "pools/gates.py", "pools/ledger.py"),
    *("pools/orders.py", "pools/pricing.py", "pools/quotes.py", "pools/settlement.py", "pools/terms.py"),
    *("pools/trades.py", "pools/transact.py"),
)
"""The modules that hold rules, below the sandbox. Its accounts, pools, test values and control surface are the world
it stages, and its faults and dialects are the other source of defects."""

STATEMENT = re.compile(r"\b(SELECT|INSERT|UPDATE|WHERE|AND|ORDER BY)\b")
SIGNS = {
    "IS NOT NULL": "IS NULL",
    "IS NULL": "IS NOT NULL",
    "AND": "OR",
    "DESC": "ASC",
    ">=": ">",
    "<=": "<",
    "=": "<>",
    "<": "<=",
    ">": ">=",
}
"""What stands in a condition or an order of SQL, and what is put in its place. Longer ones come first."""

SIGN = re.compile("|".join(rf"\b{sign}\b" if sign.isupper() else re.escape(sign) for sign in SIGNS))

TYPES = "[mypy]\nstrict = True\n"
TYPES_BOUND = 60
"""Seconds the type checker may take over one mutant."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One module of the sandbox with one thing changed."""

    file: str
    """Path of the module from the root of the checkout."""
    line: int
    """Where the first changed line stands."""
    function: str
    """The function the change is in; for a method the method; empty at module level."""
    was: str
    becomes: str
    """The changed lines, without indentation. Empty where lines were only removed."""
    source: str = field(repr=False)
    """The whole mutated module."""

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """What it is, wherever the lines have moved to."""
        return (self.file, self.function, self.was, self.becomes)


@dataclass(frozen=True, slots=True)
class Site:
    """A change that could be made; writing the mutated module out costs too much to do it for all of them."""

    file: str
    text: str = field(repr=False)
    module: libcst.Module = field(repr=False)
    mutation: Mutation = field(repr=False)

    @property
    def is_sql(self) -> bool:
        """Whether it changes a condition or an order of SQL."""
        return changes_sql(self.mutation.original_node, self.mutation.mutated_node)

    @property
    def function(self) -> str:
        """The function or method it is in, empty at module level."""
        inside = self.mutation.contained_by_top_level_function
        return "" if not isinstance(inside, libcst.FunctionDef) else inside.name.value

    def mutant(self) -> Mutant | None:
        """The mutated module, or None where the change leaves the program as it was."""
        changed = self.module.deep_replace(self.mutation.original_node, self.mutation.mutated_node)
        source = changed.code if isinstance(changed, libcst.Module) else self.text
        if same_program(self.text, source):
            return None
        line, was, becomes = difference(self.text, source)
        return Mutant(self.file, line, self.function, was, becomes, source)


def sites(root: Path, rules: Sequence[str] = RULES) -> list[Site]:
    """Every change worth trying in the modules under ``root``, in the order they stand there."""
    found = []
    for rule in rules:
        path = SANDBOX / rule
        found += list(sites_in(path.as_posix(), (root / path).read_text(encoding="utf-8")))
    return found


def sites_in(file: str, text: str) -> Iterator[Site]:
    """The changes worth trying in one module."""
    operators = [*mutation_operators, (libcst.SimpleString, mutated_sql)]
    visitor = MutationVisitor(operators, IgnoredCode(set(), set(), set()))
    module = libcst.MetadataWrapper(libcst.parse_module(text)).visit(visitor)
    for mutation in visitor.mutations:
        if says_something(mutation.original_node, mutation.mutated_node):
            yield Site(file, text, module, mutation)


def mutated_sql(node: libcst.SimpleString) -> Iterator[libcst.SimpleString]:
    """A text of SQL with one sign of its conditions or its order changed; nothing of what it writes."""
    text = node.value
    if not STATEMENT.search(text):
        return
    for sign in SIGN.finditer(text, max(text.find("WHERE"), 0)):
        yield node.with_changes(value=text[: sign.start()] + SIGNS[sign[0]] + text[sign.end() :])


def changes_sql(original: libcst.CSTNode, mutated: libcst.CSTNode) -> bool:
    """Whether the change is one of those to SQL."""
    if not isinstance(original, libcst.SimpleString) or not isinstance(mutated, libcst.SimpleString):
        return False
    return mutated.value in {changed.value for changed in mutated_sql(original)}


def says_something(original: libcst.CSTNode, mutated: libcst.CSTNode) -> bool:
    """Whether a judge that misses this change could have missed something.

    Of texts only words and the signs of SQL count: codes, statuses, names of members. Prose is the target's own, and
    SQL with a stray word in it is no SQL. Of the three ways in which mutmut changes a word the first will do: the
    database reads names of columns in capitals too.
    """
    if not isinstance(original, libcst.SimpleString) or not isinstance(mutated, libcst.SimpleString):
        return True
    if changes_sql(original, mutated):
        return True
    is_word = not any(character.isspace() for character in original.value)
    return is_word and original.value.strip("\"'") != "" and "XX" in mutated.value


def same_program(text: str, other: str) -> bool:
    """Whether two modules differ only in layout."""
    return ast.dump(ast.parse(text)) == ast.dump(ast.parse(other))


def difference(text: str, other: str) -> tuple[int, str, str]:
    """The number of the first changed line, what stood there and what stands there now, without indentation."""
    before, after = text.splitlines(), other.splitlines()
    compared = difflib.SequenceMatcher(a=before, b=after, autojunk=False)
    changes = [change for change in compared.get_opcodes() if change[0] != "equal"]
    _, start, *_ = changes[0]
    was = [line.strip() for _, low, high, _, _ in changes for line in before[low:high]]
    becomes = [line.strip() for _, _, _, low, high in changes for line in after[low:high]]
    return start + 1, " ".join(was), " ".join(becomes)


def drawn(found: Sequence[Site], seed: int) -> Iterator[Mutant]:
    """The mutants in an order that the seed decides, each once."""
    order = list(found)
    random.Random(seed).shuffle(order)
    seen = set()
    for site in order:
        mutant = site.mutant()
        if mutant is not None and mutant.source not in seen:
            seen.add(mutant.source)
            yield mutant


def type_errors(root: Path) -> str:
    """What the type checker says against the rules under ``root`` and all they import; empty when it lets them pass.

    What it refuses nobody could have shipped, and nearly all of it crashes at the first call: a mutant that any judge
    catches says nothing about this one. Raises ``RuntimeError`` when it cannot tell.
    """
    configuration = root / "mypy.ini"
    if not configuration.exists():
        configuration.write_text(TYPES, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--config-file", configuration.name, "-p", "conformance.sandbox.pools"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=TYPES_BOUND)
    if done.returncode not in {0, 1}:
        raise RuntimeError(f"the type checker ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout.strip() if done.returncode else ""
