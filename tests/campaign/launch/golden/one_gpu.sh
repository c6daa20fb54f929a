#!/bin/bash

# Parameters
#SBATCH --array=0-2%3
#SBATCH --cpus-per-task=4
#SBATCH --error=FOLDER/%A_%a_0_log.err
#SBATCH --gres=gpu:1
#SBATCH --job-name=foldcp-0000512-0a1b2c3d
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --open-mode=append
#SBATCH --output=FOLDER/%A_%a_0_log.out
#SBATCH --requeue
#SBATCH --signal=USR2@90
#SBATCH --time=256

# command
export SUBMITIT_EXECUTOR=slurm
srun --unbuffered --output FOLDER/%A_%a_%t_log.out --error FOLDER/%A_%a_%t_log.err --kill-on-bad-exit=1 --cpus-per-task=4 PYTHON -u -m submitit.core._submit FOLDER
