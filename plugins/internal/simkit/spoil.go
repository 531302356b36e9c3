package simkit

import (
	"encoding/json"
	"maps"
)

// Active are the faults of one request.
type Active struct {
	vendor *Vendor
	faults []Fault
}

// Has reports whether one of them is of that kind.
func (a Active) Has(k Kind) bool {
	for _, f := range a.faults {
		if f.Kind == k {
			return true
		}
	}
	return false
}

// Spoil changes a record of a page, if a fault asks for it. n counts from 0;
// the second record is spoiled. before is the id of the record before it.
func (a Active) Spoil(n int, before, record any) any {
	if n != 1 {
		return record
	}
	changes := map[string]any{}
	for _, f := range a.faults {
		switch f.Kind {
		case DuplicateID:
			changes["id"] = before
		case MissingID:
			changes["id"] = nil
		case WrongTypes:
			maps.Copy(changes, a.vendor.Wrong)
		case HugeNumbers:
			maps.Copy(changes, a.vendor.Huge)
		case BadText:
			changes[f.Text] = json.RawMessage(`"Ada \ud83d"`)
		}
	}
	if len(changes) == 0 {
		return record
	}
	return spoiled(record, changes)
}

// spoiled returns a record with changed members; nil removes a member.
func spoiled(record any, changes map[string]any) any {
	members := map[string]any{}
	b, err := json.Marshal(record)
	if err == nil {
		err = json.Unmarshal(b, &members)
	}
	if err != nil {
		return record
	}
	for name, v := range changes {
		if v == nil {
			delete(members, name)
			continue
		}
		members[name] = v
	}
	return members
}
