"""A campaign, one module per stage: complexes, sequences, MSA, tokens, jobs, scores, enrichment, report."""
