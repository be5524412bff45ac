# What the sweep does at each value, as a module: the rules of the main workflow, their config
# and paths changed. It includes no sweep, so it does not include itself.


include: "common.smk"
include: "clip_inputs.smk"
include: "run_inputs.smk"
include: "targets.smk"
include: "clips.smk"
include: "features.smk"
include: "words.smk"
include: "benchmark.smk"
include: "grounding.smk"
include: "choices.smk"
include: "report.smk"
