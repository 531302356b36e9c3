package mirror

import (
	"context"
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/directory/conn"
	"github.com/rollcall-agent/rollcall/agent/internal/ident"
	"github.com/rollcall-agent/rollcall/agent/internal/text"
)

// replicated says how far a domain controller has come with what was written on
// another one first.
type replicated struct {
	usn  int64     // of the other one: what it wrote up to there has arrived
	last time.Time // when the two last agreed about that; zero: not known
}

// These attributes of the naming context hold, for each domain controller, how far
// the one that is asked has come with its changes. Windows has both; Samba has the
// second one once it has replicated.
const (
	cursorsAttribute = "msDS-NCReplCursors" // MS-ADTS section 3.1.1.4.5.11: a piece of XML for each
	vectorAttribute  = "replUpToDateVector" // MS-DRSR section 5.166: all of them, in binary
)

// replicatedFrom asks the domain controller how far it has come with what was written
// first in a copy of the database. known is false if it does not say that of anybody.
func (s *synchroniser) replicatedFrom(ctx context.Context, database ident.GUID) (r replicated, known bool, err error) {
	query := conn.Query{
		Base: s.base, Scope: conn.Base, Filter: "(objectClass=*)", Attributes: []string{cursorsAttribute, vectorAttribute},
	}
	var head ident.Attributes
	err = s.dir.Search(ctx, query, func(e ident.Entry) error {
		head = e.Attributes
		return nil
	})
	if err != nil && !refused(err) {
		return r, false, fmt.Errorf("ask how far replication is: %w", err)
	}
	all, err := cursorsOf(head)
	if err != nil {
		s.log.Debug("how far replication is cannot be read", "server", s.report.Server, "cause", err)
	}
	return all[ident.GUID(text.Lower(string(database)))], len(all) > 0, nil
}

// cursorsOf reads how far replication is from the head of a naming context, by the
// invocation id of each domain controller in lower case.
func cursorsOf(head ident.Attributes) (map[ident.GUID]replicated, error) {
	all := map[ident.GUID]replicated{}
	for _, value := range head.Values(cursorsAttribute) {
		var c struct {
			Database string `xml:"uuidSourceDsaInvocationID"`
			USN      int64  `xml:"usnAttributeFilter"`
			Last     string `xml:"ftimeLastSyncSuccess"`
		}
		if err := xml.Unmarshal([]byte(value), &c); err != nil {
			return nil, fmt.Errorf("a value of %s: %w", cursorsAttribute, err)
		}
		last, err := time.Parse(time.RFC3339, c.Last)
		if err != nil || last.Year() <= 1601 {
			last = time.Time{}
		}
		all[ident.GUID(text.Lower(c.Database))] = replicated{usn: c.USN, last: last}
	}
	if len(all) > 0 {
		return all, nil
	}
	return vectorOf([]byte(head.First(vectorAttribute)))
}

const (
	vectorHead = 16 // version, reserved, number of cursors, reserved: four bytes each
	cursorOne  = 24 // a cursor of version 1: invocation id and USN
	cursorTwo  = 32 // of version 2: the time as well
)

// vectorOf reads a vector of MS-DRSR section 5.166; an absent one is empty.
func vectorOf(b []byte) (map[ident.GUID]replicated, error) {
	if len(b) == 0 {
		return nil, nil
	}
	size := cursorTwo
	if len(b) >= vectorHead && binary.LittleEndian.Uint32(b) == 1 {
		size = cursorOne
	}
	if len(b) < vectorHead || uint64(len(b)-vectorHead) < uint64(binary.LittleEndian.Uint32(b[8:]))*uint64(size) {
		return nil, fmt.Errorf("%s has %d bytes, which is too short", vectorAttribute, len(b))
	}
	all := map[ident.GUID]replicated{}
	for n := binary.LittleEndian.Uint32(b[8:]); n > 0; n-- {
		cursor := b[vectorHead+int(n-1)*size:][:size]
		database, err := ident.GUIDFromBytes(cursor[:16])
		if err != nil {
			return nil, err
		}
		r := replicated{usn: int64(binary.LittleEndian.Uint64(cursor[16:]))} // a USN is signed
		if size == cursorTwo {
			r.last = since1601(int64(binary.LittleEndian.Uint64(cursor[24:]))) // so is a time
		}
		all[ident.GUID(text.Lower(string(database)))] = r
	}
	return all, nil
}

// since1601 returns a time that is kept as seconds since 1601 (Windows), or as
// multiples of 100 nanoseconds (Samba).
func since1601(n int64) time.Time {
	const toUnix, secondsAtMost, second = 11_644_473_600, 1 << 40, 10_000_000
	switch {
	case n <= 0:
		return time.Time{}
	case n > secondsAtMost:
		n /= second
	}
	return time.Unix(n-toUnix, 0)
}
