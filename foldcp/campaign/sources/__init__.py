"""Where sequences come from: FASTA files, UniProt, the ligand table; and the policies for near misses."""
