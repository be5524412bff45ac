# captions and phrases -> word vectors, and how many words have none


rule embed_words:
    input:
        clips="<data>/{dataset}/index/clips.parquet",
        captions="<data>/{dataset}/index/captions.parquet",
        phrases="<data>/{dataset}/index/phrases.parquet",
        training_clips=word_training_file("clips"),
        training_captions=word_training_file("captions"),
        vectors=config["words"]["file"] or [],
    output:
        array="<data>/{dataset}/word_embeddings.npy",
        index="<data>/{dataset}/word_embeddings.parquet",
        caption_words="<data>/{dataset}/caption_words.parquet",
        phrase_words="<data>/{dataset}/phrase_words.parquet",
        summary="<data>/{dataset}/word_embeddings.json",
    log:
        "<logs>/embed_words/{dataset}.log",
    benchmark:
        "<benchmarks>/embed_words/{dataset}.tsv"
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=8000,
        runtime=60,
    params:
        version=2,
        options=lambda wildcards: json.dumps(word_options(config, wildcards.dataset)),
        training_clips=lambda wildcards, input: option(
            "--training-clips", input.training_clips
        ),
        training_captions=lambda wildcards, input: option(
            "--training-captions", input.training_captions
        ),
    shell:
        "hearsay --log {log:q} embed_words"
        " --dataset {wildcards.dataset:q}"
        " --options {params.options:q}"
        " --clips {input.clips:q}"
        " --captions {input.captions:q}"
        " --phrases {input.phrases:q}"
        " {params.training_clips:q}"
        " {params.training_captions:q}"
        " --array {output.array:q}"
        " --index {output.index:q}"
        " --caption-words {output.caption_words:q}"
        " --phrase-words {output.phrase_words:q}"
        " --summary {output.summary:q}"


rule make_table_words:
    input:
        summary=f"<data>/{TEXT_DATASET}/word_embeddings.json",
    output:
        csv="<results>/tables/table_words.csv",
        markdown=report(
            "<results>/tables/table_words.md",
            caption="../report/table_words.rst",
            category="Tables",
            labels={"table": "words without a vector"},
        ),
        latex="<results>/tables/table_words.tex",
    log:
        "<logs>/make_table_words.log",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        version=1,
    shell:
        "hearsay --log {log:q} make_table_words"
        " --summaries {input.summary:q}"
        " --csv {output.csv:q}"
        " --markdown {output.markdown:q}"
        " --latex {output.latex:q}"
