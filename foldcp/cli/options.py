"""Options of `foldcp predict` and `foldcp plan` that take more than a line to declare."""

from pathlib import Path
from typing import Annotated

import typer

from foldcp.msa.pairing import STRATEGIES
from foldcp.plan.memory import MAX_MSA_ROWS
from foldcp.predict.settings import BUDGETS, DELETIONS, DEVICES, KERNELS, PRECISIONS

InputsArgument = Annotated[
    list[Path], typer.Argument(metavar="INPUT...", help="Boltz YAML or FASTA files, or folders of them.")
]
MeshOption = Annotated[
    str, typer.Option(help="Ranks that share each complex, rows x columns: one process per GPU.")
]
CheckpointOption = Annotated[
    str, typer.Option(help="demo, boltz2, or a checkpoint file you trust (loading it runs its code).")
]
CampaignOption = Annotated[
    str, typer.Option(help="Part of every seed; give a campaign's name to repeat one of its complexes.")
]
DeviceOption = Annotated[str, typer.Option(help=f"{', '.join(DEVICES)}; auto: a GPU if there is one.")]
PrecisionOption = Annotated[
    str | None,
    typer.Option(
        help=f"{', '.join(PRECISIONS)}; default: bf16-mixed, as Boltz, on a GPU, and fp32 on a CPU."
    ),
]
DeletionsOption = Annotated[
    str, typer.Option(help=f"{', '.join(DELETIONS)}: of alignments; kept is what the model was trained on.")
]
PairingOption = Annotated[
    str,
    typer.Option(
        help=f"{', '.join(STRATEGIES)}: rows of a3m files, by the species in their headers; a CSV's own keys "
        "stay."
    ),
]
MsaRowsOption = Annotated[
    int | None, typer.Option(help="Most rows of the alignment that are read, its first; default: all.")
]
CacheOption = Annotated[
    Path | None, typer.Option(help="Folder of weights and molecules; default: the user's cache folders.")
]
BudgetOption = Annotated[
    str, typer.Option(help=f"{', '.join(BUDGETS)}: memory for intermediates; more is faster.")
]
KernelsOption = Annotated[
    str, typer.Option(help=f"{', '.join(KERNELS)}; auto: cuEquivariance's, where installed and right.")
]
ThreadsOption = Annotated[
    int | None, typer.Option(help="CPU threads of each rank; default: torch's own choice, or a share.")
]
TableOption = Annotated[Path | None, typer.Option(help="Table of complexes or interactions; .gz too.")]
FastaOption = Annotated[
    list[Path] | None, typer.Option(help="Sequences: FASTA file, .gz too, or folder; may be repeated.")
]
LengthsOption = Annotated[
    Path | None, typer.Option(help="Lengths instead of sequences: a table with columns Entry and Length.")
]
DepthOption = Annotated[
    int, typer.Option(min=1, max=MAX_MSA_ROWS, help="Rows of alignment to count for each complex.")
]
LeastRowsOption = Annotated[
    int,
    typer.Option(
        min=1, help="Rows for which a complex may take more GPUs; rows beyond are left out where needed."
    ),
]
BinsOption = Annotated[
    str, typer.Option(help="Upper edges of the size bins, in tokens, ascending, joined by commas.")
]
