"""Sizes of the demo model: Boltz-2's own hyperparameters, much reduced. Imports no torch."""

from dataclasses import asdict, dataclass

from foldcp.tables.provenance import sha256_json


@dataclass(frozen=True)
class Sizes:
    """Recipe of the demo checkpoint.

    Attributes
    ----------
    version
        Raised when the way of building changes.
    seed
        Seed of the random weights.
    token_s, token_z
        Width of the single and of the pair representation (released: 384, 128).
    atom_s, atom_z, atom_blocks
        Width of the atom and atom-pair representations, blocks of the atom encoder and decoder (128, 16, 3).
    trunk_blocks, msa_blocks, confidence_blocks, template_blocks
        Blocks of the Pairformer stacks (64, 4, 8, 2).
    single_heads
        Heads of the single track's attention (16).
    pair_heads, pair_head_width
        Heads of triangle attention, and their width (4, 32).
    msa_s, template_dim
        Width of the alignment and of the template representation (64, 64).
    diffusion_blocks, diffusion_heads, fourier_dim
        Blocks and heads of the diffusion transformer, width of the noise-level embedding (24, 16, 256).
    """

    version: int = 1
    seed: int = 2
    token_s: int = 32
    token_z: int = 16
    atom_s: int = 16
    atom_z: int = 8
    atom_blocks: int = 1
    trunk_blocks: int = 1
    msa_blocks: int = 1
    confidence_blocks: int = 1
    template_blocks: int = 1
    single_heads: int = 4
    pair_heads: int = 1
    pair_head_width: int = 8
    msa_s: int = 16
    template_dim: int = 8
    diffusion_blocks: int = 2
    diffusion_heads: int = 4
    fourier_dim: int = 32

    def sha256(self) -> str:
        """Return the hash of the recipe; the checkpoint's file name carries it."""
        return sha256_json(asdict(self))


SIZES = Sizes()
