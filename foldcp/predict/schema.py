"""Checks of Boltz's input schema, so that a mistake is named before any model runs.

Boltz's parser trusts its input: a chain id used twice loses a chain, a residue number out of range selects
another residue, and modifications of a repeated sequence are dropped, all without a word. Whatever would be
folded differently from what was written is refused here; whatever Boltz reads as written stays valid.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from foldcp.errors import InputError

POLYMERS = ["protein", "dna", "rna"]
ENTITIES = [*POLYMERS, "ligand"]
_MAX_CHAIN_ID = 5  # Boltz's chain table cuts longer names, and then mixes chains up.

Lengths = dict[str, int | None]
"""Chain id to residues; None for ligands, whose tokens are atoms."""


def check(schema: Any) -> None:
    """Check a Boltz input schema.

    Raises
    ------
    InputError
        At the first thing that is wrong.
    """
    _expect(isinstance(schema, Mapping), f"expected 'version' and 'sequences', got {_kind(schema)}")
    _check_keys(schema, "the file")
    _expect(schema.get("version", 1) == 1, f"version is {schema.get('version')!r}; valid: 1")
    _expect("sequences" in schema, f"has no 'sequences'; got: {', '.join(schema) or 'nothing'}")
    lengths = _check_sequences(schema["sequences"])
    _check_properties(_list_of_mappings(schema, "properties"))
    for number, constraint in enumerate(_list_of_mappings(schema, "constraints"), 1):
        _check_constraint(constraint, f"constraint {number}", lengths)
    _check_templates(_list_of_mappings(schema, "templates"))


def _check_templates(templates: Sequence[Mapping[str, Any]]) -> None:
    stems: set[str] = set()
    for number, template in enumerate(templates, 1):
        path = template.get("cif", template.get("pdb"))
        _expect(bool(path) and isinstance(path, str), f"template {number} needs 'cif' or 'pdb', a file")
        stem = PurePath(str(path)).stem
        _expect(stem not in stems, f"two templates are called {stem!r}; Boltz-2 would use one of them twice")
        stems.add(stem)


def _expect(condition: bool, message: str) -> None:
    if not condition:
        raise InputError(message)


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"{type(value).__name__} {str(value)[:60]!r}"


def _check_keys(value: Any, where: str, depth: int = 0) -> None:
    _expect(depth < 20, f"{where} is nested too deeply")
    if isinstance(value, Mapping):
        for key, child in value.items():
            _expect(isinstance(key, str), f"{where} has the key {key!r}, which is not text; quote it")
            _check_keys(child, f"'{key}'", depth + 1)
    elif isinstance(value, list):
        for child in value:
            _check_keys(child, where, depth + 1)


def _list_of_mappings(schema: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    values = schema.get(name) or []
    good = isinstance(values, list) and all(isinstance(v, Mapping) and v for v in values)
    _expect(good, f"'{name}' must be a list of keys and values, got {_kind(values)}")
    return values


def _check_sequences(items: Any) -> Lengths:
    good = isinstance(items, list) and bool(items) and all(isinstance(item, Mapping) for item in items)
    _expect(good, f"'sequences' must list at least one chain, got {_kind(items)}")
    lengths: Lengths = {}
    same: dict[tuple[str, str], tuple[str, Mapping[str, Any]]] = {}
    for number, item in enumerate(items, 1):
        kind = str(next(iter(item), None))
        good = len(item) == 1 and kind in ENTITIES
        _expect(good, f"item {number} of 'sequences' is {list(item)}; valid: one of {', '.join(ENTITIES)}")
        body = item[kind]
        _expect(isinstance(body, Mapping), f"{kind} {number} must have keys such as 'id', got {_kind(body)}")
        ids = _check_ids(body.get("id"), f"{kind} {number}", lengths)
        where = f"chain {ids[0]}"
        if kind == "ligand":
            _check_ligand(body, where)
        else:
            _check_polymer(kind, body, where)
            first, other = same.setdefault((kind, body["sequence"]), (ids[0], body))
            _check_same(first, other, ids[0], body)
        lengths.update(dict.fromkeys(ids, None if kind == "ligand" else len(body["sequence"])))
    return lengths


def _check_ids(value: Any, where: str, taken: Lengths) -> list[str]:
    ids = value if isinstance(value, list) else [value]
    _expect(bool(ids), f"{where} has an empty list of ids")
    for number, chain in enumerate(ids):
        _expect(
            isinstance(chain, str), f"{where} has as id {_kind(chain)}; expected text such as A, in quotes"
        )
        good = re.fullmatch(rf"[A-Za-z0-9_.+-]{{1,{_MAX_CHAIN_ID}}}", chain)
        _expect(bool(good), f"{where} has the id {chain!r}; expected 1 to {_MAX_CHAIN_ID} letters or digits")
        _expect(chain not in taken and chain not in ids[:number], f"chain id {chain!r} is used twice")
    return ids


def _check_ligand(body: Mapping[str, Any], where: str) -> None:
    _expect(("ccd" in body) != ("smiles" in body), f"{where}: a ligand needs either 'ccd' or 'smiles'")
    if "smiles" in body:
        good = isinstance(body["smiles"], str) and bool(body["smiles"].strip())
        _expect(good, f"{where}: 'smiles' is empty or not text")
        return
    codes = body["ccd"] if isinstance(body["ccd"], list) else [body["ccd"]]
    _expect(bool(codes), f"{where}: 'ccd' is empty")
    for code in codes:
        _check_code(code, where)


def _check_code(code: Any, where: str) -> None:
    good = isinstance(code, str) and re.fullmatch(r"[A-Z0-9]{1,5}", code)
    valid = "up to 5 capitals and digits, such as ATP, in quotes"
    _expect(bool(good), f"{where}: {code!r} is no CCD code; expected {valid}")


def _check_polymer(kind: str, body: Mapping[str, Any], where: str) -> None:
    sequence = body.get("sequence")
    _expect(isinstance(sequence, str), f"{where}: 'sequence' must be text, got {_kind(sequence)}")
    _expect(bool(sequence), f"{where}: 'sequence' is empty")
    if wrong := re.search(r"[^A-Z]", str(sequence)):
        what = f"{wrong.group()!r} at position {wrong.start() + 1}"
        raise InputError(f"{where}: 'sequence' has {what}; expected capital one-letter codes without spaces")
    _expect(isinstance(body.get("cyclic", False), bool), f"{where}: 'cyclic' must be true or false")
    for change in _list_of_mappings(body, "modifications"):
        _check_code(change.get("ccd"), f"{where}, modifications")
        _check_residue(change.get("position"), len(str(sequence)), f"{where}, modifications")
    if kind == "protein":
        _check_alignment(body.get("msa"), where)


def _check_alignment(msa: Any, where: str) -> None:
    _expect(
        bool(msa),
        f"{where}: no alignment given. Add 'msa:' with an .a3m or .csv file, or 'msa: empty' to fold the "
        "single sequence (foldcp never queries an alignment server)",
    )
    good = isinstance(msa, str) and (msa == "empty" or msa.endswith((".a3m", ".a3m.gz", ".csv")))
    _expect(good, f"{where}: 'msa' is {msa!r}; valid: empty, or a file that ends in .a3m, .a3m.gz or .csv")


def _check_same(first: str, one: Mapping[str, Any], second: str, other: Mapping[str, Any]) -> None:
    for name in ("msa", "modifications", "cyclic"):
        same = (one.get(name) or None) == (other.get(name) or None)
        what = f"chains {first} and {second} have the same sequence but another '{name}'"
        _expect(same, f"{what}; Boltz-2 would fold both alike")


def _check_residue(position: Any, length: int, where: str) -> None:
    good = isinstance(position, int) and not isinstance(position, bool) and 1 <= position <= length
    _expect(good, f"{where}: residue {position!r} is outside 1 to {length}")


def _check_properties(properties: Sequence[Mapping[str, Any]]) -> None:
    for name in (next(iter(p)) for p in properties):
        _expect(name.lower() != "affinity", "asks for 'affinity', which is not supported yet; remove it")


def _check_constraint(constraint: Mapping[str, Any], where: str, lengths: Lengths) -> None:
    kind = next((k for k in ("bond", "pocket", "contact") if k in constraint), None)
    _expect(kind is not None, f"{where} is {next(iter(constraint))!r}; valid: bond, pocket, contact")
    body, where = constraint[str(kind)], f"{where} ({kind})"
    _expect(isinstance(body, Mapping), f"{where} must have keys and values, got {_kind(body)}")
    if kind == "bond":
        for name in ("atom1", "atom2"):
            _check_atom(body.get(name), f"{where}, {name}", lengths)
    elif kind == "contact":
        for name in ("token1", "token2"):
            _check_token(body.get(name), f"{where}, {name}", lengths)
    else:
        _check_chain(body.get("binder"), f"{where}, binder", lengths)
        contacts = body.get("contacts")
        _expect(isinstance(contacts, list) and bool(contacts), f"{where} needs a list of 'contacts'")
        for token in contacts:
            _check_token(token, f"{where}, contacts", lengths)
    distance = body.get("max_distance", 6.0)
    number = isinstance(distance, (int, float)) and not isinstance(distance, bool)
    _expect(number and distance > 0, f"{where}: max_distance is {distance!r}; expected ångströms above 0")


def _check_chain(chain: Any, where: str, lengths: Lengths) -> None:
    known = isinstance(chain, str) and chain in lengths
    _expect(known, f"{where}: no chain {chain!r}; chains: {', '.join(lengths)}")


def _check_atom(value: Any, where: str, lengths: Lengths) -> None:
    good = isinstance(value, list) and list(map(type, value)) == [str, int, str]
    _expect(good, f"{where}: expected [chain, residue number, atom name], got {_kind(value)}")
    _check_chain(value[0], where, lengths)
    if (length := lengths[value[0]]) is not None:
        _check_residue(value[1], length, where)


def _check_token(value: Any, where: str, lengths: Lengths) -> None:
    good = isinstance(value, list) and len(value) == 2
    _expect(good, f"{where}: expected [chain, residue number or ligand atom name], got {_kind(value)}")
    _check_chain(value[0], where, lengths)
    if (length := lengths[value[0]]) is not None:
        _check_residue(value[1], length, where)
    else:
        is_name = isinstance(value[1], str)
        _expect(is_name, f"{where}: {value[0]} is a ligand, name one of its atoms, not {value[1]!r}")
