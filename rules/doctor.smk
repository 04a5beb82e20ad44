"""What this machine has, what fits on it, and what is missing.

REQUIRED INPUTS:
    none

OUTPUTS:
    <results>/doctor.json   the findings (contract: sonoscope.doctor.examination.Examination)
    <results>/doctor.md     the same for reading

`snakemake doctor` looks anew at every call and prints the page.
"""


localrules:
    doctor,
    examine_machine,


rule doctor:
    """What this machine has, which MusicGen fits on it, what is missing."""
    input:
        page="<results>/doctor.md",
    shell:
        "cat {input.page:q}"


rule examine_machine:
    """Look at processor, memory, disk, cards, packages; time a matrix product on each device."""
    output:
        findings="<results>/doctor.json",
        page="<results>/doctor.md",
    log:
        "<logs>/doctor/examine_machine.log",
    benchmark:
        "<benchmarks>/doctor/examine_machine.jsonl"
    threads: 64  # scaled down to the cores there are
    resources:
        mem_mb=growing(4000),
        runtime=growing(15),
    params:
        downloads=DOWNLOADS,
        call=os.environ["SONOSCOPE_INVOCATION"],  # differs between calls: a machine changes without its files doing so
        code=code("doctor/examine_machine"),
    script:
        "../workflow_scripts/doctor/examine_machine.py"
