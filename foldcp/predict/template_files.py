"""Template files as Boltz needs them: the proteins of an mmCIF file. Imports neither torch nor boltz.

Boltz places proteins of a template on proteins of the input and reads nothing else of it, but it parses all:
one ligand that the chemical component dictionary lacks, or an `UNL`, ends the prediction. So Boltz is given a
copy of the proteins. The features it makes of it are the same bit for bit.
"""

import copy
import gzip
import zlib
from collections.abc import Container, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from foldcp.errors import InputError

_GZIP = b"\x1f\x8b"
_MAX_CHAIN = 5
_ATOMS, _BONDS = "_atom_site.", "_struct_conn."


@dataclass(frozen=True)
class TemplateFile:
    """An mmCIF file, plain or gzip, that holds at least one protein.

    Attributes
    ----------
    content
        Its bytes, unpacked.
    document
        Its first block, the one that Boltz reads, without what is no protein (`gemmi.cif.Document`).
    proteins
        Names of the protein chains (`label_asym_id`), each with the name that its authors gave it.
    sequences
        Sequence of each of them in one letter, unresolved residues included, X where there is no letter.
    codes
        CCD codes of the residues in the proteins' sequences, unresolved ones included.
    """

    content: bytes
    document: Any
    proteins: dict[str, str]
    sequences: dict[str, str]
    codes: set[str]

    @classmethod
    def read(cls, path: Path) -> "TemplateFile":
        """Read a template.

        Raises
        ------
        InputError
            If the file cannot be read, is no mmCIF file, holds no protein, has names that Boltz would cut, or
            its proteins cannot be written to a file of their own. The message does not name it.
        """
        import gemmi

        try:
            content = path.read_bytes()
            if content.startswith(_GZIP):
                content = gzip.decompress(content)
            blocks = list(gemmi.cif.read_string(_text(content)))
            found = _proteins(blocks[0]) if blocks else []
            proteins = {protein.name: protein.authors for protein in found}
            document = _without_others(blocks[0], proteins) if proteins else None
        except FileNotFoundError:
            raise InputError("no such file") from None
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise InputError(f"damaged gzip file: {error}") from None
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror or error}") from None
        except (RuntimeError, ValueError) as error:
            raise InputError(
                f"is no mmCIF file: {' '.join(str(error).split())}; taken are mmCIF files as text, plain or "
                ".gz (not PDB, BinaryCIF or .zst)"
            ) from None
        if not proteins:
            raise InputError(
                "holds no protein: needed are atoms (_atom_site) of a polypeptide(L) (_entity_poly), and its "
                "sequence (_entity_poly_seq)"
            )
        if long := [name for name in proteins if len(name) > _MAX_CHAIN]:
            raise InputError(
                f"has chains of names that Boltz cuts after {_MAX_CHAIN} characters: {', '.join(long)}; "
                "shorten label_asym_id"
            )
        sequences = {protein.name: _letters(protein.residues) for protein in found}
        return cls(content, document, proteins, sequences, {code for p in found for code in p.residues})

    def write_proteins(self, path: Path) -> None:
        """Write the file without bonds between chains, and without the atoms of all that is no protein."""
        self.document.write_file(str(path))


class _Protein(NamedTuple):
    """Names of a chain, and the codes in its sequence."""

    name: str
    authors: str
    residues: list[str]


def _text(content: bytes) -> str:
    # mmCIF is ASCII by definition; other letters stand in comments and names, in whatever encoding.
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _letters(residues: Iterable[str]) -> str:
    import gemmi

    letters = (gemmi.find_tabulated_residue(code).one_letter_code.strip().upper() for code in residues)
    return "".join(letter or "X" for letter in letters)


def _without_others(whole: Any, proteins: Container[str]) -> Any:
    """Return a document of a block without bonds between chains, and without atoms of other chains."""
    import gemmi

    document = gemmi.cif.Document()
    block = document.add_copied_block(whole)
    block.find_mmcif_category(_BONDS).erase()
    atoms = block.find_mmcif_category(_ATOMS)
    tags = list(atoms.tags)
    # Tags may be written in either case.
    chain = [tag.lower() for tag in tags].index(f"{_ATOMS}label_asym_id")
    if atoms.loop is None:
        # A single atom may be written as pairs of tag and value.
        columns = [[value] for value in atoms[0]]
        atoms.erase()
        loop = block.init_loop("", tags)
    else:
        loop, values = atoms.loop, atoms.loop.values
        columns = [values[k :: len(tags)] for k in range(len(tags))]
    kept = [row for row, name in enumerate(columns[chain]) if gemmi.cif.as_string(name) in proteins]
    loop.set_all_values([[column[row] for row in kept] for column in columns])
    return document


def _proteins(block: Any) -> list[_Protein]:
    """Return the protein chains of the first model, as Boltz reads them."""
    import gemmi

    structure = gemmi.make_structure_from_block(block)
    entities = {name: entity for entity in structure.entities for name in entity.subchains}
    proteins: dict[str, _Protein] = {}
    for chain in structure[0] if len(structure) else []:
        for name in {span.subchain_id(): None for span in chain.subchains()}:
            entity = entities.get(name)
            if entity and entity.polymer_type == gemmi.PolymerType.PeptideL and entity.full_sequence:
                residues = [gemmi.Entity.first_mon(code) for code in entity.full_sequence]
                proteins[name] = _Protein(name, chain.name, residues)
    return list(proteins.values())


def with_proteins_only(schema: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return a copy of a schema whose mmCIF templates are copies in `folder`, of their proteins.

    Boltz calls a template by the stem of its file, which a copy keeps.
    """
    schema = copy.deepcopy(schema)
    for number, template in enumerate(schema.get("templates") or []):
        if "cif" in template:
            source = Path(template["cif"])
            target = folder / str(number) / f"{source.stem}.cif"
            target.parent.mkdir()
            read_template(source).write_proteins(target)
            template["cif"] = str(target)
    return schema


def read_template(path: Path) -> TemplateFile:
    """Read a template that an input names.

    Raises
    ------
    InputError
        As `TemplateFile.read`, naming the file.
    """
    try:
        return TemplateFile.read(path)
    except InputError as error:
        raise InputError(f"template {path.name}: {error}") from None
