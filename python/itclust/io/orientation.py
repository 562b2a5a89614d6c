"""Which of two lists of names are genes and which are cells."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Families and identifiers that no cell is called by; a few per cent of any transcriptome.
_GENE = re.compile(
    r"MT-\w+|RP[LS]P?\d+\w*|HLA-\w+|H2-\w+|LINC\d+|LOC\d+|MIR\d+\w*|A[CLPF]\d{6}\.\d+|GM\d{3,}|\w+RIK|KLR[A-Z]\d+"
    r"|ENS[A-Z]*G\d{6,}(\.\d+)?|FBGN\d+|WBGENE\d+|ZNF\d+|ZFP\d+|SLC\d+A\d+|TMEM\d+\w?|KRT\d+|COL\d+A\d+|IFI\d+\w*"
    r"|CXC[LR]\d+|CC[LR]\d+|IL\d+R?[A-Z]?|FAM\d+[A-Z]\d?|CD\d+[A-Z]?|GENE[ _.-]?\d+"
    r"|AT[1-5CM]G\d{5}|CG\d{4,5}|XLOC_\d+",
    re.IGNORECASE,
)
_SYMBOLS = (
    "ACTB ACTG1 ALB APOE B2M EEF1A1 EPCAM FCER1A FCGR3A FOXP3 FTH1 FTL GAPDH GATA3 GCG GNLY GZMB HBA1 HBB HSP90AA1 "
    "HSPA1A INS ITGAX JUN LDHA LST1 LYZ MALAT1 MKI67 MS4A1 MS4A7 NEAT1 NKG7 PECAM1 PPBP PPY PRF1 PTPRC S100A4 S100A8 "
    "S100A9 SST TMSB10 TMSB4X TOP2A TP53 TRAC TUBB UBC VIM XIST"
)
_COMMON = frozenset(_SYMBOLS.split())
# Barcodes, wells, archive numbers, and what says "cell" itself.
_CELL = re.compile(
    r"(.*[_.:#|-])?[ACGT]{8,}([_.:#|-].*)?|(.*[ _.-])?(cell|sample|well|barcode)s?[ _.-]?\d+.*"
    r"|(GSM|SRR|ERR|DRR)\d+.*|(.*[_.-])?[A-P](0?[1-9]|1\d|2[0-4])",
    re.IGNORECASE,
)
_DIFFERENCE = 0.01
_N_NAMES = 2000  # a sample says enough


def rows_are_cells(rows: Sequence[str], columns: Sequence[str]) -> bool | None:
    """Whether the names of the rows are cells and those of the columns genes; None where the names do not say.

    Examples
    --------
    >>> rows_are_cells(["AAACCTGAGAAACCAT-1", "AAACCTGAGAAACCGC-1"], ["CD3D", "LYZ"])
    True
    >>> rows_are_cells(["CD3D", "LYZ"], ["AAACCTGAGAAACCAT-1", "AAACCTGAGAAACCGC-1"])
    False
    >>> rows_are_cells(["a", "b"], ["c", "d"]) is None
    True
    """
    rows, columns = (names[:: len(names) // _N_NAMES + 1] for names in (rows, columns))
    evidence = like_genes(columns) + like_cells(rows) - like_genes(rows) - like_cells(columns)
    return None if abs(evidence) < _DIFFERENCE else evidence > 0


def like_genes(names: Sequence[str]) -> float:
    """Share of names that only a gene has."""
    found = sum(1 for n in names if n.upper() in _COMMON or _GENE.fullmatch(n))
    return found / max(len(names), 1)


def like_cells(names: Sequence[str]) -> float:
    """Share of names that only a cell has."""
    found = sum(1 for n in names if _CELL.fullmatch(n) and not _GENE.fullmatch(n))
    return found / max(len(names), 1)
