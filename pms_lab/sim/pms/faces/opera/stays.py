"""Operations on reservations and their folios."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pms_lab.adapters.writing import Json
from pms_lab.domain.pms import ReservationStatus
from pms_lab.engine.ports import HttpResponse
from pms_lab.sim.pms.faces.opera import forms, house_forms
from pms_lab.sim.pms.faces.opera.desk import Desk, nights_of, parts
from pms_lab.sim.pms.faces.opera.shown import comments_of, given
from pms_lab.sim.pms.faces.opera.wire import Asked, answer, bare
from pms_lab.sim.pms.records import Booking
from pms_lab.sim.pms.state import Rejected, Wish


class Stays:
    """The operations of the modules rsv, fof and csh, named as Oracle does."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def get_hotel_reservations(self, asked: Asked) -> HttpResponse:
        """List reservations; all conditions apply."""
        arrivals = asked.range("arrivalStartDate", "arrivalEndDate")
        departures = asked.range("departureStartDate", "departureEndDate")
        references = asked.all("externalReferenceIds")
        search = asked.text("searchType") or "Any"
        if search not in ("Any", "InHouse"):
            raise Rejected("invalid", f"searchType {search} is not simulated")
        if references and asked.all("externalSystemCodes") != [self._desk.system]:
            raise Rejected("invalid", "a reference without its external system")
        found = [
            one
            for one in self._desk.pms.bookings.values(asked.as_of)
            if _within(one.stay.check_in, arrivals)
            and _within(one.stay.check_out, departures)
            and (search == "Any" or one.status is ReservationStatus.IN_HOUSE)
            and (not references or one.key in references)
        ]
        shown = self._desk.shown(asked.as_of)
        return self._desk.paged(asked, "reservations", "reservationInfo", [shown.reservation_row(one) for one in found])

    def get_reservation(self, asked: Asked) -> HttpResponse:
        """Show a reservation; 204 where there is none."""
        booking = self._desk.pms.bookings.get(asked.path[0], asked.as_of)
        if booking is None:
            return bare(204)
        return answer(_one(self._desk.shown(asked.as_of).reservation(booking, parts(asked, "Reservation"))))

    def put_reservation(self, asked: Asked) -> HttpResponse:
        """Change what is given of a reservation; what is left out stays."""
        booking = self._desk.pms.booking(asked.path[0])
        (change,) = asked.read(forms.PutReservation).reservations
        fields = self._commented(booking, change.comments)
        stay = change.room_stay
        if change.reservation_status and (stay.arrival_date or stay.departure_date):
            raise Rejected("invalid", "changing status and dates at once is not simulated")
        if stay.expected_times is not None:
            local = stay.expected_times.reservation_expected_departure_time
            fields["checkout_at"] = local.replace(tzinfo=self._desk.pms.hotel.zone)
        if stay.arrival_date or stay.departure_date:
            nights = nights_of(
                stay.arrival_date or booking.stay.check_in, stay.departure_date or booking.stay.check_out
            )
            self._desk.pms.move(booking.id, nights, asked.at)
        if change.reservation_status == "Reserved":
            self._desk.pms.set_status(booking.id, ReservationStatus.CONFIRMED, asked.at)
        if fields:
            self._desk.pms.change_booking(booking.id, asked.at, **fields)
        return self._as_it_is(booking.id, asked.at)

    def post_reservation(self, asked: Asked) -> HttpResponse:
        """Book, for a known guest or for one who becomes known by it."""
        (new,) = asked.read(forms.PostReservation).reservations.reservation
        (rate,) = new.room_stay.room_rates
        stay = nights_of(new.room_stay.arrival_date, new.room_stay.departure_date)
        if rate.rate_plan_code != self._desk.pms.hotel.rate_plan or new.hotel_id != self._desk.pms.hotel.code:
            raise Rejected("invalid", "no such rate plan or hotel")
        if rate.room_type not in self._desk.pms.room_types:
            raise Rejected("invalid", f"no room type {rate.room_type}")
        self._desk.pms.free_room(rate.room_type, stay, asked.at - self._desk.pms.race)
        wish = Wish(
            stay,
            rate.room_type,
            self._booker(new.reservation_guests[0].profile_info, asked.at),
            adults=new.room_stay.guest_counts.adults,
            children=new.room_stay.guest_counts.children,
            total=None if rate.rates is None else _total(rate.rates, self._desk.pms.hotel.currency),
            source=new.custom_reference,
            key=next((one.id for one in new.external_references), None),
        )
        return self._as_it_is(self._desk.pms.book(wish, asked.at).id, asked.at, 201)

    def post_cancel_reservation(self, asked: Asked) -> HttpResponse:
        """Cancel; what is cancelled already is refused."""
        booking = self._desk.pms.booking(asked.path[0])
        form = asked.read(forms.PostCancellation)
        self._desk.check_named(booking.id, form.reservations[0].reservation_id_list, form.reservations[0].hotel_id)
        if booking.status is ReservationStatus.CANCELLED:
            raise Rejected("state", "the reservation is cancelled already")
        if not form.verification_only:
            self._desk.pms.set_status(booking.id, ReservationStatus.CANCELLED, asked.at)
        reason = given(code=form.reason.code, description=form.reason.description)
        number: Json = {"id": f"9{booking.confirmation}", "type": "Cancellation"}
        day = self._desk.pms.business_date(asked.at).isoformat()
        return answer({"cxlActivityLog": [{"reason": reason, "cxlDate": day, "cancellationIdList": [number]}]}, 201)

    def post_check_in(self, asked: Asked) -> HttpResponse:
        """Check in who is due in."""
        booking = self._desk.pms.booking(asked.path[0])
        asked.read(forms.PostCheckIn)
        if booking.status is ReservationStatus.IN_HOUSE or booking.stay.check_in > self._desk.pms.business_date(
            asked.at
        ):
            raise Rejected("state", "the reservation is not due in")
        self._desk.pms.set_status(booking.id, ReservationStatus.IN_HOUSE, asked.at)
        return answer({}, 201)

    def post_check_out(self, asked: Asked) -> HttpResponse:
        """Check out who is in house."""
        booking = self._desk.pms.booking(asked.path[0])
        form = asked.read(forms.PostCheckOut)
        self._desk.check_named(booking.id, form.reservation.reservation_id_list, form.reservation.hotel_id)
        if booking.status is ReservationStatus.CHECKED_OUT:
            raise Rejected("state", "the reservation is checked out already")
        if not form.verification_only:
            self._desk.pms.set_status(booking.id, ReservationStatus.CHECKED_OUT, asked.at)
        return answer({}, 201)

    def post_billing_charges(self, asked: Asked) -> HttpResponse:
        """Post a charge. Nothing keeps the same reference from being posted twice."""
        booking = self._desk.pms.booking(asked.path[0])
        criteria = asked.read(house_forms.PostCharges).criteria
        (charge,) = criteria.charges
        self._desk.check_named(booking.id, [criteria.reservation_id], criteria.hotel_id)
        if charge.price.currency_code != self._desk.pms.hotel.currency:
            raise Rejected("invalid", f"currency {charge.price.currency_code} is not the hotel's")
        amount = charge.price.amount * charge.posting_quantity
        posting = self._desk.pms.post(
            booking.id,
            charge.posting_remark,
            amount,
            asked.at,
            code=charge.transaction_code,
            key=charge.posting_reference,
        )
        return answer({"postings": [self._desk.shown(asked.as_of).posting(posting)]}, 201)

    def get_folio(self, asked: Asked) -> HttpResponse:
        """Show the bill; 204 where nothing is posted."""
        booking = self._desk.pms.bookings.get(asked.path[0], asked.as_of)
        posted = any(one.booking == asked.path[0] for one in self._desk.pms.postings.values(asked.as_of))
        return bare(204) if booking is None or not posted else answer(self._desk.shown(asked.as_of).folio(booking))

    def _as_it_is(self, booking: str, at: datetime, status: int = 200) -> HttpResponse:
        shown = self._desk.shown(at)
        return answer(_one(shown.reservation(self._desk.pms.booking(booking), ["Reservation"])), status)

    def _commented(self, booking: Booking, comments: tuple[forms.CommentInfo, ...]) -> dict[str, Any]:
        """Return the fields that comments change: one with an id changes that one, one without is added."""
        known, notes = comments_of(booking), list(booking.notes)
        fields: dict[str, Any] = {}
        for info in comments:
            text = "" if info.comment.text is None else info.comment.text.value
            if info.id is not None and info.id not in known:
                raise Rejected("invalid", f"no comment {info.id}")
            is_request = info.comment.comment_title == "Special requests"
            if info.id == f"{booking.id}-0" or (info.id is None and is_request):
                fields["special_requests"] = text or None
            elif info.id is not None:
                place = int(info.id.rpartition("-")[2]) - 1
                if not text:
                    raise Rejected("invalid", "deleting a note is not simulated")
                notes[place] = text
                fields["notes"] = tuple(notes)
            else:
                notes.append(text)
                self._desk.titles[f"{booking.id}-{len(notes)}"] = info.comment.comment_title
                fields["notes"] = tuple(notes)
        return fields

    def _booker(self, info: forms.GuestProfile, at: datetime) -> str:
        for known in info.profile_id_list:
            return self._desk.pms.guest(known.id).id
        details = info.profile
        names = details.customer.person_name
        if not names or not names[0].surname:
            raise Rejected("invalid", "a guest without a family name")
        email = next((one.email.email_address for one in details.emails.email_info), None)
        phone = next((one.telephone.phone_number for one in details.telephones.telephone_info), None)
        person = self._desk.pms.add_guest(
            at, first_name=names[0].given_name, last_name=names[0].surname, email=email, phone=phone
        )
        return person.id


def _one(reservation: dict[str, Json]) -> Json:
    return {"reservations": {"reservation": [reservation]}}


def _within(day: date, ends: tuple[date, date] | None) -> bool:
    return ends is None or ends[0] <= day <= ends[1]


def _total(rates: forms.Rates, currency: str) -> Decimal:
    if any(one.base.currency_code != currency for one in rates.rate):
        raise Rejected("invalid", f"rates are in {currency}")
    return sum((one.base.amount_before_tax * ((one.end - one.start).days + 1) for one in rates.rate), Decimal(0))
