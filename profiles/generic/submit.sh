#!/bin/sh
# Submit one job: submit.sh RULE THREADS MEMORY_MB MINUTES GPUS SCRIPT, where GPUS is none or gpu:1.
# Prints the job's number. Put your queue, account and names of resources into your engine's branch.
set -eu
rule=$1 threads=$2 memory=$3 minutes=$4 gpus=$5 script=$6
mkdir -p logs/cluster
log=logs/cluster/$rule.%
set --
time=$(printf '%02d:%02d:00' $((minutes / 60)) $((minutes % 60)))

if command -v sbatch >/dev/null; then # Slurm, without its own plugin
    [ "$gpus" = none ] || set -- --gres="$gpus"
    exec sbatch --parsable --job-name="$rule" --cpus-per-task="$threads" --mem="$memory" \
        --time="$minutes" --output="${log}j.log" "$@" "$script"
elif command -v bsub >/dev/null; then # LSF
    [ "$gpus" = none ] || set -- -gpu num=1
    bsub -J "$rule" -n "$threads" -M "${memory}MB" -W "$minutes" -o "${log}J.log" "$@" "$script" |
        sed 's/^Job <\([0-9]*\)>.*/\1/'
    exit
elif qsub -help 2>&1 | grep -q terse; then # Grid Engine
    [ "$gpus" = none ] || set -- -l gpu=1
    exec qsub -terse -cwd -V -N "$rule" -pe smp "$threads" -l h_vmem="$((memory / threads))M" \
        -l h_rt="$time" -j y -o logs/cluster "$@" "$script"
elif command -v qsub >/dev/null; then # PBS
    nodes=select=1:ncpus=$threads:mem=${memory}mb
    [ "$gpus" = none ] || nodes=$nodes:ngpus=1
    exec qsub -V -N "$rule" -l "$nodes" -l walltime="$time" -j oe -o logs/cluster "$script"
fi
echo "profiles/generic/submit.sh: none of sbatch, bsub and qsub is here; name your own program" >&2
exit 1
