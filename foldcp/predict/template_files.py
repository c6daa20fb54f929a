"""Template files as Boltz needs them: the proteins of an mmCIF file. Imports neither torch nor boltz.

Boltz places proteins of a template on proteins of the input and reads nothing else of it, but it parses all:
one ligand that the chemical component dictionary lacks, or an `UNL`, ends the prediction. So Boltz is given a
copy of the proteins. The features it makes of it are the same bit for bit.
"""

import copy
import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    block
        Its first block (`gemmi.cif.Block`), which is the one that Boltz reads.
    proteins
        Names of the protein chains (`label_asym_id`), each with the name that its authors gave it.
    codes
        CCD codes of the residues in the proteins' sequences, unresolved ones included.
    """

    content: bytes
    block: Any
    proteins: dict[str, str]
    codes: set[str]

    @classmethod
    def read(cls, path: Path) -> "TemplateFile":
        """Read a template.

        Raises
        ------
        InputError
            If the file cannot be read, is no mmCIF file, holds no protein, or has names that Boltz would cut.
            The message does not name it.
        """
        import gemmi

        try:
            content = path.read_bytes()
            if content.startswith(_GZIP):
                content = gzip.decompress(content)
            blocks = list(gemmi.cif.read_string(content.decode()))
            proteins, codes = _proteins(blocks[0]) if blocks else ({}, set())
        except FileNotFoundError:
            raise InputError("no such file") from None
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise InputError(f"damaged gzip file: {error}") from None
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror or error}") from None
        except (RuntimeError, ValueError) as error:
            raise InputError(f"is no mmCIF file: {' '.join(str(error).split())}") from None
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
        return cls(content, blocks[0], proteins, codes)

    def write_proteins(self, path: Path) -> None:
        """Write the file without bonds between chains, and without the atoms of all that is no protein."""
        import gemmi

        document = gemmi.cif.Document()
        block = document.add_copied_block(self.block)
        block.find_mmcif_category(_BONDS).erase()
        atoms = block.find([f"{_ATOMS}label_asym_id"]).loop
        values, width = atoms.values, atoms.width()
        columns = [values[k::width] for k in range(width)]
        chains = columns[atoms.tags.index(f"{_ATOMS}label_asym_id")]
        kept = [row for row, name in enumerate(chains) if gemmi.cif.as_string(name) in self.proteins]
        atoms.set_all_values([[column[row] for row in kept] for column in columns])
        document.write_file(str(path))


def _proteins(block: Any) -> tuple[dict[str, str], set[str]]:
    """Return the protein chains of the first model, and the codes in their sequences, as Boltz reads them."""
    import gemmi

    structure = gemmi.make_structure_from_block(block)
    entities = {name: entity for entity in structure.entities for name in entity.subchains}
    proteins: dict[str, str] = {}
    codes: set[str] = set()
    for chain in structure[0] if len(structure) else []:
        for name in {span.subchain_id(): None for span in chain.subchains()}:
            entity = entities.get(name)
            if entity and entity.polymer_type == gemmi.PolymerType.PeptideL and entity.full_sequence:
                proteins[name] = chain.name
                codes.update(map(gemmi.Entity.first_mon, entity.full_sequence))
    return proteins, codes


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
