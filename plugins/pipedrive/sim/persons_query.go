package sim

import (
	"encoding/base64"
	"errors"
	"fmt"
	"hash/fnv"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// personQuery is a parsed query of GET /api/v2/persons.
type personQuery struct {
	ids          []int64 // nil: everybody
	owner, org   int64   // 0: any
	since, until time.Time
	sort         string
	down         bool
	limit        int
	view         view
	last         int64     // nobody after this id
	after        *position // where the previous page ended
	digest       string    // of all parameters but the cursor and the limit
}

// position is a place in a list: the value to sort by, and the id.
type position struct{ at, id int64 }

func (p position) less(other position) bool {
	return p.at < other.at || p.at == other.at && p.id < other.id
}

func (q personQuery) position(one Person) position {
	switch q.sort {
	case "add_time":
		return position{one.AddTime.Unix(), one.ID}
	case "update_time":
		return position{one.UpdateTime.Unix(), one.ID}
	}
	return position{one.ID, one.ID}
}

// before reports whether a comes before b in the list.
func (q personQuery) before(a, b position) bool {
	if q.down {
		return b.less(a)
	}
	return a.less(b)
}

func (q personQuery) wants(one Person) bool {
	return one.Deleted.IsZero() &&
		(q.ids == nil || slices.Contains(q.ids, one.ID)) &&
		(q.owner == 0 || one.OwnerID == q.owner) &&
		(q.org == 0 || one.OrgID != nil && *one.OrgID == q.org) &&
		(q.since.IsZero() || !one.UpdateTime.Before(q.since)) &&
		(q.until.IsZero() || one.UpdateTime.Before(q.until)) &&
		(q.after == nil || q.before(*q.after, q.position(one)))
}

func (s *Server) readPersonQuery(v url.Values) (q personQuery, err error) {
	if err := notSimulated(v, "filter_id", "deal_id"); err != nil {
		return q, err
	}
	if q.view, err = readView(v); err != nil {
		return q, err
	}
	if q.ids, err = readIDs(v.Get("ids")); err != nil {
		return q, err
	}
	for name, to := range map[string]*int64{"owner_id": &q.owner, "org_id": &q.org} {
		if *to, err = readID(v, name); err != nil {
			return q, err
		}
	}
	for name, to := range map[string]*time.Time{"updated_since": &q.since, "updated_until": &q.until} {
		if text := v.Get(name); text != "" {
			if *to, err = time.Parse(time.RFC3339, text); err != nil {
				return q, fmt.Errorf("%s: must be a time as in RFC 3339", name)
			}
		}
	}
	if err := q.readOrder(v); err != nil {
		return q, err
	}
	if q.limit, err = s.readLimit(v); err != nil {
		return q, err
	}
	q.digest = digestOf(v)
	if q.after, err = readCursor(v.Get("cursor"), "person:"+q.digest); err != nil {
		return q, err
	}
	return q, nil
}

func (q *personQuery) readOrder(v url.Values) error {
	if q.sort = v.Get("sort_by"); q.sort == "" {
		q.sort = "id"
	}
	if !slices.Contains([]string{"id", "update_time", "add_time"}, q.sort) {
		return errors.New("sort_by: must be one of id, update_time, add_time")
	}
	direction := v.Get("sort_direction")
	q.down = direction == "desc"
	if direction != "" && direction != "asc" && !q.down {
		return errors.New("sort_direction: must be asc or desc")
	}
	return nil
}

// readLimit returns the size of a page with a cursor.
func (s *Server) readLimit(v url.Values) (int, error) {
	p, err := s.readPage(url.Values{"limit": v["limit"]}, CursorPaging, defaultPage, "")
	return p.limit, err
}

// digestOf ties a cursor to the query that it came from. The limit may change
// from page to page.
func digestOf(v url.Values) string {
	h := fnv.New64a()
	for _, name := range []string{
		"ids", "owner_id", "org_id", "updated_since", "updated_until", "sort_by", "sort_direction", "include_fields", "custom_fields",
		"term", "exact_match", "fields", "organization_id",
	} {
		_, _ = fmt.Fprintf(h, "%s=%q;", name, v.Get(name))
	}
	return strconv.FormatUint(h.Sum64(), 16)
}

func (q personQuery) cursor(p position) string { return cursorAt("person:"+q.digest, p) }

func cursorAt(of string, p position) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%s:%d:%d", of, p.at, p.id))
}

// readCursor returns nil when there is no cursor, and an error for a cursor of
// another query.
func readCursor(text, of string) (*position, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // without a cursor there is no position
	}
	b, _ := base64.RawURLEncoding.DecodeString(text)
	rest, ours := strings.CutPrefix(string(b), of+":")
	at, id, _ := strings.Cut(rest, ":")
	p := position{}
	var errAt, errID error
	p.at, errAt = strconv.ParseInt(at, 10, 64)
	p.id, errID = strconv.ParseInt(id, 10, 64)
	if !ours || errAt != nil || errID != nil {
		return nil, errors.New("cursor: is invalid")
	}
	return &p, nil
}

func readIDs(text string) ([]int64, error) {
	if text == "" {
		return nil, nil
	}
	var ids []int64
	for part := range strings.SplitSeq(text, ",") {
		id, err := strconv.ParseInt(part, 10, 64)
		if err != nil || id < 1 {
			return nil, errors.New("ids: must be positive integers")
		}
		ids = append(ids, id)
	}
	if len(ids) > 100 {
		return nil, errors.New("ids: must be at most 100")
	}
	return ids, nil
}

// readID reads an id from the query; 0 when it is absent.
func readID(v url.Values, name string) (int64, error) {
	text := v.Get(name)
	if text == "" {
		return 0, nil
	}
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 1 {
		return 0, fmt.Errorf("%s: must be a positive integer", name)
	}
	return id, nil
}
