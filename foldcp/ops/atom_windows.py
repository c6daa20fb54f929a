"""Atoms in windows, cut over all ranks: a window of Q atoms attends to the K atoms around it.

Source: AlphaFold 3, supplementary algorithm 7; `boltz.model.modules.encodersv2`.

Window n asks with the atoms [Q n, Q n + Q) and looks at the atoms [Q n - h, Q n + Q + h), h = (K - Q)/2;
beyond the ends of the array are zeros. Each rank holds whole windows, one block in flat rank order, so its
keys are its own atoms and a halo of h on either side. A rank may hold no window; it makes the same calls.
"""

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from foldcp.features import Atoms, Features
from foldcp.mesh import Mesh, MeshError, halo
from foldcp.mesh.cuts import overlap, size


@dataclass(frozen=True, eq=False)
class AtomShare:
    """The windows of this rank. a: its atoms; w: its windows. Build it with `AtomShare.create`.

    Attributes
    ----------
    mesh
        The mesh.
    n_atoms, n_tokens
        A, with padding, and N of the whole complex.
    queries, keys
        Q and K: atoms that ask and atoms that are looked at, per window.
    wide
        Features of the own atoms and of the halo (a + 2h rows; zeros beyond the ends).
    residue
        int64 (a, 3). Residue type, modified or not, and molecule type of each own atom's token, or -1.
    atoms_per_token
        float32 (N,). How many atoms of the whole complex a token has.
    token_of
        Token of every atom of the complex, or -1: on the host, where index lists are made.
    """

    mesh: Mesh
    n_atoms: int
    n_tokens: int
    queries: int
    keys: int
    wide: Atoms
    residue: Tensor
    atoms_per_token: Tensor
    token_of: np.ndarray

    @classmethod
    def create(
        cls, features: Features, mesh: Mesh, device: str | torch.device, queries: int = 32, keys: int = 128
    ) -> "AtomShare":
        """Cut the atoms over all ranks; no message, for the features are whole on every host.

        Parameters
        ----------
        features : Features
            Features of the complex, on the host.
        mesh : Mesh
            The mesh.
        device : str or torch.device
            Where the share goes.
        queries, keys : int
            Q and K of the serial model, by default Boltz-2's.

        Raises
        ------
        MeshError
            If the atoms are no whole number of windows, or Q and K are no windows in Boltz's sense.
        """
        n_atoms = features.n_atoms
        if n_atoms % queries or queries % 2 or keys % queries:
            raise MeshError(
                f"{n_atoms} atoms in windows of {queries} that look at {keys}: atoms and keys must be "
                "multiples of the window, which must be even. Pad the atoms with rows of mask 0"
            )
        # Not `.numpy()`: on fake tensors' ground only a list still gives a real tensor's numbers.
        token_of = np.array(features.atoms.token.tolist(), dtype=np.int64)
        own = mesh.flat(n_atoms, queries)
        beside = (keys - queries) // 2 if size(own) else 0
        columns = {
            field.name: _cut(getattr(features.atoms, field.name), own.start - beside, own.stop + beside)
            for field in fields(features.atoms)
        }
        counts = np.bincount(token_of[token_of >= 0], minlength=features.n_tokens)
        return cls(
            mesh,
            n_atoms,
            features.n_tokens,
            queries,
            keys,
            Atoms(**columns).to(device),
            _residues(features, own).to(device),
            torch.from_numpy(counts.astype(np.float32)).to(device),
            token_of,
        )

    @cached_property
    def atoms(self) -> Atoms:
        """Features of the own atoms (a rows), views of `wide`."""
        start = (len(self.wide.mask) - self.size) // 2
        return Atoms(**{f.name: getattr(self.wide, f.name)[start:][: self.size] for f in fields(self.wide)})

    @property
    def own(self) -> slice:
        """Which atoms of the complex these are."""
        return self.mesh.flat(self.n_atoms, self.queries)

    @property
    def size(self) -> int:
        """How many atoms are here, a."""
        return size(self.own)

    @property
    def n_windows(self) -> int:
        """How many windows are here, w."""
        return self.size // self.queries

    @property
    def device(self) -> torch.device:
        """Where the share lies."""
        return self.wide.mask.device

    def windows(self, x: Tensor) -> Tensor:
        """Return the own atoms (a, …) as windows of queries (w, Q, …): a view."""
        return x.unflatten(0, (self.n_windows, self.queries))

    def key_windows(self, wide: Tensor) -> Tensor:
        """Return atoms with their halo (a + 2h, …) as overlapping windows of keys (w, K, …): a view."""
        if not self.n_windows:
            return wide.new_empty(0, self.keys, *wide.shape[1:])
        return wide.unfold(0, self.keys, self.queries).movedim(-1, 1)


def with_halo(x: Tensor, share: AtomShare) -> Tensor:
    """Return the own atoms (a, …) with h atoms of the neighbouring ranks on either side (a + 2h, …)."""
    beside = (share.keys - share.queries) // 2
    return halo(x, share.mesh, share.n_atoms, beside, beside, unit=share.queries)


def to_keys(x: Tensor, share: AtomShare) -> Tensor:
    """Return the keys of the own windows (w, K, …) of atoms (a, …): a view of the atoms and their halo."""
    return share.key_windows(with_halo(x, share))


def _cut(x: Tensor, start: int, stop: int) -> Tensor:
    """Return rows [start, stop), zeros beyond the ends of x."""
    inside = overlap(slice(start, stop), slice(0, len(x)))
    beyond = (inside.start - start, stop - inside.stop) if size(inside) else (0, 0)
    return pad(x[inside], (0, 0) * (x.ndim - 1) + beyond)


def _residues(features: Features, own: slice) -> Tensor:
    tokens, token = features.tokens, features.atoms.token[own]
    columns = torch.stack([tokens.res_type, tokens.modified, tokens.mol_type], dim=-1)
    return torch.where(token[:, None] < 0, -1, columns[token.clamp(min=0)])
