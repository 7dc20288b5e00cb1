"""Five NeuroAI papers, from versioned data to the final figure."""

import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.27")
sys.path.insert(0, str(Path(workflow.basedir, "workflow")))

from replicortex.core.cluster import require_slurm
from replicortex.core.image import run_in_image
from replicortex.core.study import (
    check_files,
    complete_rules,
    load_study,
    require_gpu,
    announce,
)
from replicortex.core.terminal import one_line_a_job
from replicortex.provenance.listed import note

check_files(workflow.overwrite_configfiles)


configfile: "config/config.yaml"


report: "workflow/report/study.rst"


study = load_study(config, root=Path(workflow.basedir), main=workflow.is_main_process)
announce(study.opening(), main=workflow.is_main_process)
one_line_a_job(workflow)
run = study.run
merged = study.papers


module data:
    pathvars:
        manifests=f"{study.settings.data}/manifests",
        logs=f"logs/{run}",
    snakefile:
        "workflow/datasets/Snakefile"
    config:
        study.manifests()


use rule * from data


for paper in merged:
    paper_ = f"{paper}_"

    module:
        name: paper
        pathvars:
            results=f"results/{run}/{paper}",
            logs=f"logs/{run}/{paper}",
            manifests=f"{study.settings.data}/manifests",
        snakefile:
            f"workflow/papers/{paper}/Snakefile"
        config:
            merged[paper]

    use rule * from paper as paper_*


module verdicts:
    pathvars:
        results=f"results/{run}",
        logs=f"logs/{run}",
    snakefile:
        "workflow/scorecard/Snakefile"
    config:
        study.claims()


use rule * from verdicts


module pages:
    pathvars:
        results=f"results/{run}",
        logs=f"logs/{run}",
    snakefile:
        "workflow/audit/Snakefile"
    config:
        {
            "library": str(Path(workflow.basedir, "workflow")),
            "results": [
                *(
                    path
                    for paper in merged
                    for path in getattr(rules, f"{paper}_all").input
                ),
                *rules.overview.output,
            ],
        }


use rule * from pages


rule all:
    default_target: True
    input:
        [getattr(rules, f"{paper}_all").input for paper in merged],
        rules.overview.output,


complete_rules(workflow.rules, study)
run_in_image(workflow)


onstart:
    require_gpu(study, local=not workflow.non_local_exec)
    require_slurm(workflow)


onsuccess:
    note(
        Path("results", run),
        [
            *rules.all.input,
            *(
                path
                for paper in merged
                for path in getattr(rules, f"judge_{paper}").output
            ),
        ],
    )
