"""What can go wrong, said so that the reader knows what to do next. Exit codes are those of every natkit tool."""
from enum import IntEnum


class Exit(IntEnum):
    OK = 0
    NO = 1          # measured, and the answer is no: a selftest row is wrong
    USAGE = 2       # wrong command line, specification or set-up
    NOBODY = 3      # no such lab, no such host
    REFUSED = 4     # the system forbids namespaces, or a lab of that name is up
    DEFECT = 70
    INTERRUPTED = 130
    TERMINATED = 143


class LabError(Exception):
    def __init__(self, reason: str, detail: str, advice: str = "", code: Exit = Exit.USAGE):
        super().__init__(detail)
        self.reason, self.detail, self.advice, self.code = reason, detail, advice, code

    def as_json(self) -> dict:
        return {"reason": self.reason, "detail": self.detail, "advice": self.advice or None, "exit": int(self.code)}

    @classmethod
    def from_json(cls, value: dict) -> "LabError":
        return cls(value["reason"], value["detail"], value["advice"] or "", Exit(value["exit"]))
