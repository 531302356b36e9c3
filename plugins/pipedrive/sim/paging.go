package sim

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"

	"github.com/rollcall-agent/rollcall/plugins/internal/simkit"
)

const (
	defaultPage = 100
	maxPage     = 500
)

// paging is the form of GET /users in force.
type paging struct {
	mu   sync.Mutex
	form Paging
	size int
}

// SetPaging changes the form of the answer to GET /users; size 0 keeps the
// page size.
func (s *Server) SetPaging(form Paging, size int) {
	s.paging.mu.Lock()
	defer s.paging.mu.Unlock()
	s.paging.form = form
	if size > 0 {
		s.paging.size = size
	}
}

func (s *Server) pagingForm() (Paging, int) {
	s.paging.mu.Lock()
	defer s.paging.mu.Unlock()
	return s.paging.form, s.paging.size
}

// page is a part of a list: from an id on, or from an offset.
type page struct {
	form  Paging
	start int   // offset of the first item
	from  int64 // id of the first item, with a cursor
	limit int   // 0: everything
}

// readPage reads the parameters of paging, which an unpaged list ignores.
// object is the kind of list that a cursor belongs to: a cursor is valid for
// that kind only.
func (s *Server) readPage(q url.Values, form Paging, size int, object string) (page, error) {
	p := page{form: form, from: 1, limit: size}
	if form == Unpaged {
		return page{form: form, from: 1}, nil
	}
	if v := q.Get("limit"); v != "" {
		n, err := strconv.Atoi(v)
		if err == nil && n > maxPage && s.reads("page_limit", "capped") {
			n = maxPage
		}
		if err != nil || n < 1 || n > maxPage {
			return p, fmt.Errorf("limit: must be from 1 to %d", maxPage)
		}
		p.limit = n
	}
	if v := q.Get("start"); form == OffsetPaging && v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 {
			return p, errors.New("start: must not be negative")
		}
		p.start = n
	}
	if v := q.Get("cursor"); form == CursorPaging && v != "" {
		b, err := base64.RawURLEncoding.DecodeString(v)
		if err != nil {
			return p, errors.New("cursor: is invalid")
		}
		if _, err := fmt.Sscanf(string(b), object+":%d", &p.from); err != nil || p.from < 1 {
			return p, errors.New("cursor: is invalid")
		}
	}
	return p, nil
}

// tail returns additional_data of a page; nil for an unpaged list. next is the
// id of the first item after the page, 0 when there is none.
func (p page) tail(next int64, object string) any {
	switch p.form {
	case OffsetPaging:
		type pagination struct {
			Start int  `json:"start"`
			Limit int  `json:"limit"`
			More  bool `json:"more_items_in_collection"`
			Next  *int `json:"next_start,omitempty"`
		}
		t := pagination{Start: p.start, Limit: p.limit, More: next > 0}
		if t.More {
			n := p.start + p.limit
			t.Next = &n
		}
		return map[string]any{"pagination": t}
	case CursorPaging:
		if next == 0 {
			return map[string]any{"next_cursor": nil}
		}
		return map[string]any{"next_cursor": base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%s:%d", object, next))}
	}
	return nil
}

// writeOffsets answers with a page of items, in the form of version 1's lists
// other than that of users.
func writeOffsets[T any](s *Server, w http.ResponseWriter, c *call, items []T) {
	p, err := s.readPage(c.URL.Query(), OffsetPaging, defaultPage, "")
	if err != nil {
		invalid(w, err.Error())
		return
	}
	if c.faults.Has(Half) {
		items = items[:len(items)/2]
	}
	start := min(p.start, len(items))
	end := min(start+p.limit, len(items))
	var next int64
	if end < len(items) {
		next = int64(end)
	}
	data := []any{}
	var before any
	for i, item := range items[start:end] {
		data = append(data, c.faults.Spoil(i, before, item))
		before = idOf(item)
	}
	simkit.WriteJSON(w, http.StatusOK, struct {
		Success    bool `json:"success"`
		Data       any  `json:"data"`
		Additional any  `json:"additional_data"`
	}{true, data, p.tail(next, "")})
}

// idOf returns the id of an item; nil when it has none.
func idOf(item any) any {
	var shown struct{ ID any }
	b, err := json.Marshal(item)
	if err != nil || json.Unmarshal(b, &shown) != nil {
		return nil
	}
	return shown.ID
}
