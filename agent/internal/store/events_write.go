package store

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/rollcall-agent/rollcall/agent/internal/ident"
)

// wholeEvent is read by scanEvent.
const wholeEvent = `events.id, events.at, object, guid, dn, from_dn, name, group_guid, group_dn, group_name, parts_json, image_json, unsure`

const selectEvents = `SELECT ` + wholeEvent + ` FROM events`

func scanEvent(row scanner) (ident.Event, error) {
	var (
		e            ident.Event
		at           int64
		g            ident.EventGroup
		parts, image string
	)
	err := row.Scan(&e.ID, &at, &e.Object, &e.GUID, &e.DN, &e.From, &e.Name, &g.GUID, &g.DN, &g.Name, &parts, &image, &e.Unsure)
	if err != nil && e.ID != 0 {
		return e, &UnreadableEventError{ID: e.ID, Err: err}
	}
	if err != nil {
		return e, err
	}
	e.At = moment(at)
	if g.GUID != "" {
		e.Group = &g
	}
	if e.Parts, err = ident.ParseParts(parts); err == nil {
		e.Image, err = ident.ParseImage(image)
	}
	if err != nil {
		return e, &UnreadableEventError{ID: e.ID, Err: err}
	}
	return e, nil
}

// scanDamaged reads an event of which something cannot be read any more as one without
// parts: what it told is not known.
func scanDamaged(row scanner) (ident.Event, error) {
	e, err := scanEvent(row)
	if damaged := new(UnreadableEventError); errors.As(err, &damaged) {
		e.Parts, e.Image, err = nil, nil, nil
	}
	return e, err
}

const insertEvent = `INSERT INTO events
	(at, object, guid, dn, from_dn, name, group_guid, group_dn, group_name, parts_json, image_json, unsure, intent, open)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)`

// addEvent inserts an event, and sets its ID. Values that are too long to be kept
// are only recognised.
func (b *mirrorBatch) addEvent(e *ident.Event) error {
	intent, err := b.recognise(e)
	if err != nil {
		return fmt.Errorf("recognise the own writes in the event of %q: %w", e.DN, err)
	}
	parts, err := ident.EncodeParts(briefParts(e.Parts))
	if err != nil {
		return fmt.Errorf("event of %q: %w", e.DN, err)
	}
	image, err := ident.EncodeImage(briefImage(e.Image))
	if err != nil {
		return fmt.Errorf("event of %q: %w", e.DN, err)
	}
	var group ident.EventGroup
	if e.Group != nil {
		group = *e.Group
	}
	e.ID, err = b.batch.insert(b.ctx, insertEvent, stamp(e.At), e.Object, e.GUID, e.DN, e.From, e.Name,
		group.GUID, group.DN, group.Name, parts, image, e.Unsure, intent)
	if err != nil {
		return fmt.Errorf("event of %q: %w", e.DN, err)
	}
	return nil
}

// keptBytes is the greatest length of a value that an event keeps, so that events
// do not fill the store with photos.
const keptBytes = 8 << 10

// briefImage leaves out the attributes with a value that is too long.
func briefImage(a ident.Attributes) ident.Attributes {
	kept := make(ident.Attributes, len(a))
	for name, values := range a {
		if !tooLong(values) {
			kept[name] = values
		}
	}
	return kept
}

// briefParts replaces values that are too long by their size and digest.
func briefParts(parts []ident.EventPart) []ident.EventPart {
	kept := make([]ident.EventPart, len(parts))
	for i, p := range parts {
		p.Cut = tooLong(p.Old)
		p.Old, p.New = briefValues(p.Old), briefValues(p.New)
		kept[i] = p
	}
	return kept
}

func briefValues(values []string) []string {
	if !tooLong(values) {
		return values
	}
	brief := make([]string, len(values))
	for i, v := range values {
		brief[i] = fmt.Sprintf("(%d bytes, SHA-256 %x)", len(v), sha256.Sum256([]byte(v)))
	}
	return brief
}

func tooLong(values []string) bool {
	for _, v := range values {
		if len(v) > keptBytes {
			return true
		}
	}
	return false
}
