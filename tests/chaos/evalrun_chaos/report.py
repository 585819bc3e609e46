# SPDX-License-Identifier: Apache-2.0
"""The account as text and as JSON."""

import collections

from evalrun_chaos.response_rules import LEGAL, Truth

_SHOWN = 5  # violations of each kind are printed with their details


def _table(head, rows):
    cells = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    for number, row in enumerate(cells):
        yield "  ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                        for i, (cell, width) in enumerate(zip(row, widths))).rstrip()
        if number == 0:
            yield "  ".join("-" * width for width in widths)


def _by_truth(counts, title):
    """Yields the lines of a table of {(..., Truth): count} with a column for each truth."""
    rows = collections.defaultdict(collections.Counter)
    for (*key, truth), count in counts.items():
        rows[tuple(key)][truth] += count
    head = [title, "calls", *(truth.value for truth in Truth)]
    yield from _table(head, [[" ".join(key), sum(row.values()), *(row[truth] for truth in Truth)]
                             for key, row in sorted(rows.items())])


def text(account, summary):
    """Yields the lines of the account. The last one says whether it balances."""
    for name, value in summary.items():
        yield f"{name}: {value}"
    yield ""
    yield from _by_truth(account.responses, "responses to callers")
    yield ""
    yield from _by_truth(account.unreceived, "logged responses that no caller received")
    yield ""
    yield from _by_truth(account.unknown, "causes of `unknown`")
    yield ""
    yield from _by_truth(account.from_grpc, "errors of gRPC itself")
    yield ""
    yield from _table(["event", "times", "needed"], account.exercised)
    yield ""
    shown = collections.Counter()
    for name, sentence in account.violations:
        shown[name] += 1
        if shown[name] <= _SHOWN:
            yield f"VIOLATION {name}: {sentence}"
    for name, count in shown.items():
        yield f"VIOLATIONS {name}: {count}"
    for what, times, needed in account.not_exercised:
        yield f"NOT EXERCISED {what}: {times} times, needed {needed}"
    yield ("THE ACCOUNT BALANCES" if account.balances else
           f"THE ACCOUNT DOES NOT BALANCE: {len(account.violations)} violations, "
           f"{len(account.not_exercised)} things not exercised")


def _rows(counts, *names):
    return [dict(zip((*names, "truth"), (*key, truth.name))) | {"calls": count}
            for (*key, truth), count in sorted(counts.items(), key=str)]


def as_json(account, summary):
    kinds = collections.Counter(name for name, _ in account.violations)
    return {
        "summary": summary, "balances": account.balances, "violations": dict(kinds),
        "details": [f"{name}: {sentence}" for name, sentence in account.violations],
        "responses": _rows(account.responses, "code", "deletion"),
        "unreceived": _rows(account.unreceived, "deletion"),
        "unknown": _rows(account.unknown, "cause"),
        "from_grpc": _rows(account.from_grpc, "code", "cause"),
        "exercised": [row._asdict() for row in account.exercised],
    }


def legal_table():
    """Yields the lines of response_rules.LEGAL in Markdown, for the README."""
    yield "| " + " | ".join(["`deletion`", *(truth.value for truth in Truth)]) + " |"
    yield "|" + "---|" * (len(Truth) + 1)
    for word, truths in LEGAL.items():
        yield "| " + " | ".join([f"`{word}`", *("yes" if truth in truths else "**never**"
                                                for truth in Truth)]) + " |"
