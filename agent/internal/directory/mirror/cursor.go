package mirror

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// cursor is where the next synchronisation continues. The store keeps it as
// the cookie of the mirror. It has its own checksum, because the cookies of
// servers have none: Samba accepts one with a flipped bit and then never
// reports changes again.
type cursor struct {
	Way    way    `json:"way"`
	From   source `json:"from,omitzero"`
	Base   string `json:"base"`             // folded
	Cookie []byte `json:"cookie,omitempty"` // of DirSync
	// Names lists the mirrored attributes, which may be more than are wanted now. In
	// the middle of a full read these are the attributes that were mirrored before
	// it as well.
	Names []string `json:"names,omitempty"`
	// USN is the server's highestCommittedUSN before the last read began.
	USN int64 `json:"usn"`
	// Blind means that the server does not show deletions to this account.
	Blind bool `json:"blind,omitempty"`
	// Unswept means that something has changed since the last search for
	// deletions.
	Unswept bool      `json:"unswept,omitempty"`
	Swept   time.Time `json:"swept,omitzero"`
	Whole   time.Time `json:"whole,omitzero"` // when the last full read began
	// Behind is when a domain controller was met that is behind From; zero if there was
	// none since the last complete read.
	Behind time.Time `json:"behind,omitzero"`
	// Older means that the database of From was found to be older than the mirror since
	// the last complete read.
	Older bool `json:"older,omitempty"`
}

// deletions is when deletions were last looked for, if they are not shown with the other
// changes; zero if they are.
func (c cursor) deletions() time.Time {
	if c.Blind {
		return c.Swept
	}
	return time.Time{}
}

// way is how the directory is read.
type way struct {
	Mode Mode `json:"mode"`
	// Security is the flag OBJECT_SECURITY of DirSync, for an account without
	// the right Replicating Directory Changes.
	Security bool `json:"security,omitempty"`
}

// ways lists the ways to read, in the order in which they are tried.
func ways() []way {
	return []way{{Mode: ModeDirSync}, {Mode: ModeDirSync, Security: true}, {Mode: ModePaged}}
}

// Source says which domain controller the mirror was last brought up to date with: its
// URL, or "" if that is not known. events reports whether what differs from the
// mirror is an event, so that another domain controller, which may be behind, should
// be asked only when this one cannot be reached.
func Source(ctx context.Context, st Store) (url string, events bool, err error) {
	state, err := st.MirrorState(ctx)
	if err != nil {
		return "", false, fmt.Errorf("look which domain controller the mirror is from: %w", err)
	}
	c, err := decodeCursor(state.Cookie)
	if err != nil {
		return "", state.Events, nil //nolint:nilerr // the next synchronisation reads everything, anywhere
	}
	return c.From.URL, state.Events, nil
}

var errCursor = errors.New("the stored cursor is damaged")

func (c cursor) encode() ([]byte, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode the cursor: %w", err)
	}
	sum := sha256.Sum256(text)
	return append(sum[:], text...), nil
}

// decodeCursor returns errCursor for anything that encode did not produce.
func decodeCursor(data []byte) (cursor, error) {
	var c cursor
	if len(data) < sha256.Size {
		return c, errCursor
	}
	sum := sha256.Sum256(data[sha256.Size:])
	if !bytes.Equal(sum[:], data[:sha256.Size]) {
		return c, errCursor
	}
	if err := json.Unmarshal(data[sha256.Size:], &c); err != nil {
		return cursor{}, fmt.Errorf("%w: %w", errCursor, err)
	}
	return c, nil
}
