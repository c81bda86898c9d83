"""Why a row was quarantined, and why another had nothing to publish. Codes only."""

from enum import StrEnum


class Reason(StrEnum):
    """Why a row is in quarantine. The first that applies, in this order."""

    ENCODING = "ENCODING"  # bytes that are not UTF-8
    NUL = "NUL"  # a NUL character
    MALFORMED = "MALFORMED"  # a quote that is not closed or stands in the wrong place
    RAGGED = "RAGGED"  # more or fewer cells than the header
    MISSING_KEY = "MISSING_KEY"  # its own key, its client, its enrolment or its project is blank
    BAD_KEY = "BAD_KEY"  # a key with characters or a length that no reference can have
    DUPLICATE_KEY = "DUPLICATE_KEY"  # an earlier row of the file has the same key
    UNKNOWN_ENROLMENT = "UNKNOWN_ENROLMENT"  # no row of Enrollment.csv has this EnrollmentID
    UNKNOWN_CLIENT = "UNKNOWN_CLIENT"  # no row of Client.csv has this PersonalID
    UNKNOWN_PROJECT = "UNKNOWN_PROJECT"  # no usable row of Project.csv has this ProjectID
    WRONG_CLIENT = "WRONG_CLIENT"  # the enrolment is another client's
    NO_AGENCY = "NO_AGENCY"  # sound itself, but its enrolment's own row names no known project
    IMPOSSIBLE_DATE = "IMPOSSIBLE_DATE"  # not a day of the calendar since 1900
    FUTURE_DATE = "FUTURE_DATE"  # after today, where only the past makes sense
    EXIT_BEFORE_ENTRY = "EXIT_BEFORE_ENTRY"
    UNKNOWN_CODE = "UNKNOWN_CODE"  # a code outside the list that decides how the row is read
    BAD_CODE = "BAD_CODE"  # a coded cell that holds no code
    BAD_NUMBER = "BAD_NUMBER"
    BAD_TEXT = "BAD_TEXT"  # control or direction characters in a name, or one over 100 characters


class NothingReason(StrEnum):
    """Why a sound row has nothing to publish."""

    NOT_RECORDED = "NOT_RECORDED"  # every answer is blank, 8, 9 or 99
    DELETED = "DELETED"  # DateDeleted is filled in, on the row, its enrolment or its client
    NO_ENROLMENT = "NO_ENROLMENT"  # a client whom no project of this export enrolled
