"""A host name of your own that serves images."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Self
from uuid import UUID

from attrs import define, field

from ..types import fields_of, misfit, parse_datetime, parse_str, parse_uuid, to_object
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
        return cls._take(fields_of("CustomDomain", src_dict))

    @classmethod
    def _take(cls, rest: dict[str, Any]) -> Self:
        """Like `from_dict`, but empties the dict, which is faster than copying what it holds."""
        if rest.__class__ is not dict:
            rest = fields_of("CustomDomain", rest)
        take = rest.pop
        at, value = "", None
        try:
            id_ = value = take(at := "id")
            id_ = parse_uuid(id_)
            certificate_status_ = value = take(at := "certificate_status")
            if certificate_status_ is not None:
                certificate_status_ = CustomDomainCertificateStatus._value2member_map_.get(
                    certificate_status_
                ) or CustomDomainCertificateStatus(certificate_status_)
            cname_record_ = value = take(at := "cname_record")
            if cname_record_.__class__ is not str and cname_record_ is not None:
                cname_record_ = parse_str(cname_record_)
            cname_value_ = value = take(at := "cname_value")
            if cname_value_.__class__ is not str and cname_value_ is not None:
                cname_value_ = parse_str(cname_value_)
            created_at_ = value = take(at := "created_at")
            if created_at_ is not None:
                created_at_ = parse_datetime(created_at_)
            dcv_cname_record_ = value = take(at := "dcv_cname_record")
            if dcv_cname_record_.__class__ is not str and dcv_cname_record_ is not None:
                dcv_cname_record_ = parse_str(dcv_cname_record_)
            dcv_cname_value_ = value = take(at := "dcv_cname_value")
            if dcv_cname_value_.__class__ is not str and dcv_cname_value_ is not None:
                dcv_cname_value_ = parse_str(dcv_cname_value_)
            environment_id_ = value = take(at := "environment_id")
            if environment_id_ is not None:
                environment_id_ = parse_uuid(environment_id_)
            hostname_ = value = take(at := "hostname")
            if hostname_.__class__ is not str and hostname_ is not None:
                hostname_ = parse_str(hostname_)
            last_verified_at_ = value = take(at := "last_verified_at", None)
            if last_verified_at_ is not None:
                last_verified_at_ = parse_datetime(last_verified_at_)
            status_ = value = take(at := "status")
            if status_ is not None:
                status_ = CustomDomainStatus._value2member_map_.get(status_) or CustomDomainStatus(status_)
            updated_at_ = value = take(at := "updated_at")
            if updated_at_ is not None:
                updated_at_ = parse_datetime(updated_at_)
        except (TypeError, ValueError) as error:
            raise misfit("CustomDomain", at, value, error) from error
        if not rest:
            rest.clear()  # an empty dict still has the room for what it held
        return cls(
            id=id_,
            certificate_status=certificate_status_,
            cname_record=cname_record_,
            cname_value=cname_value_,
            created_at=created_at_,
            dcv_cname_record=dcv_cname_record_,
            dcv_cname_value=dcv_cname_value_,
            environment_id=environment_id_,
            hostname=hostname_,
            last_verified_at=last_verified_at_,
            status=status_,
            updated_at=updated_at_,
            additional_properties=rest,
        )
