"""Problems among the records of a file: one whose answer nothing can be compared with is set aside."""

import json

from octo.data.answers.looks import plain
from octo.data.answers.reading import LONGEST
from octo.data.answers.words import is_prose
from octo.data.documents import Document, Rejected
from octo.data.final_answers import unreadable

REASON = "unreadable_answer"


def answered(record: Document | Rejected) -> Document | Rejected:
    """A record as it is, but for a problem whose final answer is neither mathematics nor a few words.

    An answer of several lines, or of more words than a final answer has, is a whole solution, and stays.
    """
    if isinstance(record, Rejected) or '"answer"' not in record.metadata:
        return record
    fields = json.loads(record.metadata)
    answer = fields.get("answer")
    if "question" not in fields or "tests" in fields or not isinstance(answer, str):
        return record
    if len(answer) > LONGEST or "\n" in answer.strip() or is_prose(plain(answer)):
        return record
    reason = unreadable(answer)
    if not reason:
        return record
    return Rejected(record.url, REASON, f"nothing can be compared with the answer {answer[:80]!r}: {reason}")
