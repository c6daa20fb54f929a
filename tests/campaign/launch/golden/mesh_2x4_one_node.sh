#!/bin/bash

# Parameters
#SBATCH --account=lab-42
#SBATCH --array=0-99%16
#SBATCH --constraint='h100&nvlink'
#SBATCH --cpus-per-task=64
#SBATCH --error=FOLDER/%A_%a_0_log.err
#SBATCH --exclude=node7
#SBATCH --exclusive
#SBATCH --gres=gpu:h100:8
#SBATCH --job-name=foldcp-0000512-0a1b2c3d
#SBATCH --mail-user=me@lab.org
#SBATCH --mem=500GB
#SBATCH --nice=100
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --open-mode=append
#SBATCH --output=FOLDER/%A_%a_0_log.out
#SBATCH --partition=accelerated
#SBATCH --qos=long
#SBATCH --requeue
#SBATCH --signal=USR2@90
#SBATCH --time=376

# setup
module load cuda/13
export TMPDIR="/scratch/$USER"

# command
export SUBMITIT_EXECUTOR=slurm
srun --unbuffered --output FOLDER/%A_%a_%t_log.out --error FOLDER/%A_%a_%t_log.err --kill-on-bad-exit=1 --cpus-per-task=64 PYTHON -u -m submitit.core._submit FOLDER
