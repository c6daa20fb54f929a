"""What is made of the scores: statistics and the report."""

from typing import Literal

from pydantic import Field, field_validator

from foldcp.config.section import PositiveInt, Section

Score = Literal[
    "iptm",
    "ipsae_max",
    "ipsae_weakest",
    "pdockq_max",
    "pdockq2_max",
    "lis_max",
    "ilis_max",
    "protein_iptm",
    "ligand_iptm",
    "interface_plddt",
    "confidence_score",
    "ranking_score",
    "ptm",
    "complex_plddt",
    "complex_iplddt",
    "n_interfaces",
    "n_contacts",
    "buried_area",
]
"""Columns of the complexes table of which more is better: only those can rank."""


class EnrichmentConfig(Section):
    """What scores mean against controls, and which categories are among the best."""

    score: Score = Field("iptm", description="Ranking score.")
    top_fraction: float = Field(0.1, gt=0, lt=1, description="Share of complexes called top.")
    min_size: PositiveInt = Field(3, description="Smallest category that is tested.")
    scores: list[Score] = Field(
        [
            "iptm",
            "ipsae_max",
            "ipsae_weakest",
            "pdockq_max",
            "pdockq2_max",
            "lis_max",
            "confidence_score",
        ],
        description="Scores held against the decoys.",
        min_length=1,
    )
    min_decoys: PositiveInt = Field(
        50, description="Fewest decoys of a size bin that complexes of the bin are held against."
    )
    candidates_as_negatives: bool = Field(
        False, description="Whether the candidates of a screen count as negatives, beside the decoys."
    )
    bootstrap: int = Field(1000, ge=100, le=100_000, description="Resamples behind each interval.")

    @field_validator("scores")
    @classmethod
    def _each_once(cls, scores: list[str]) -> list[str]:
        if len(scores) != len(set(scores)):
            raise ValueError(f"name each score once, got {scores}")
        return scores


class ReportConfig(Section):
    """What the report shows."""

    title: str | None = Field(None, description="Title of the page; default: the campaign's name.")
    top: PositiveInt = Field(25, description="Complexes in the table of the best, with maps of chain pairs.")
    viewer_top: int = Field(10, ge=0, description="How many of these also get a 3-D view on the page.")
