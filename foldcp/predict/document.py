"""Reading of one Boltz input, YAML or FASTA, into one checked schema. Imports neither torch nor boltz.

Both formats become the dictionary that Boltz's own parser takes, with every file it refers to located, so
that all that follows (content hash, molecules needed, parsing) knows a single form.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from foldcp.errors import InputError
from foldcp.predict.schema import check
from foldcp.tables.provenance import sha256_file, sha256_json

YAML_SUFFIXES = [".yaml", ".yml"]
FASTA_SUFFIXES = [".fasta", ".fa", ".fas"]
SUFFIXES = YAML_SUFFIXES + FASTA_SUFFIXES
_FASTA_TYPES = ["protein", "dna", "rna", "ccd", "smiles"]

Schema = dict[str, Any]


@dataclass(frozen=True)
class Document:
    """One input.

    Attributes
    ----------
    path
        File it was read from.
    schema
        Boltz's input schema; alignment and template paths are absolute and exist.
    """

    path: Path
    schema: Schema

    def key(self) -> str:
        """Return the hash of the content: the schema, and the bytes (not the paths) of the files it names."""
        return sha256_json(_with_files(self.schema, lambda file: f"sha256:{sha256_file(file)}"))

    def codes(self) -> set[str]:
        """Return the CCD codes of ligands and modified residues that the input names."""
        found: set[str] = set()
        for item in self.schema["sequences"]:
            ((_, body),) = item.items()
            ccd = body.get("ccd", [])
            found.update([ccd] if isinstance(ccd, str) else ccd)
            found.update(change["ccd"] for change in body.get("modifications") or [])
        return found

    def templates(self, kind: str) -> list[Path]:
        """Return the template files of a kind, `cif` or `pdb`."""
        # Boltz reads the mmCIF file where both are named.
        chosen = (t for t in self.schema.get("templates") or [] if kind == ("cif" if "cif" in t else "pdb"))
        return [Path(template[kind]) for template in chosen]


def read(path: Path | str) -> Document:
    """Read and check a Boltz input.

    Parameters
    ----------
    path
        A `.yaml`, `.yml`, `.fasta`, `.fa` or `.fas` file. Alignments and templates are looked up as Boltz
        does, from the working directory, and then beside the input.

    Raises
    ------
    InputError
        Saying what is wrong where, and what is valid.
    """
    path = Path(path)
    try:
        return _read(path)
    except InputError as error:
        raise InputError(f"{path.name}: {error}") from None


def _read(path: Path) -> Document:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        got = f"the suffix {suffix!r}" if suffix else "no suffix"
        raise InputError(f"has {got}, which does not tell the format; valid: {' '.join(SUFFIXES)}")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError("is not a text file (UTF-8)") from None
    schema = _parse_fasta(text) if suffix in FASTA_SUFFIXES else _parse_yaml(text)
    check(schema)
    return Document(path, _with_files(schema, lambda file: str(_locate(file, path.parent))))


def _parse_yaml(text: str) -> Schema:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"is not valid YAML: {' '.join(str(error).split())}") from None


def _parse_fasta(text: str) -> Schema:
    # Boltz writes the kind of molecule into the header: >CHAIN|TYPE or >CHAIN|protein|ALIGNMENT.
    return {"version": 1, "sequences": [_fasta_item(header, body) for header, body in _fasta_records(text)]}


def _fasta_records(text: str) -> Iterator[tuple[str, str]]:
    header: str | None = None
    lines: list[str] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        if not line.startswith(">"):
            if header is None:
                raise InputError("has text before the first '>' line; FASTA records start with >CHAIN|TYPE")
            lines.append(line)
            continue
        if header is not None:
            yield header, "".join(lines)
        header, lines = line[1:].strip(), []
    if header is not None:
        yield header, "".join(lines)


def _fasta_item(header: str, sequence: str) -> dict[str, Any]:
    fields = header.split(maxsplit=1)[0].split("|") if header else [""]
    if not 2 <= len(fields) <= 3:
        raise InputError(f"has the header '>{header}'; expected >CHAIN|TYPE or >CHAIN|protein|ALIGNMENT")
    chain, kind = fields[0], fields[1].lower()
    if kind not in _FASTA_TYPES:
        raise InputError(f"chain {chain!r} has type {fields[1]!r}; valid: {', '.join(_FASTA_TYPES)}")
    if kind in ("ccd", "smiles"):
        kind, body = "ligand", {"id": chain, kind: sequence}
    else:
        body = {"id": chain, "sequence": sequence}
    if len(fields) == 3 and fields[2]:
        if kind != "protein":
            raise InputError(f"chain {chain!r} has the alignment {fields[2]!r}, but only proteins take one")
        body["msa"] = fields[2]
    return {kind: body}


def _with_files(schema: Schema, change: Any) -> Schema:
    """Return a copy of the schema with `change` applied to every path in it."""

    def with_alignment(item: dict[str, Any]) -> dict[str, Any]:
        ((kind, body),) = item.items()
        if kind == "protein" and body.get("msa") not in (None, "", "empty"):
            body = {**body, "msa": change(Path(body["msa"]))}
        return {kind: body}

    def with_template(template: dict[str, Any]) -> dict[str, Any]:
        kind = "cif" if "cif" in template else "pdb"
        return {**template, kind: change(Path(template[kind]))}

    changed = {**schema, "sequences": [with_alignment(item) for item in schema["sequences"]]}
    if schema.get("templates"):
        changed["templates"] = [with_template(template) for template in schema["templates"]]
    return changed


def _locate(file: Path, beside: Path) -> Path:
    for candidate in (file, beside / file):
        if candidate.is_file():
            return candidate.resolve()
    raise InputError(f"refers to {str(file)!r}, which is neither in {Path.cwd()} nor beside the input")
