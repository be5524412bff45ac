# scores -> tables and plots


rule collect_scores:
    input:
        scores=SCORES,
    output:
        table="<results>/tables/scores.csv",
    log:
        "<logs>/collect_scores.log",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        version=1,
    shell:
        "hearsay --log {log:q} collect_scores"
        " --scores {input.scores:q}"
        " --table {output.table:q}"
