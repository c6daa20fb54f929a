"""The user's own stoichiometry, which wins over the table: a CSV with columns complex_id, member, copies."""

from collections.abc import Container
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from foldcp.campaign.members import CopiesError, parse, parse_copies
from foldcp.campaign.user_table import read_user_table
from foldcp.errors import InputError


@dataclass(frozen=True)
class Overrides:
    """Copies by source identifier and member.

    Attributes
    ----------
    copies
        Source identifier to member key to copies.
    path
        File they come from.
    """

    copies: dict[str, dict[str, int]]
    path: Path = field(default_factory=Path)

    @classmethod
    def none(cls) -> "Overrides":
        """Return overrides that change nothing."""
        return cls({})

    def apply(self, rows: list[dict[str, Any]], known: Container[str]) -> None:
        """Change the copies in `rows` (of the complexes table) in place.

        Parameters
        ----------
        rows
            Rows with `source_id` and `members`; every row of a repeated identifier is changed.
        known
            Identifiers of rejected rows, which are no mistake of the override table.

        Raises
        ------
        InputError
            Naming every identifier and member that the table does not hold.
        """
        present = {row["source_id"] for row in rows}
        unknown = {
            identifier for identifier in self.copies if identifier not in present and identifier not in known
        }
        for row in rows:
            wanted = self.copies.get(row["source_id"], {})
            members = {member["member"]: member for member in row["members"]}
            unknown |= {f"{row['source_id']} (member {key})" for key in wanted if key not in members}
            for key in wanted.keys() & members.keys():
                members[key] |= {"copies": wanted[key], "copies_source": "override"}
                row["flags"] = [
                    f for f in row["flags"] if f not in (f"unknown_copies:{key}", "single_member")
                ]
        if unknown:
            raise InputError(f"{self.path}: not in the table of complexes: {', '.join(sorted(unknown))}")


def read_overrides(path: Path) -> Overrides:
    """Read a stoichiometry table.

    Raises
    ------
    InputError
        If columns are missing, or a line has a malformed member, no positive number of copies, or contradicts
        an earlier line; all such lines are named.
    """
    copies: dict[str, dict[str, int]] = {}

    def take(_number: int, identifier: str, member: str, text: str) -> None:
        key, n = _copies_of(member, text)
        if copies.setdefault(identifier, {}).setdefault(key, n) != n:
            raise CopiesError(
                f"{key} of {identifier} has {n} copies here and {copies[identifier][key]} above"
            )

    read_user_table(path, ("complex_id", "member", "copies"), take, "a table of copies")
    return Overrides(copies, path)


def _copies_of(member: str, copies: str) -> tuple[str, int]:
    n = parse_copies(copies)
    if n == 0:
        raise CopiesError(f"0 copies of {member}; at least 1 is needed")
    return parse(member).key, n
