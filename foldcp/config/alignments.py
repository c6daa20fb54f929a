"""Settings of alignments: providers, searches, the cache."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from foldcp.config.section import HOW, PositiveInt, Section

MOST_ROWS = 8192
"""Boltz reads at most this many rows of one protein's alignment, and pairs at most as many."""


class MmseqsConfig(Section):
    """A search on this machine or cluster with MMseqs2, as ColabFold does it."""

    program: Annotated[str, HOW] = Field("mmseqs", description="The MMseqs2 program: a name or a path.")
    database: Path | None = Field(
        None,
        description="Database of UniRef's kind, as `mmseqs createdb` or ColabFold's setup made it: its path "
        "without suffix.",
    )
    environmental: Path | None = Field(
        None, description="A second database, of environmental sequences; searched with the first's profiles."
    )
    sensitivity: float = Field(8.0, ge=1, le=9.5, description="Sensitivity (-s): more finds more, slower.")
    iterations: PositiveInt = Field(3, description="Rounds of the profile search.")
    max_seqs: PositiveInt = Field(10_000, description="Most hits of a query that pass the prefilter.")
    gpu: bool = Field(False, description="Search on a GPU; needs MMseqs2 16 or later and padded databases.")
    threads: Annotated[PositiveInt, HOW] = Field(4, description="CPU cores of each search job.")
    memory_mb: Annotated[PositiveInt | None, HOW] = Field(
        None,
        description="Memory of each search job, MB; default: all of the machine's. The mem_mb of msa_search "
        "in a Snakemake profile goes before it.",
    )


class MsaServerConfig(Section):
    """A search by a server that speaks ColabFold's protocol. Your sequences leave your machines."""

    url: str = Field("https://api.colabfold.com", description="Address of the server.")
    environmental: bool = Field(True, description="Search environmental sequences too.")
    filter: bool = Field(True, description="Let the server thin out very deep alignments.")
    contact: Annotated[str | None, HOW] = Field(
        None, description="Your e-mail address, which tells the server's owners whom to write to."
    )
    batch: Annotated[PositiveInt, HOW] = Field(20, description="Sequences per request.")
    requests_per_second: Annotated[float, HOW] = Field(
        0.2, gt=0, le=1, description="Upper limit of the request rate."
    )
    patience_hours: Annotated[float, HOW] = Field(
        12.0, gt=0, description="How long to wait for one request's result."
    )


MSA_PROVIDERS = ["directory", "mmseqs", "server", "none"]
_SEARCHES = {"mmseqs", "server"}


class MsaConfig(Section):
    """Alignments, one per unique sequence."""

    provider: str = Field(
        "none",
        description="Where alignments come from, tried in this order, e.g. directory,mmseqs,none: directory "
        "(precomputed files), mmseqs (a search with MMseqs2), server (a ColabFold server), none (fold "
        "the single sequence).",
    )
    directory: Path | None = Field(
        None,
        description="Folder of <accession>.a3m or <sha256 of sequence>.a3m, or .csv, or folders with "
        "pairing.a3m and non_pairing.a3m; plain, .gz or .zst. Those of single complexes by <complex_id>.",
    )
    species: Path | None = Field(
        None,
        description="Map of identifiers to tax ids, two columns, for rows whose headers name no species.",
    )
    pairing: Literal["greedy", "complete", "none"] = Field(
        "greedy",
        description="Which rows of different chains are paired: those of species that at least two chains "
        "have (greedy), that all have (complete), or none.",
    )
    max_rows: int = Field(
        MOST_ROWS, ge=1, le=MOST_ROWS, description="Most rows of one protein's alignment that are read."
    )
    max_paired: int | None = Field(
        None, ge=1, le=MOST_ROWS, description="Most rows of a complex that pair chains; default: max_rows."
    )
    max_identity: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Leave out rows that share more of their residues than this with a row kept before.",
    )
    cache: Annotated[Path | None, HOW] = Field(
        None, description="Folder of searched alignments, shared by campaigns; default: the user's cache."
    )
    batch: Annotated[PositiveInt, HOW] = Field(200, description="Sequences that one search job takes.")
    on_failure: Literal["fail", "single"] = Field(
        "fail",
        description="When a sequence gets no alignment: reject its complexes with the reason, or fold it as "
        "a single sequence and flag them.",
    )
    mmseqs: MmseqsConfig = Field(default_factory=MmseqsConfig, description="Settings of provider mmseqs.")
    server: MsaServerConfig = Field(
        default_factory=MsaServerConfig, description="Settings of provider server."
    )

    @property
    def providers(self) -> list[str]:
        """The providers, in the order they are tried."""
        return [name.strip() for name in self.provider.split(",")]

    @property
    def search(self) -> str | None:
        """The provider that searches, or None."""
        return next((name for name in self.providers if name in _SEARCHES), None)

    @model_validator(mode="after")
    def _providers_are_complete(self) -> "MsaConfig":
        names = self.providers
        if unknown := [name for name in names if name not in MSA_PROVIDERS]:
            raise ValueError(f"provider {unknown[0]!r} is unknown; valid: {', '.join(MSA_PROVIDERS)}")
        if len(set(names)) != len(names) or "none" in names[:-1]:
            raise ValueError(f"provider names each once, and none last; got {self.provider!r}")
        if _SEARCHES.issubset(names):
            raise ValueError("provider takes one of mmseqs and server, not both")
        if self.max_paired is not None and self.max_paired > self.max_rows:
            raise ValueError(f"max_paired ({self.max_paired}) is more than max_rows ({self.max_rows})")
        if "directory" in names and self.directory is None:
            raise ValueError("provider 'directory' needs msa.directory: the folder of alignments")
        if "mmseqs" in names and self.mmseqs.database is None:
            raise ValueError("provider 'mmseqs' needs msa.mmseqs.database: the database to search")
        return self
