"""Members of complexes, and the library of sequences in which they are looked up."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import pyarrow as pa

from foldcp.campaign.members import ACCESSION
from foldcp.campaign.sources import fasta
from foldcp.campaign.sources.uniprot import Entry, Fetched, Uniprot
from foldcp.config import SequencesConfig

RNA_NAMESPACE = "rnacentral"
_UNIPROT = re.compile(rf"({ACCESSION})(?:-([0-9]{{1,4}})|-(PRO_[0-9]{{10}}))?")


@dataclass(frozen=True)
class DistinctMember:
    """A distinct member of the campaign's complexes."""

    key: str
    namespace: str
    accession: str
    """Key without isoform and feature, without taxon and version, or without the name of the database."""
    isoform: int | None
    feature: str | None
    n_complexes: int


class Found(NamedTuple):
    """A sequence and where it comes from."""

    sequence: str
    source: str
    resolution: str
    description: str | None
    taxid: int | None


class UnresolvedError(Exception):
    """Why a member cannot be folded: a short code, and words for a biologist."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def distinct_members(complexes: pa.Table) -> list[DistinctMember]:
    """Return the distinct members of all complexes, sorted by key, each with the number of its complexes."""
    listed = complexes["members"].combine_chunks().flatten()
    named = pa.table({name: listed.field(name) for name in ("member", "namespace")})
    # A complex lists a member once, with its copies, so occurrences are complexes.
    counts = named.group_by(["member", "namespace"]).aggregate([([], "count_all")]).sort_by("member")
    return [_parse(row["member"], row["namespace"], row["count_all"]) for row in counts.to_pylist()]


def _parse(key: str, namespace: str, n_complexes: int) -> DistinctMember:
    if namespace == "uniprot" and (found := _UNIPROT.fullmatch(key)):
        return DistinctMember(
            key, namespace, found[1], int(found[2]) if found[2] else None, found[3], n_complexes
        )
    accession = key.partition(":")[2] if namespace == "other" and ":" in key else fasta.plain_key(key)
    return DistinctMember(key, namespace, accession, None, None, n_complexes)


def no_sequence(member: DistinctMember, looked: str) -> UnresolvedError:
    """Return the error for a member that was found nowhere; `looked` says where it was looked for."""
    if member.namespace == "complexportal":
        return UnresolvedError(
            "nested_complex",
            f"{member.key} is a complex inside the complex and was not expanded: give the Complex Portal "
            "table that lists it, or list its proteins",
        )
    if member.namespace == "chebi":
        return UnresolvedError("unsupported_member", f"{member.key} is a small molecule: {looked}")
    if member.namespace == RNA_NAMESPACE:
        return UnresolvedError("unsupported_member", f"{member.key}: no RNA sequence: {looked}")
    return UnresolvedError("no_sequence", f"{member.key}: {looked}")


@dataclass
class Library:
    """Sequences by key, from FASTA files and UniProt, and the reasons for what is not there.

    A record of the user's files that cannot be used (`flaws`) is never replaced by UniProt's: the user meant
    that molecule to be another one, or wants to know that the file is damaged.
    """

    config: SequencesConfig
    found: dict[str, Found] = field(default_factory=dict)
    flaws: dict[str, fasta.Flaw] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, members: Iterable[DistinctMember], config: SequencesConfig) -> "Library":
        """Return the library that serves `members`: the FASTA files, then UniProt for what they lack."""
        members = list(members)
        wanted = {m.key for m in members} | {m.accession for m in members}
        records, flaws = fasta.collect(config.fasta, wanted)
        library = cls(config, flaws=flaws)
        for key, record in records.items():
            library.found[key] = Found(
                record.sequence, record.file, "exact", record.description, record.taxid
            )
        if config.uniprot.fetch:
            library._fetch(members)
        return library

    def choose(self, member: DistinctMember) -> Found:
        """Return the member's sequence, or its entry's where the configuration lets it stand in.

        Raises
        ------
        UnresolvedError
            If there is none.
        """
        if found := self.found.get(member.key):
            return found
        if flaw := self.flaws.get(member.key) or self.flaws.get(member.accession):
            raise UnresolvedError(flaw.code, f"{member.key}: {flaw.reason}")
        whole = self.found.get(member.accession)
        if whole is None:
            raise no_sequence(member, self._where_looked(member))
        if member.namespace != "uniprot":
            return whole
        if member.feature:
            if self.config.mature_chain == "whole":
                return whole._replace(resolution="whole_entry_for_feature")
            raise UnresolvedError("mature_chain", self._why_no_feature(member))
        if self.config.missing_isoform == "canonical":
            return whole._replace(resolution="canonical_for_isoform")
        raise UnresolvedError(
            "isoform_missing",
            f"{member.key}: {self._where_looked(member)}; its entry {member.accession} is there (set "
            "sequences.missing_isoform to canonical to fold that instead)",
        )

    def _fetch(self, members: list[DistinctMember]) -> None:
        asked = [m for m in members if m.namespace == "uniprot" and self._needs_uniprot(m)]
        client = Uniprot(self.config.uniprot)
        got = client.fetch({m.accession for m in asked})
        # Only the entry says which isoform is the canonical one; the others have sequences of their own.
        spliced = [m.key for m in asked if m.isoform and not _is_canonical(m, got)]
        isoforms = client.fetch((), [key for key in spliced if key.split("-")[0] in got.entries])
        self.reasons = got.failed | isoforms.failed
        for accession, entry in got.entries.items():
            if accession in self.flaws:
                continue
            resolution = "exact" if entry.primary == accession else "merged_entry"
            self.found.setdefault(accession, _of_entry(entry, entry.sequence, resolution))
        for member in asked:
            if member.accession in got.entries:
                self._add_part(member, got.entries[member.accession], isoforms.isoforms)

    def _needs_uniprot(self, member: DistinctMember) -> bool:
        if member.key in self.found or member.key in self.flaws or not _UNIPROT.fullmatch(member.accession):
            return False
        if member.feature is None or self.config.mature_chain == "cut":
            return True
        return self.config.mature_chain == "whole" and member.accession not in self.found

    def _add_part(self, member: DistinctMember, entry: Entry, isoforms: dict[str, str]) -> None:
        """Add the isoform or mature chain that `member` asks for, if `entry` has it."""
        if member.feature:
            span = entry.chains.get(member.feature)
            if span and self.config.mature_chain == "cut":
                part = entry.sequence[span[0] - 1 : span[1]]
                self.found[member.key] = _of_entry(entry, part, "mature_chain")
        elif member.key in entry.canonical_isoforms:
            self.found[member.key] = _of_entry(entry, entry.sequence, "exact")
        elif member.key in isoforms:
            self.found[member.key] = _of_entry(entry, isoforms[member.key], "exact")

    def _where_looked(self, member: DistinctMember) -> str:
        files = (
            "not in the given FASTA files" if self.config.fasta else "no FASTA files given (sequences.fasta)"
        )
        if member.namespace != "uniprot":
            return files
        if not self.config.uniprot.fetch:
            return f"{files} and fetching is off (set sequences.uniprot.fetch)"
        reason = self.reasons.get(member.key) or self.reasons.get(member.accession)
        return f"{files}; {reason or 'not a UniProt accession, so it was not fetched'}"

    def _why_no_feature(self, member: DistinctMember) -> str:
        if self.config.mature_chain == "reject":
            return (
                f"{member.key} is a mature chain (sequences.mature_chain is reject; valid also: whole, cut)"
            )
        if not self.config.uniprot.fetch:
            return (
                f"{member.key}: cutting out a mature chain needs UniProt's coordinates, and fetching is off "
                "(set sequences.uniprot.fetch, or sequences.mature_chain to whole)"
            )
        return (
            f"{member.key}: UniProt gives no exact coordinates of this mature chain "
            "(set sequences.mature_chain to whole)"
        )


def _is_canonical(member: DistinctMember, got: Fetched) -> bool:
    entry = got.entries.get(member.accession)
    return entry is not None and member.key in entry.canonical_isoforms


def _of_entry(entry: Entry, sequence: str, resolution: str) -> Found:
    return Found(sequence, "uniprot", resolution, entry.description, entry.taxid)
