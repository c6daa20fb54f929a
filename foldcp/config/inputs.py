"""What is folded: the table or screen, its sequences, and the controls made from it."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from foldcp.config.section import HOW, Section


class ScreenConfig(Section):
    """Pairs of proteins to fold, instead of a table."""

    baits: Path | None = Field(
        None, description="Proteins, one per line, or a CSV with the columns member,copies,name."
    )
    preys: Path | None = Field(
        None, description="Proteins that each bait is paired with; default: the baits among themselves."
    )
    known: Path | None = Field(
        None, description="Known interactions, a table in any format; such pairs are positive controls."
    )
    homodimers: bool = Field(False, description="Pair a protein with itself, too.")

    @property
    def files(self) -> list[Path]:
        """The files that are given."""
        return [path for path in (self.baits, self.preys, self.known) if path is not None]


class ComplexesConfig(Section):
    """Which table to read, or which screen to make."""

    table: Path | None = Field(None, description="Table of complexes or interactions.")
    format: Literal["auto", "corum", "complextab", "mitab", "biogrid", "string", "humap", "csv"] = Field(
        "auto", description="Format of the table; auto looks at the header."
    )
    copies: Path | None = Field(
        None,
        description="Your own stoichiometry, a CSV: complex_id,member,copies. It wins over the table.",
    )
    templates: Path | None = Field(
        None,
        description="Your own structure templates, a CSV: complex_id,member,file,chain; files: mmCIF.",
    )
    screen: ScreenConfig = Field(default_factory=ScreenConfig, description="Pairs instead of a table.")

    @model_validator(mode="after")
    def _table_or_screen(self) -> "ComplexesConfig":
        if (self.table is None) == (self.screen.baits is None):
            raise ValueError(
                "give complexes.table, a table of complexes, or complexes.screen.baits, a list of proteins "
                f"to pair: one of the two, not {'none' if self.table is None else 'both'}"
            )
        if self.table and self.screen != ScreenConfig():
            raise ValueError("complexes.screen.preys, known and homodimers go with complexes.screen.baits")
        if self.copies and self.table is None:
            raise ValueError("complexes.copies goes with a table; give a screen's lists a column copies")
        return self

    @property
    def files(self) -> list[Path]:
        """The files that are given."""
        own = [path for path in (self.table, self.copies, self.templates) if path is not None]
        return own + self.screen.files


class UniprotConfig(Section):
    """Fetching of missing sequences from UniProt."""

    fetch: bool = Field(False, description="Fetch sequences that no FASTA file holds. Needs a network.")
    url: Annotated[str, HOW] = Field(
        "https://rest.uniprot.org", description="Address of the UniProt REST service."
    )
    cache: Annotated[Path | None, HOW] = Field(
        None, description="Folder of fetched entries; default: the user's cache folder."
    )
    batch_size: Annotated[int, HOW] = Field(100, ge=1, le=500, description="Accessions per request.")
    requests_per_second: Annotated[float, HOW] = Field(
        1.0, gt=0, le=10, description="Upper limit of the request rate."
    )


class SequencesConfig(Section):
    """Where sequences come from, and what to do when one is not exactly what was asked for."""

    fasta: list[Path] = Field(default_factory=list, description="FASTA files (.gz too) or folders of them.")
    ligands: Path | None = Field(
        None,
        description="CSV with columns member,ccd,smiles,description: how to fold non-polymer members.",
    )
    uniprot: UniprotConfig = Field(default_factory=UniprotConfig, description="Fetching from UniProt.")
    missing_isoform: Literal["canonical", "reject"] = Field(
        "canonical",
        description="When an isoform is absent: fold the canonical sequence and flag it, or reject.",
    )
    mature_chain: Literal["cut", "whole", "reject"] = Field(
        "whole",
        description="For mature chains (P00734-PRO_...): cut them out (needs UniProt), fold the whole "
        "entry and flag it, or reject.",
    )
    unsupported_member: Literal["drop", "reject"] = Field(
        "drop",
        description="Members that cannot be folded (small molecules that the ligand table does not hold, RNA "
        "without a sequence): drop and flag, or reject.",
    )


class ControlsConfig(Section):
    """Decoys: complexes of subunits that are not known to meet, to compare scores with."""

    decoys_per_complex: float = Field(
        0, ge=0, le=100, description="Decoys for each complex; 0.5 makes one for every other, 0 makes none."
    )
    length_tolerance: float = Field(
        0.1, ge=0, lt=1, description="Most that a subunit's length may differ from the one it stands for."
    )
    depth_factor: float = Field(
        2.0, ge=1, description="Most that the depths of their alignments may differ, as a factor."
    )
    known_partners: list[Path] = Field(
        default_factory=list,
        description="More tables of interactions, in any format: no decoy holds two of their partners.",
    )
