"""Bibliographies as people export them, and what is not BibTeX."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mtorsim.errors import ModelError
from mtorsim.files.library import Library
from mtorsim.files.references import cited, read_references

TEXT = r"""@string{jcem = "J Clin Endocrinol Metab"}
@article{Muller2020, author = {M{\"u}ller, Anna and {\O}stergaard, B}, title = "Glucose: 10 to 30 \% {mTOR}", year=2020}
@comment{anything}
@article{Two,
  author = {Li, C}, journal = jcem, volume = 4,
  doi = {10.1000/x_y%20z}
}
@article{Two, author = {Later, D}}
"""


def read(tmp_path, text):
    (tmp_path / "references.bib").write_text(text, encoding="utf-8-sig")
    return read_references([tmp_path / "references.bib"])


def test_entries_on_one_line_strings_and_latex(tmp_path):
    found = read(tmp_path, TEXT.replace("\\\\", "\\"))
    assert sorted(found) == ["Muller2020", "Two"]
    assert found["Muller2020"].short == "M\u00fcller and \u00d8stergaard 2020"
    assert found["Muller2020"].fields["title"] == "Glucose: 10 to 30 % mTOR"
    assert found["Two"].long == "Li, C. J Clin Endocrinol Metab 4. doi:10.1000/x_y%20z"


def test_what_is_not_bibtex_is_one_error_with_its_line(tmp_path, capfd):
    with pytest.raises(ModelError, match=r"references.bib:3: this entry is not BibTeX"):
        read(tmp_path, "\n@article{One, year = 2020}\n@article{Two, title = {never closed")
    assert capfd.readouterr().err == ""


def test_a_bibliography_beside_modules_counts(tmp_path):
    (tmp_path / "models" / "drugs").mkdir(parents=True)
    (tmp_path / "models" / "drugs" / "references.bib").write_text("@misc{Mine, title = {x}}")
    assert "Mine" in read_references(Library((tmp_path,)).references)


def test_what_is_cited_is_kept_as_it_is_written():
    first = "% head\n@string{j = {J}}\n"
    entries = [
        "@article{A2001,\n  title = {@B},\n}\n",
        "@misc{B2, year = 2}\n",
        "@misc{C3, year=3} @misc{D4, year=4}\n",
    ]
    text = first + "".join(entries)
    assert cited(text, ['source = "A2001; D4"']) == first + entries[0] + entries[2]
    assert cited(text, ["source = 'B2'", "A200"]) == first + entries[1]
    assert cited(text, []) == first
    kept = cited(text, ["B2"])
    assert cited(kept, ["B2"]) == kept


def test_many_threads_may_read_first_at_once():
    code = (
        "import sys; from concurrent.futures import ThreadPoolExecutor as Pool\n"
        "from mtorsim.files.library import Library; from mtorsim.files.references import read_references\n"
        "sys.setswitchinterval(1e-5)\n"
        "with Pool(8) as pool: list(pool.map(lambda _: read_references(Library().references), range(8)))"
    )
    for _ in range(3):
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
