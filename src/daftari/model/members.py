"""Types of JSON members that records of several subjects have. No rules, no SQL, no HTTP.

``Meta`` holds what the OpenAPI document has about them, in which a type with a title is a schema of that name.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Raw

from daftari.model.limits import ERRORS_MAX, ID_MAX, TEXT_MAX

Count = Annotated[int, Meta(ge=0)]
Number = Annotated[int, Meta(ge=1)]
"""The number of a record in its project, or of a row in a file."""
Text = Annotated[str, Meta(min_length=1)]
Cursor = Annotated[str, Meta(min_length=1)]
"""Where the next page starts."""
Time = Annotated[
    str,
    Meta(
        title="Time",
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$",
        description="A moment in UTC, always with six digits after the point and a `Z`.",
    ),
]
Mobile = Annotated[
    str,
    Meta(
        title="MobileOut",
        pattern="^[1-9][0-9]{4,14}$",
        description="The number in E.164 digits, with its country and without a plus.",
    ),
]
ContactId = Annotated[
    int,
    Meta(
        title="Id",
        ge=1,
        le=ID_MAX,
        description="A whole number that names this contact in its project. It is never used again for another one.",
    ),
]
GroupName = Annotated[
    str,
    Meta(
        title="GroupName",
        min_length=1,
        max_length=TEXT_MAX,
        description="A group's name. Spaces around it are dropped; names equal in all but capital letters and spacing "
        "are one group, and the first spelling is kept.",
    ),
]
Errors = Annotated[
    dict[str, Annotated[list[Text], Meta(min_length=1)]],
    Meta(
        title="Errors",
        min_length=1,
        max_length=ERRORS_MAX,
        description="Each wrong field by its dotted path, and what is wrong with it in sentences.",
    ),
]
ContactJson = Annotated[Raw, Meta(extra_json_schema={"$ref": "CardView"})]
"""A contact as the store keeps it, whose JSON passes through."""
