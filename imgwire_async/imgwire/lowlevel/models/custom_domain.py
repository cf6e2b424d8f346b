"""A host name of your own that serves images."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self
from uuid import UUID

from attrs import define, field

from ..types import FieldReader, parse_datetime, parse_str, parse_uuid, to_object
from .custom_domain_certificate_status import CustomDomainCertificateStatus
from .custom_domain_status import CustomDomainStatus


@define(kw_only=True)
class CustomDomain:
    """A host name of your own that serves images.

    Attributes:
        id: Id of the custom domain.
        certificate_status: State of the certificate; `ACTIVE` is ready.
        cname_record: Name of the CNAME record that routes requests.
        cname_value: Value of the CNAME record that routes requests.
        created_at: When it was claimed.
        dcv_cname_record: Name of the CNAME record that proves control to the certificate authority.
        dcv_cname_value: Value of the CNAME record that proves control to the certificate authority.
        environment_id: Environment that it belongs to.
        hostname: The host name.
        last_verified_at: When the connection was last checked, if it was.
        status: State of the DNS connection; `CONNECTED` is ready.
        updated_at: When it last changed.
    """

    id: UUID
    certificate_status: CustomDomainCertificateStatus
    cname_record: str
    cname_value: str
    created_at: datetime.datetime
    dcv_cname_record: str
    dcv_cname_value: str
    environment_id: UUID
    hostname: str
    last_verified_at: datetime.datetime | None
    status: CustomDomainStatus
    updated_at: datetime.datetime
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(
            self.additional_properties,
            {
                "id": self.id,
                "certificate_status": self.certificate_status,
                "cname_record": self.cname_record,
                "cname_value": self.cname_value,
                "created_at": self.created_at,
                "dcv_cname_record": self.dcv_cname_record,
                "dcv_cname_value": self.dcv_cname_value,
                "environment_id": self.environment_id,
                "hostname": self.hostname,
                "last_verified_at": self.last_verified_at,
                "status": self.status,
                "updated_at": self.updated_at,
            },
        )

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the JSON object.

        Raises:
            KeyError: a required field is missing; the message is its name.
            TypeError: a value has the wrong JSON type.
            ValueError: a text is not the date, time or UUID that it should be.
        """
        fields = FieldReader("CustomDomain", src_dict)
        return cls(
            id=fields.essential("id", parse_uuid),
            certificate_status=fields.required("certificate_status", CustomDomainCertificateStatus),
            cname_record=fields.required("cname_record", parse_str),
            cname_value=fields.required("cname_value", parse_str),
            created_at=fields.required("created_at", parse_datetime),
            dcv_cname_record=fields.required("dcv_cname_record", parse_str),
            dcv_cname_value=fields.required("dcv_cname_value", parse_str),
            environment_id=fields.required("environment_id", parse_uuid),
            hostname=fields.required("hostname", parse_str),
            last_verified_at=fields.nullable("last_verified_at", parse_datetime),
            status=fields.required("status", CustomDomainStatus),
            updated_at=fields.required("updated_at", parse_datetime),
            additional_properties=fields.rest,
        )
