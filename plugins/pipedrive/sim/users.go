package sim

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

const maxPage = 500

// visible is u as the caller may see it.
func (s *Server) visible(u User) User {
	if !u.IsYou && !u.IsDeleted {
		u.Phone = Null()
	}
	if s.opts.NoAccountSettings {
		u.Modified = Text{}
	}
	return u
}

func writeData(w http.ResponseWriter, data any) {
	writeJSON(w, http.StatusOK, struct {
		Success bool `json:"success"`
		Data    any  `json:"data"`
	}{true, data})
}

// getUser is GET /users/{id}.
func (s *Server) getUser(w http.ResponseWriter, c *call) {
	u, ok := s.people.get(c.id)
	if !ok {
		notFound(w)
		return
	}
	writeData(w, s.visible(u))
}

// getMe is GET /users/me: the caller and their company.
func (s *Server) getMe(w http.ResponseWriter, _ *call) {
	type language struct {
		Code    string `json:"language_code"`
		Country string `json:"country_code"`
	}
	u, ok := s.people.get(1)
	if !ok {
		notFound(w)
		return
	}
	writeData(w, struct {
		User
		CompanyID       int      `json:"company_id"`
		CompanyName     string   `json:"company_name"`
		CompanyDomain   string   `json:"company_domain"`
		CompanyCountry  string   `json:"company_country"`
		CompanyIndustry string   `json:"company_industry"`
		Language        language `json:"language"`
	}{s.visible(u), 1234, "Example Company", "example-co", "CZ", "Technology", language{"en", "GB"}})
}

// findUsers is GET /users/find: by name, or by e-mail address.
func (s *Server) findUsers(w http.ResponseWriter, c *call) {
	q := c.URL.Query()
	term := strings.ToLower(q.Get("term"))
	if term == "" {
		invalid(w, "term: is required")
		return
	}
	byEmail := q.Get("search_by_email")
	if byEmail != "" && byEmail != "0" && byEmail != "1" {
		invalid(w, "search_by_email: must be 0 or 1")
		return
	}
	found := []User{}
	for id := int64(1); id <= s.people.highest(); id++ {
		u, ok := s.people.get(id)
		if !ok {
			continue
		}
		in := u.Name
		if byEmail == "1" {
			in = u.Email.Value
		}
		if strings.Contains(strings.ToLower(in), term) {
			found = append(found, s.visible(u))
		}
	}
	writeData(w, found)
}

// page is a part of the list: people from an id on, or from an offset.
type page struct {
	form  Paging
	start int   // offset of the first item
	from  int64 // id of the first item, with a cursor
	limit int   // 0: everybody
}

// readPage reads the paging parameters. An unpaged list ignores them.
func (s *Server) readPage(q url.Values) (page, error) {
	form, size := s.pagingForm()
	p := page{form: form, from: 1, limit: size}
	if form == Unpaged {
		return page{form: form, from: 1}, nil
	}
	if v := q.Get("limit"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > maxPage {
			return p, fmt.Errorf("limit: must be from 1 to %d", maxPage)
		}
		p.limit = n
	}
	if v := q.Get("start"); form == OffsetPaging && v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 {
			return p, fmt.Errorf("start: must not be negative")
		}
		p.start = n
	}
	if v := q.Get("cursor"); form == CursorPaging && v != "" {
		b, err := base64.RawURLEncoding.DecodeString(v)
		if err != nil {
			return p, fmt.Errorf("cursor: is invalid")
		}
		if _, err := fmt.Sscanf(string(b), "user:%d", &p.from); err != nil || p.from < 1 {
			return p, fmt.Errorf("cursor: is invalid")
		}
	}
	return p, nil
}

// listUsers is GET /users. People are made one by one while they are written.
func (s *Server) listUsers(w http.ResponseWriter, c *call) {
	p, err := s.readPage(c.URL.Query())
	if err != nil {
		invalid(w, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	out := bufio.NewWriterSize(w, 32<<10)
	defer func() { _ = out.Flush() }() // the client is gone: nobody is left to tell
	_, _ = out.WriteString(`{"success":true,"data":[`)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	next := s.writePage(c, p, func(n int, item any) error {
		if n > 0 {
			_ = out.WriteByte(',')
		}
		return enc.Encode(item)
	})
	_ = out.WriteByte(']')
	if tail := p.tail(next); tail != nil {
		_, _ = out.WriteString(`,"additional_data":`)
		_ = enc.Encode(tail)
	}
	_ = out.WriteByte('}')
}

// writePage hands the people of a page to emit and returns the id of the first
// one after it; 0 when there is none.
func (s *Server) writePage(c *call, p page, emit func(int, any) error) (next int64) {
	last := s.people.highest()
	if c.faults.has(Half) {
		last /= 2
	}
	skipped, written := 0, 0
	for id := p.from; id <= last; id++ {
		u, ok := s.people.get(id)
		if !ok {
			continue
		}
		if skipped < p.start {
			skipped++
			continue
		}
		if p.limit > 0 && written == p.limit {
			return id
		}
		if emit(written, c.faults.spoil(written, s.visible(u))) != nil {
			return 0
		}
		written++
	}
	return 0
}

// tail is additional_data of a page; nil for an unpaged list.
func (p page) tail(next int64) any {
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
		return map[string]any{"next_cursor": base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "user:%d", next))}
	}
	return nil
}
