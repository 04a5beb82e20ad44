"""
What this machine has, which MusicGen fits on it, and what is missing.

REQUIRED INPUTS:
    none

OUTPUTS:
    <results>/doctor.json   the findings (contract: sonoscope.doctor.examination.Examination)
    <results>/doctor.md     the same for reading; the terminal shows it at the end

STEPS: doctor
"""


localrules:
    doctor,


# It declares neither output nor benchmark, so that it runs whenever it is asked for (Snakemake counts a benchmark as an
# output): a machine changes without any file doing so.
rule doctor:
    """What this machine has, which MusicGen fits on it, what is missing and what each missing tool would add."""
    log:
        "<logs>/doctor.log",
    conda:
        "../envs/sonoscope.yaml"
    threads: all_cores()  # the speed that is measured is that of the whole machine
    resources:
        mem_mb=growing(4000),
        runtime=growing(15),
    params:
        results=RESULTS,
        downloads=DOWNLOADS,
        code=code("doctor/doctor"),
    script:
        "../workflow_scripts/doctor/doctor.py"
