"""Where jobs run, by one string: `debug` in this process, `local` on this machine, `slurm` on a cluster."""

from foldcp.campaign.launch.launcher import Launcher
from foldcp.campaign.launch.local import DebugLauncher, LocalLauncher
from foldcp.campaign.launch.slurm import SlurmLauncher

LAUNCHERS: dict[str, type[Launcher]] = {
    "debug": DebugLauncher,
    "local": LocalLauncher,
    "slurm": SlurmLauncher,
}
