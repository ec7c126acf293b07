"""Search in Arabic: the same rules in Python, for the index, and in JavaScript, for what a reader types.

Diacritics and the lengthening of letters are left out; forms of alef, yeh and teh marbuta are taken for
one; the article, alone or after a conjunction or a preposition, is cut off.
"""

import json
import re

from sphinx.search import SearchLanguage

MARKS = "[\u064b-\u065f\u0670\u0640]"
SAME = {"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ة": "ه"}
ARTICLE = "^(?:[وف]?(?:[بك]?ال|لل)|[وف]ال)(?=..)"
WORD = re.compile(r"\w+")

JAVASCRIPT = """
const arabicMarks = /%(marks)s/g;
const arabicSame = %(same)s;
const arabicArticle = /%(article)s/;
var splitQuery = (query) => query.replace(arabicMarks, "")
  .split(/[^\\p{Letter}\\p{Number}_]+/u).filter((word) => word);
"""
STEMMER = """
var Stemmer = function() {
  this.stemWord = (word) => word.replace(arabicMarks, "")
    .replace(/./gu, (letter) => arabicSame[letter] ?? letter).replace(arabicArticle, "");
};
"""


class SearchArabic(SearchLanguage):
    """Whole words, without what is often written in one way or another."""

    lang = "ar"
    language_name = "Arabic"
    js_splitter_code = JAVASCRIPT % {
        "marks": MARKS,
        "same": json.dumps(SAME, ensure_ascii=False),
        "article": ARTICLE,
    }
    js_stemmer_code = STEMMER

    def split(self, input: str) -> list[str]:
        """The words of a text."""
        return WORD.findall(re.sub(MARKS, "", input))

    def stem(self, word: str) -> str:
        """A word as it stands in the index."""
        plain = re.sub(MARKS, "", word.lower())
        return re.sub(ARTICLE, "", plain.translate(str.maketrans(SAME)))
