package mail

import (
	"bytes"
	"errors"
	netmail "net/mail"
	"slices"
	"strings"
	"testing"
	"unicode"
)

func TestMessagesThatAreNone(t *testing.T) {
	good := to("a@example.com")
	for _, c := range []struct {
		change func(*Message)
		want   string
	}{
		{func(m *Message) { m.To = nil }, "to: the mail goes to nobody"},
		{func(m *Message) { m.To = []string{""} }, "to[0]: the address is empty"},
		{func(m *Message) { m.To = []string{"a@example.com, b@example.com"} }, "to[0]: \"a@example.com, b@example.com\" is not one mail address"},
		{func(m *Message) { m.To = append(m.To, "Doe, John <a@example.com>") }, "to[1]: "},
		{func(m *Message) { m.Cc = []string{"a@example.com\nBcc: b@example.com"} }, "cc[0]: it has a line break or control character (U+000A)"},
		{func(m *Message) { m.Cc = []string{"=?utf-8?q?a=0D=0ABcc?= <a@example.com>"} }, "line break"},
		{func(m *Message) { m.To = []string{`"a> NOTIFY=NEVER <b"@example.com`} }, "characters that no mailbox needs"},
		{func(m *Message) { m.To = []string{"zoë@example.com"} }, "letters beyond ASCII"},
		{func(m *Message) { m.To = []string{strings.Repeat("a", 65) + "@example.com"} }, "longer than an address"},
		{func(m *Message) { m.To = slices.Repeat(m.To, 101) }, "more than 100 recipients"},
		{func(m *Message) { m.Subject = "a\r\nBcc: b@example.com" }, "subject: it has a line break"},
		{func(m *Message) { m.Subject = "a\u2028b" }, "subject: it has a line break"},
		{func(m *Message) { m.Subject = "a\xff" }, "subject: it is not UTF-8"},
		{func(m *Message) { m.Subject = strings.Repeat("a", 1001) }, "subject: it has more than 1000 bytes"},
		{func(m *Message) { m.Text = "" }, "no content"},
		{func(m *Message) { m.Text = "\xff" }, "not UTF-8"},
		{func(m *Message) { m.Key = "" }, "key: "},
	} {
		m := good
		m.To = slices.Clone(good.To)
		c.change(&m)
		_, err := m.check()
		var e *Error
		if !errors.As(err, &e) || e.Op != OpMessage || e.Temporary() || e.Next == "" || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v; want %q", err, c.want)
		}
	}
}

// FuzzHeaders: whatever a template makes, a mail that is accepted has the
// headers and the recipients that it is to have and no other.
func FuzzHeaders(f *testing.F) {
	for _, s := range [][3]string{
		{"a@example.com", "b@example.com", "Hello"},
		{"Zoë <a@example.com>", "\"Doe, John\" <b@example.com>", "Grüße " + strings.Repeat("ä", 100)},
		{"a@example.com\r\nBcc: x@example.com", "b@example.com", "a\r\nBcc: x@example.com"},
		{`"a> <x@example.com"@example.com`, "=?utf-8?q?a=0ABcc:?= <b@example.com>", "=?utf-8?q?a=0D=0ABcc:_x?="},
		{"a@example.com (comment)", "<b@example.com>", strings.Repeat("long words ", 80)},
		{"a@[127.0.0.1]", "b@example.com", "a\u0085b\u2028c"},
	} {
		f.Add(s[0], s[1], s[2])
	}
	from := &netmail.Address{Address: "rollcall@example.com"}
	f.Fuzz(func(t *testing.T, to, cc, subject string) {
		m := Message{Key: "k", To: []string{to}, Cc: []string{cc}, Subject: subject, Text: "body"}
		e, err := m.check()
		if err != nil {
			return
		}
		for _, r := range e.recipients() {
			if strings.ContainsAny(r, "<> \r\n\x00\"") || strings.Count(r, "@") != 1 {
				t.Errorf("recipient %q", r)
			}
		}
		var out bytes.Buffer
		if _, err := m.build(from, e).WriteTo(&out); err != nil {
			t.Fatal(err)
		}
		got, err := netmail.ReadMessage(&out)
		if err != nil {
			t.Fatalf("%v in %q", err, out.String())
		}
		want := []string{"Auto-Submitted", "Cc", "Content-Transfer-Encoding", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Subject", "To"}
		var names []string
		for name, values := range got.Header {
			names = append(names, name)
			if len(values) != 1 || strings.ContainsFunc(values[0], unicode.IsControl) {
				t.Errorf("%s: %q", name, values)
			}
		}
		if slices.Sort(names); !slices.Equal(names, want) {
			t.Errorf("headers %q", names)
		}
		for name, address := range map[string]*netmail.Address{"To": e.to[0], "Cc": e.cc[0]} {
			if list, err := got.Header.AddressList(name); err != nil || len(list) != 1 || list[0].Address != address.Address {
				t.Errorf("%s: %v, %v; want %v", name, list, err, address)
			}
		}
	})
}
