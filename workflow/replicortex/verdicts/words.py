"""The words of verdicts, and which of them say that a claim was met."""

MIN_UNITS = 3

REPLICATED = "replicated"
SMALLER = "replicated, smaller"
LARGER = "replicated, larger"
EXCLUDES = "excludes the published size"
CANNOT_TELL = "cannot tell"
CONTRADICTED = "contradicted"
HOLDS = "holds"
DOES_NOT_HOLD = "does not hold"
NOT_TESTABLE = "not testable here"
FEW_UNITS = f"fewer than {MIN_UNITS} units: no verdict"
SYNTHETIC = "synthetic data: no verdict"
REHEARSAL = "rehearsal: no verdict"
NEEDS_RUN = "needs a new run: no verdict"
UNCALIBRATED = "fails its calibration: no verdict"
ON_OTHER_DATA = " on other data"

MET = (REPLICATED, SMALLER, LARGER, HOLDS)
# These say nothing of a paper.
NONE = (NOT_TESTABLE, FEW_UNITS, SYNTHETIC, REHEARSAL, UNCALIBRATED, NEEDS_RUN)
ORDER = (
    *(REPLICATED, SMALLER, LARGER, EXCLUDES, CANNOT_TELL, CONTRADICTED),
    *(HOLDS, DOES_NOT_HOLD, *NONE),
)
