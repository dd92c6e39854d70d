"""The errors a client can act on: one code each, told in the reader's language."""

from collections.abc import Mapping
from enum import StrEnum


class ErrorCode(StrEnum):
    """Stable names of everything that can go wrong."""

    # Who asks is not known, or may not do it
    CREDENTIALS_MISSING = "credentials_missing"
    CREDENTIALS_INVALID = "credentials_invalid"
    CREDENTIALS_EXPIRED = "credentials_expired"
    SIGN_IN_FAILED = "sign_in_failed"
    SIGN_IN_BUSY = "sign_in_busy"
    SETUP_REQUIRED = "setup_required"
    LINK_INVALID = "link_invalid"
    FORBIDDEN = "forbidden"
    # What was asked for is not there
    VIDEO_NOT_FOUND = "video_not_found"
    TASK_NOT_FOUND = "task_not_found"
    VOICE_NOT_FOUND = "voice_not_found"
    SEGMENT_NOT_FOUND = "segment_not_found"
    WEBHOOK_NOT_FOUND = "webhook_not_found"
    DELIVERY_NOT_FOUND = "delivery_not_found"
    PROJECT_NOT_FOUND = "project_not_found"
    MEMBER_NOT_FOUND = "member_not_found"
    USER_NOT_FOUND = "user_not_found"
    KEY_NOT_FOUND = "key_not_found"
    LINK_NOT_FOUND = "link_not_found"
    FILE_NOT_FOUND = "file_not_found"
    ROUTE_NOT_FOUND = "route_not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    # A stage before this one has to run first
    SUBTITLES_NOT_READY = "subtitles_not_ready"
    TRANSLATION_NOT_READY = "translation_not_ready"
    SPEECH_NOT_READY = "speech_not_ready"
    DUB_NOT_READY = "dub_not_ready"
    REPORT_NOT_READY = "report_not_ready"
    SEGMENT_NOT_SPOKEN = "segment_not_spoken"
    NOTHING_TO_SPEAK = "nothing_to_speak"
    VIDEO_NOT_READY = "video_not_ready"
    TASK_NOT_ACTIVE = "task_not_active"
    TASK_NOT_RETRYABLE = "task_not_retryable"
    STAGE_CANCELLED = "stage_cancelled"
    # The input is wrong
    INVALID_REQUEST = "invalid_request"
    INVALID_JSON = "invalid_json"
    INVALID_UPLOAD = "invalid_upload"
    UPLOAD_TOO_LARGE = "upload_too_large"
    NOT_A_VIDEO = "not_a_video"
    VIDEO_UNREADABLE = "video_unreadable"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    NO_AUDIO_TRACK = "no_audio_track"
    INVALID_RANGE = "invalid_range"
    INVALID_CURSOR = "invalid_cursor"
    INVALID_SUBTITLE_FILE = "invalid_subtitle_file"
    SEGMENT_TIMES_INVALID = "segment_times_invalid"
    SEGMENT_OVERLAP = "segment_overlap"
    SEGMENT_INCOMPLETE = "segment_incomplete"
    SEGMENT_BEYOND_VIDEO = "segment_beyond_video"
    SEGMENT_DUPLICATED = "segment_duplicated"
    TRACK_EMPTY = "track_empty"
    BILINGUAL_UNAVAILABLE = "bilingual_unavailable"
    WEBHOOK_REFUSED = "webhook_refused"
    LINK_UNAVAILABLE = "link_unavailable"
    EMAIL_TAKEN = "email_taken"
    LAST_OWNER = "last_owner"
    LAST_OPERATOR = "last_operator"
    QUOTA_REACHED = "quota_reached"
    PRECONDITION_FAILED = "precondition_failed"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    # Too much of it
    RATE_LIMITED = "rate_limited"
    BODY_TOO_LARGE = "body_too_large"
    # The request was sent before
    IDEMPOTENCY_KEY_IN_USE = "idempotency_key_in_use"
    IDEMPOTENCY_ANSWER_LOST = "idempotency_answer_lost"
    PRICE_UNKNOWN = "price_unknown"
    # An engine cannot or did not do it
    ENGINE_NOT_CONFIGURED = "engine_not_configured"
    LANGUAGE_PAIR_UNSUPPORTED = "language_pair_unsupported"
    LANGUAGE_UNSUPPORTED = "language_unsupported"
    MODEL_UNAVAILABLE = "model_unavailable"
    ENGINE_AUTHENTICATION = "engine_authentication"
    ENGINE_QUOTA = "engine_quota"
    ENGINE_RATE_LIMITED = "engine_rate_limited"
    ENGINE_REFUSED = "engine_refused"
    ENGINE_UNREACHABLE = "engine_unreachable"
    ENGINE_BAD_ANSWER = "engine_bad_answer"
    # The work failed
    COST_LIMIT_REACHED = "cost_limit_reached"
    FONT_MISSING = "font_missing"
    PROCESSING_ERROR = "processing_error"
    FFMPEG_FAILED = "ffmpeg_failed"
    FFMPEG_TIMEOUT = "ffmpeg_timeout"
    STORAGE_FULL = "storage_full"
    STORAGE_UNREACHABLE = "storage_unreachable"
    STORAGE_REFUSED = "storage_refused"
    CONTENT_DAMAGED = "content_damaged"
    INTERRUPTED_TOO_OFTEN = "interrupted_too_often"
    INTERNAL_ERROR = "internal_error"


class Problem(Exception):
    """Something a person can act on.

    `details` fill the placeholders of the code's texts; `field` names the part of the request at fault.
    """

    def __init__(self, code: ErrorCode, *, field: str | None = None, **details: str | float) -> None:
        super().__init__(f"{code}: {details}")
        self.code = code
        self.field = field
        self.details = details

    @property
    def status(self) -> int:
        """The HTTP status. An unknown id is 404 in the path, but wrong input in the body (`field`)."""
        status = http_status(self.code)
        return 422 if status == 404 and self.field is not None else status

    @classmethod
    def recorded(cls, code: ErrorCode, details: Mapping[str, str | float]) -> "Problem":
        """One that was written down before, for example in the row of a failed job."""
        problem = cls(code)
        problem.details.update(details)
        return problem


class InvalidSettings(Exception):
    """A setting that the server cannot start with; the message is one line for the operator."""


_STATUS_GROUPS: dict[int, frozenset[ErrorCode]] = {
    401: frozenset(
        {
            ErrorCode.CREDENTIALS_MISSING,
            ErrorCode.CREDENTIALS_INVALID,
            ErrorCode.CREDENTIALS_EXPIRED,
            ErrorCode.SIGN_IN_FAILED,
        }
    ),
    402: frozenset({ErrorCode.COST_LIMIT_REACHED}),
    403: frozenset(
        {
            ErrorCode.SETUP_REQUIRED,
            ErrorCode.LINK_INVALID,
            ErrorCode.FORBIDDEN,
            ErrorCode.QUOTA_REACHED,
        }
    ),
    404: frozenset(
        {
            ErrorCode.VIDEO_NOT_FOUND,
            ErrorCode.TASK_NOT_FOUND,
            ErrorCode.VOICE_NOT_FOUND,
            ErrorCode.SEGMENT_NOT_FOUND,
            ErrorCode.WEBHOOK_NOT_FOUND,
            ErrorCode.DELIVERY_NOT_FOUND,
            ErrorCode.PROJECT_NOT_FOUND,
            ErrorCode.MEMBER_NOT_FOUND,
            ErrorCode.USER_NOT_FOUND,
            ErrorCode.KEY_NOT_FOUND,
            ErrorCode.LINK_NOT_FOUND,
            ErrorCode.FILE_NOT_FOUND,
            ErrorCode.ROUTE_NOT_FOUND,
        }
    ),
    405: frozenset({ErrorCode.METHOD_NOT_ALLOWED}),
    409: frozenset(
        {
            ErrorCode.SUBTITLES_NOT_READY,
            ErrorCode.TRANSLATION_NOT_READY,
            ErrorCode.SPEECH_NOT_READY,
            ErrorCode.DUB_NOT_READY,
            ErrorCode.REPORT_NOT_READY,
            ErrorCode.SEGMENT_NOT_SPOKEN,
            ErrorCode.NOTHING_TO_SPEAK,
            ErrorCode.VIDEO_NOT_READY,
            ErrorCode.TASK_NOT_ACTIVE,
            ErrorCode.TASK_NOT_RETRYABLE,
            ErrorCode.STAGE_CANCELLED,
            ErrorCode.TRACK_EMPTY,
            ErrorCode.EMAIL_TAKEN,
            ErrorCode.LAST_OWNER,
            ErrorCode.LAST_OPERATOR,
            ErrorCode.IDEMPOTENCY_KEY_IN_USE,
            ErrorCode.IDEMPOTENCY_ANSWER_LOST,
        }
    ),
    412: frozenset({ErrorCode.PRECONDITION_FAILED}),
    413: frozenset({ErrorCode.UPLOAD_TOO_LARGE, ErrorCode.BODY_TOO_LARGE}),
    415: frozenset({ErrorCode.NOT_A_VIDEO, ErrorCode.UNSUPPORTED_MEDIA_TYPE}),
    429: frozenset({ErrorCode.RATE_LIMITED}),
    503: frozenset(
        {
            ErrorCode.ENGINE_NOT_CONFIGURED,
            ErrorCode.LANGUAGE_PAIR_UNSUPPORTED,
            ErrorCode.FONT_MISSING,
            ErrorCode.SIGN_IN_BUSY,
            ErrorCode.STORAGE_UNREACHABLE,
            ErrorCode.STORAGE_REFUSED,
        }
    ),
    502: frozenset(
        {
            ErrorCode.ENGINE_AUTHENTICATION,
            ErrorCode.ENGINE_QUOTA,
            ErrorCode.ENGINE_RATE_LIMITED,
            ErrorCode.ENGINE_REFUSED,
            ErrorCode.ENGINE_UNREACHABLE,
            ErrorCode.ENGINE_BAD_ANSWER,
            ErrorCode.MODEL_UNAVAILABLE,
        }
    ),
    500: frozenset(
        {
            ErrorCode.INTERNAL_ERROR,
            ErrorCode.CONTENT_DAMAGED,
            ErrorCode.FFMPEG_FAILED,
            ErrorCode.FFMPEG_TIMEOUT,
            ErrorCode.PROCESSING_ERROR,
            ErrorCode.INTERRUPTED_TOO_OFTEN,
        }
    ),
    507: frozenset({ErrorCode.STORAGE_FULL}),
}


def http_status(code: ErrorCode) -> int:
    """422 unless the code says otherwise: what is left is wrong input."""
    return next((status for status, codes in _STATUS_GROUPS.items() if code in codes), 422)
