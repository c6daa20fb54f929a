"""Provider `mmseqs`: a search with MMseqs2 on this machine, step by step as ColabFold does it.

For each database, with all queries at once: a profile search in several rounds, expansion of hits to the
members of their clusters (where the database is clustered), alignment of each hit to the profile, filtering,
and one a3m per query. A second, environmental database is searched with the profiles that the first gave.

Source: Mirdita et al., Nature Methods 19, 679 (2022); thresholds as in its `colabfold_search`.

The names of an MMseqs2 alignment are bare identifiers. The full header of the database, with the species, is
put after them.
"""

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from foldcp.config.alignments import MmseqsConfig
from foldcp.errors import MissingError, UsageError
from foldcp.msa import a3m
from foldcp.msa.cache import Recipe
from foldcp.msa.databases import Database, open_database
from foldcp.msa.query import Query, SearchError

_SEARCH = ("-a", "1", "-e", "0.1")
_EXPAND = ("--expansion-mode", "0", "-e", "inf")
_EXPAND_FIRST = ("--expand-filter-clusters", "1", "--max-seq-id", "0.95")
_ALIGN = ("-e", "10", "--max-accept", "100000", "--alt-ali", "10", "-a", "1")
_FILTER = (
    *("--qid", "0", "--qsc", "0.8", "--cov", "0", "--diff", "0"),
    *("--max-seq-id", "1.0", "--filter-min-enable", "100"),
)
_ROWS = (
    *("--msa-format-mode", "6", "--filter-msa", "1", "--filter-min-enable", "1000", "--diff", "3000"),
    *("--qid", "0.0,0.2,0.4,0.6,0.8,1.0", "--qsc", "0", "--max-seq-id", "0.95"),
)
_NAMES = ("--format-output", "target,theader", "--db-output", "1")
_GPU = ("--gpu", "1", "--prefilter-mode", "1")
_INDEX_SHARE = 0.8
"""Share of a job's memory for the index of a piece of the database; results and buffers come on top."""
_SAID = 3
"""Last lines of the program's output that go into an error."""


class Mmseqs:
    """Searches with MMseqs2.

    Parameters
    ----------
    config
        Program, databases, settings.

    Raises
    ------
    InputError
        If a database is not there.
    """

    name = "mmseqs"

    def __init__(self, config: MmseqsConfig) -> None:
        self.config = config
        named = [config.database, config.environmental]
        self.databases = [open_database(path) for path in named if path is not None]

    @property
    def recipe(self) -> Recipe:
        """What decides the result: databases and settings."""
        steps = {"expand": [*_EXPAND, *_EXPAND_FIRST], "align": _ALIGN, "filter": _FILTER, "rows": _ROWS}
        parameters = self.config.model_dump(include={"sensitivity", "iterations", "max_seqs", "gpu"})
        identities = tuple(database.identity() for database in self.databases)
        return Recipe(self.name, identities, {**parameters, **steps})

    def origin(self) -> dict[str, Any]:
        """Return further provenance: program, version, dates of the databases."""
        dates = {database.path.name: database.date() for database in self.databases}
        return {"tool": "MMseqs2", "version": self._version(), "database_dates": dates}

    def turn(self) -> contextlib.AbstractContextManager[None]:
        """Let every process search when it wants to."""
        return contextlib.nullcontext()

    def search(self, queries: Sequence[Query]) -> Iterator[tuple[Query, Iterator[a3m.Row]]]:
        """Yield each query with its rows.

        Raises
        ------
        MissingError
            If the program is not there.
        UsageError
            If it cannot search on a GPU, as it is asked to.
        SearchError
            If it fails.
        """
        self._version()
        with tempfile.TemporaryDirectory(prefix="foldcp-msa-") as name:
            folder = Path(name)
            self._write_queries(queries, folder)
            profile = folder / "queries"
            for number, database in enumerate(self.databases):
                profile = self._search_one(folder, number, profile, database)
            for number, query in enumerate(queries):
                yield query, self._rows(query, folder, number)

    def _write_queries(self, queries: Sequence[Query], folder: Path) -> None:
        text = "".join(f">{number}\n{query.sequence}\n" for number, query in enumerate(queries))
        (folder / "queries.fasta").write_text(text)
        # Keys follow the order of the file only unshuffled; a protein of A, C, G and T is no gene.
        options = ("--shuffle", "0", "--dbtype", "1")
        self._run(folder, "createdb", folder / "queries.fasta", folder / "queries", *options)

    def _search_one(self, folder: Path, number: int, profile: Path, database: Database) -> Path:
        """Search one database; return the profiles of the queries, for the next one."""
        at, queries, found = folder / str(number), folder / "queries", database.sequences
        at.mkdir()
        threads = ("--threads", str(self.config.threads))
        rounds = ("--num-iterations", str(self.config.iterations), "-s", str(self.config.sensitivity))
        limits = ("--max-seqs", str(self.config.max_seqs), *(_GPU if self.config.gpu else ()))
        # By itself MMseqs2 counts on the memory of the machine, of which a job may have a part only.
        megabytes = int(_INDEX_SHARE * (self.config.memory_mb or 0))
        memory = ("--split-memory-limit", f"{megabytes}M") if megabytes else ()
        search = (*_SEARCH, *rounds, *limits, *memory, *threads)
        self._run(folder, "search", profile, database.path, at / "hits", at / "tmp", *search)
        hits = at / "hits"
        if database.clustered:
            expand = (*_EXPAND, *(() if number else _EXPAND_FIRST), *threads)
            self._run(folder, "expandaln", profile, found, hits, database.members, at / "members", *expand)
            hits = at / "members"
        last = at / "tmp" / "latest" / f"profile_{self.config.iterations - 2}"
        profile = last if Path(f"{last}.dbtype").is_file() else profile
        self._run(folder, "align", profile, found, hits, at / "aligned", *_ALIGN, *threads)
        self._run(folder, "filterresult", queries, found, at / "aligned", at / "kept", *_FILTER, *threads)
        self._run(folder, "result2msa", queries, found, at / "kept", at / "rows", *_ROWS, *threads)
        self._run(folder, "convertalis", queries, found, at / "kept", at / "names", *_NAMES, *threads)
        for what in ("rows", "names"):
            unpack = ("--unpack-name-mode", "0", "--unpack-suffix", f".{what}", *threads)
            self._run(folder, "unpackdb", at / what, at, *unpack)
        return profile

    def _rows(self, query: Query, folder: Path, number: int) -> Iterator[a3m.Row]:
        parts = [folder / str(n) / f"{number}.rows" for n in range(len(self.databases))]
        headers: dict[str, str] = {}
        for part in parts:
            headers |= _headers(part.with_suffix(".names"))
        for header, row in a3m.merge(parts, query.sequence):
            full = headers.get(header.partition("\t")[0])
            yield f"{header}\t{full}" if full else header, row

    def _run(self, folder: Path, module: str, *arguments: Path | str) -> None:
        log = folder / "log"
        command = [self.config.program, module, *map(str, arguments), "-v", "2"]
        with log.open("wb") as handle:
            ended = subprocess.run(command, stdout=handle, stderr=subprocess.STDOUT, check=False).returncode
        if ended:
            said = log.read_text(errors="replace").split("\n")
            lines = [line.strip() for line in said if line.strip()][-_SAID:]
            how = f"was killed by signal {-ended}" if ended < 0 else f"failed with exit code {ended}"
            raise SearchError(f"mmseqs {module} {how}: {' / '.join(lines) or 'it said nothing'}")

    def _version(self) -> str:
        program = shutil.which(self.config.program)
        if program is None:
            raise MissingError(
                f"MMseqs2 is not here: no program {self.config.program!r} (msa.mmseqs.program). Install it, "
                "e.g. with: apt-get install mmseqs2, or: conda install -c bioconda mmseqs2"
            )
        version = _output(program, "version")
        if self.config.gpu and "--gpu " not in _output(program, "search", "-h"):
            raise UsageError(
                f"msa.mmseqs.gpu is true, but {program} {version} cannot search on a GPU; set it to false, "
                "or install MMseqs2 16 or later"
            )
        return version


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def _headers(path: Path) -> Mapping[str, str]:
    """Return the full header of each identifier."""
    with path.open(encoding="utf-8", errors="replace") as handle:
        pairs = (line.strip("\0\n").partition("\t") for line in handle)
        return {name: header for name, _, header in pairs}
