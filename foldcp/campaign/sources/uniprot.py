"""Sequences from UniProt's REST service: in batches, politely, and each entry only once.

Two requests are all that is needed (https://www.uniprot.org/help/api_retrieve_entries):

* ``/uniprotkb/accessions?format=json`` gives entries: the canonical sequence with its MD5, which isoform that
  is, the coordinates of mature chains, and what became of an obsolete accession;
* the same with ``format=fasta`` gives the sequences of isoforms, which JSON does not hold.

What a batch does not answer is asked for alone (``/uniprotkb/ACCESSION``), which follows merged accessions.
Answers are cached, one file per accession, written atomically: several campaigns may share the folder. An
accession that UniProt does not know is not cached. To refresh, delete the folder.
"""

import hashlib
import json
import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from itertools import chain
from pathlib import Path
from typing import Any

import requests

from foldcp import __version__
from foldcp.config import UniprotConfig, cache_folder
from foldcp.errors import MissingError
from foldcp.tables import atomic_write

_FIELDS = "accession,protein_name,organism_id,sequence,cc_alternative_products,ft_chain,ft_peptide,ft_propep"
_CONNECT_AND_READ_SECONDS = (10, 60)
_RETRIED = {429, 500, 502, 503, 504}
_UNKNOWN = {400, 404, 410}
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """What foldcp needs of a UniProt entry."""

    accession: str
    """Accession that was asked for."""
    primary: str
    """Accession of the entry that answered; another one if the accession was merged into it."""
    sequence: str
    """Canonical sequence."""
    description: str | None
    taxid: int | None
    canonical_isoforms: frozenset[str]
    """Isoforms whose sequence is the canonical one."""
    chains: dict[str, tuple[int, int] | None]
    """Feature identifier (PRO_...) to first and last residue, from 1; None where they are unknown."""


@dataclass(frozen=True)
class Fetched:
    """Answers and failures, by accession as asked for."""

    entries: dict[str, Entry] = field(default_factory=dict)
    isoforms: dict[str, str] = field(default_factory=dict)
    """Isoform accession to sequence."""
    failed: dict[str, str] = field(default_factory=dict)
    """Accession to reason."""


class _BadBodyError(Exception):
    """A body that is cut short or is not what the address promises: worth another try."""


class Uniprot:
    """Client of one UniProt REST service, with cache.

    Parameters
    ----------
    config
        Address, cache folder, batch size and request rate.
    backoff
        Seconds before the first retry; doubled for each further one.
    attempts
        Tries of one request.
    """

    def __init__(self, config: UniprotConfig, backoff: float = 1.0, attempts: int = 6) -> None:
        self.config = config
        self.cache = cache_folder(config.cache) / "uniprot"
        self.backoff, self.attempts = backoff, attempts
        self._next_request = 0.0
        self._session = requests.Session()
        self._session.headers["User-Agent"] = f"foldcp/{__version__} (python-requests)"

    def fetch(self, accessions: Iterable[str], isoforms: Iterable[str] = ()) -> Fetched:
        """Return entries and isoform sequences, from the cache or the service.

        Parameters
        ----------
        accessions
            UniProt accessions, e.g. P12345.
        isoforms
            Isoform accessions, e.g. P12345-2.

        Raises
        ------
        MissingError
            If the service cannot be reached, refuses, or fails again and again. What came before is
            cached, so a second run goes on where the first stopped.
        """
        fetched = Fetched()
        bodies = self._bodies(sorted(set(accessions)), "json", _split_json, fetched.failed)
        for accession, body in bodies.items():
            found = _entry(accession, json.loads(body))
            if isinstance(found, Entry):
                fetched.entries[accession] = found
            else:
                fetched.failed[accession] = found
        for isoform, body in self._bodies(
            sorted(set(isoforms)), "fasta", _split_fasta, fetched.failed
        ).items():
            fetched.isoforms[isoform] = "".join(body.splitlines()[1:])
        return fetched

    def _bodies(
        self, keys: list[str], kind: str, split: Callable[[str], dict[str, str]], failed: dict[str, str]
    ) -> dict[str, str]:
        """Return the text of each key from cache, batch or single request; `failed` gets what is unknown."""
        texts = {k: text for k in keys if (text := self._cached(k, kind, split)) is not None}
        missing = [k for k in keys if k not in texts]
        for batch in _batches(missing, self.config.batch_size):
            for key, text in self._batch(batch, kind, split).items():
                if key in batch:
                    texts[key] = self._store(key, kind, text)
        for key in [k for k in missing if k not in texts]:
            answer = self._get(f"/uniprotkb/{key}", _parameters(kind), split)
            if not answer or (kind == "fasta" and key not in answer):
                failed[key] = f"UniProt has no {'entry' if kind == 'json' else 'isoform'} {key}"
            else:
                # A merged accession is answered by the entry that took it over, under that entry's name.
                texts[key] = self._store(key, kind, answer.get(key) or next(iter(answer.values())))
        return texts

    def _batch(self, keys: list[str], kind: str, split: Callable[[str], dict[str, str]]) -> dict[str, str]:
        """Return what one batch answers; single requests see to refused batches and obsolete accessions."""
        parameters = _parameters(kind) | {"accessions": ",".join(keys), "size": str(len(keys))}
        answer = self._get("/uniprotkb/accessions", parameters, split) or {}
        return {
            key: text for key, text in answer.items() if kind == "fasta" or not _is_obsolete(json.loads(text))
        }

    def _get(
        self, path: str, parameters: dict[str, str], split: Callable[[str], dict[str, str]]
    ) -> dict[str, str] | None:
        """Return a checked answer, or None if the service says that there is none.

        Raises
        ------
        MissingError
            If no try succeeds.
        """
        url = self.config.url.rstrip("/") + path
        problem = ""
        for attempt in range(self.attempts):
            wait = self.backoff * 2**attempt
            self._take_turn()
            try:
                response = self._session.get(url, params=parameters, timeout=_CONNECT_AND_READ_SECONDS)
                if response.status_code in _UNKNOWN:
                    return None
                if response.status_code == 200:
                    response.encoding = "utf-8"
                    return split(response.text)
                problem = f"HTTP {response.status_code} {response.reason}"
                if response.status_code not in _RETRIED:
                    break
                wait = max(wait, _retry_after(response))
            except (requests.RequestException, _BadBodyError) as error:
                problem = str(error)
            if attempt + 1 < self.attempts:
                _log.warning("UniProt: %s; trying again in %.0f s", problem, wait)
                time.sleep(wait)
        raise MissingError(
            f"UniProt at {self.config.url} gives no answer ({problem}). Check the network and run again "
            f"(what was fetched is kept in {self.cache}), or give the sequences in sequences.fasta and set "
            "sequences.uniprot.fetch to false."
        )

    def _take_turn(self) -> None:
        """Wait until the next request is allowed."""
        delay = self._next_request - time.monotonic()
        if delay > 0:
            time.sleep(delay)
        self._next_request = time.monotonic() + 1 / self.config.requests_per_second

    def _path(self, key: str, kind: str) -> Path:
        return self.cache / f"{key}.{kind}"

    def _cached(self, key: str, kind: str, split: Callable[[str], dict[str, str]]) -> str | None:
        try:
            text = self._path(key, kind).read_text(encoding="utf-8")
            return next(iter(split(text).values()), None)
        except (FileNotFoundError, UnicodeDecodeError, _BadBodyError):
            return None  # absent, or damaged from outside: fetch it again

    def _store(self, key: str, kind: str, text: str) -> str:
        with atomic_write(self._path(key, kind), "w") as handle:
            handle.write(text)
        return text


def _parameters(kind: str) -> dict[str, str]:
    return {"format": kind} | ({"fields": _FIELDS} if kind == "json" else {})


def _batches(keys: list[str], size: int) -> Iterator[list[str]]:
    return (keys[start : start + size] for start in range(0, len(keys), size))


def _retry_after(response: requests.Response) -> float:
    """Return the seconds a Retry-After header asks for; it holds seconds or a date."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError):
        return 0.0


def _split_json(text: str) -> dict[str, str]:
    """Return the entries of a JSON answer (one entry, or `results`), as text, by primary accession."""
    try:
        value = json.loads(text)
        entries = value.get("results", [value])
        for entry in entries:
            _check_md5(entry)
        return {entry["primaryAccession"]: json.dumps(entry) for entry in entries}
    except (json.JSONDecodeError, AttributeError, KeyError, TypeError) as error:
        raise _BadBodyError(f"the answer is cut short or is not a UniProt entry ({error!r})") from None


def _check_md5(entry: dict[str, Any]) -> None:
    sequence = entry.get("sequence")
    if sequence and "md5" in sequence:
        got = hashlib.md5(sequence["value"].encode(), usedforsecurity=False).hexdigest().upper()
        if got != sequence["md5"].upper():
            raise _BadBodyError(f"the sequence of {entry['primaryAccession']} does not match its checksum")


def _split_fasta(text: str) -> dict[str, str]:
    """Return the records of a FASTA answer, as text, by accession."""
    records = [part for part in re.split(r"^>", text, flags=re.MULTILINE) if part]
    if not all(re.fullmatch(r"(sp|tr)\|[^|\n]+\|[^\n]+\n[A-Z\n]+", r) for r in records):
        raise _BadBodyError("the answer is not UniProt FASTA")
    return {r.split("|", 2)[1]: f">{r}" for r in records}


def _is_obsolete(value: dict[str, Any]) -> bool:
    return value.get("entryType") == "Inactive" or "sequence" not in value


def _entry(accession: str, value: dict[str, Any]) -> Entry | str:
    """Return the entry in a JSON value, or the reason why it holds no sequence."""
    if _is_obsolete(value):
        reason = value.get("inactiveReason", {})
        heirs = ", ".join(reason.get("mergeDemergeTo", []))
        kind = str(reason.get("inactiveReasonType", "inactive")).lower()
        return f"UniProt: {accession} is obsolete ({kind}{' to ' + heirs if heirs else ''})"
    products = [c for c in value.get("comments", []) if c.get("commentType") == "ALTERNATIVE PRODUCTS"]
    isoforms = [isoform for product in products for isoform in product["isoforms"]]
    shown = [i["isoformIds"] for i in isoforms if i.get("isoformSequenceStatus") == "Displayed"]
    return Entry(
        accession,
        value["primaryAccession"],
        value["sequence"]["value"],
        _name(value.get("proteinDescription", {})),
        value.get("organism", {}).get("taxonId"),
        # An entry that lists no isoforms has one, which is number 1.
        frozenset(chain(*shown)) if isoforms else frozenset({f"{accession}-1"}),
        {f["featureId"]: _span(f["location"]) for f in value.get("features", []) if "featureId" in f},
    )


def _name(description: dict[str, Any]) -> str | None:
    names = [description.get("recommendedName"), *description.get("submissionNames", [])]
    return next((n["fullName"]["value"] for n in names if n), None)


def _span(location: dict[str, Any]) -> tuple[int, int] | None:
    ends = location.get("start", {}), location.get("end", {})
    if any(e.get("modifier", "EXACT") != "EXACT" or not e.get("value") for e in ends):
        return None
    return ends[0]["value"], ends[1]["value"]
