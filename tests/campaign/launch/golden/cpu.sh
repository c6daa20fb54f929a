#!/bin/bash

# Parameters
#SBATCH --cpus-per-task=2
#SBATCH --error=FOLDER/%j_0_log.err
#SBATCH --job-name=foldcp-0000512-0a1b2c3d
#SBATCH --mem=4GB
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --open-mode=append
#SBATCH --output=FOLDER/%j_0_log.out
#SBATCH --requeue
#SBATCH --signal=USR2@90
#SBATCH --time=256

# command
export SUBMITIT_EXECUTOR=slurm
srun --unbuffered --output FOLDER/%j_%t_log.out --error FOLDER/%j_%t_log.err --kill-on-bad-exit=1 --cpus-per-task=2 PYTHON -u -m submitit.core._submit FOLDER
