package mail

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/mail/mailtest"
	"github.com/rollcall-agent/rollcall/host/soak"
)

func client(t *testing.T, s Settings) *Client {
	t.Helper()
	s.Timeout = soak.Patience
	c, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func to(addresses ...string) Message {
	return Message{Key: "delivery 7", To: addresses, Subject: "Zoë has an account", Text: "Welcome"}
}

// parts returns the bodies of a mail by their type.
func parts(t *testing.T, m *netmail.Message) map[string]string {
	t.Helper()
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	read := func(kind string, r io.Reader) {
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		out[kind] = strings.TrimSpace(strings.ReplaceAll(string(body), "\r\n", "\n"))
	}
	if kind != "multipart/alternative" {
		read(kind, quotedprintable.NewReader(m.Body))
		return out
	}
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextPart() // decodes quoted-printable
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		read(kind, p)
	}
}

// TestWhatArrives sends over each kind of connection, text with 8-bit letters,
// long lines, lines that are a dot, and HTML.
func TestWhatArrives(t *testing.T) {
	s := start(t)
	long := strings.Repeat("Straße in Łódź, ", 400)
	text := "Grüße\n.\n..\n" + long + "\nEnd"
	for _, port := range []string{"starttls", "smtps", "plain", "plainlogin"} {
		settings := s.settings(port)
		if strings.HasPrefix(port, "plain") {
			settings.CAFile = ""
		}
		if port == "plain" {
			settings.Username, settings.Password = "", ""
		}
		m := Message{
			Key: "delivery 7", To: []string{"Zoë O'Brien <zoe.o'brien@example.com>", "b@example.com"}, Cc: []string{"c+d@example.com", "b@example.com"},
			Subject: "Zoë has an account", Text: text, HTML: "<p>Grüße, " + long + "</p>",
		}
		sent, err := client(t, settings).Send(t.Context(), m)
		if err != nil {
			t.Errorf("%s: %v", port, err)
			continue
		}
		got := s.last(t)
		if got == nil || got.From != "rollcall@example.com" || !slices.Equal(got.To, []string{"zoe.o'brien@example.com", "b@example.com", "c+d@example.com"}) {
			t.Fatalf("%s: %+v", port, got)
		}
		if encrypted := !strings.HasPrefix(port, "plain"); got.TLS != encrypted || got.Login != (port != "plain") {
			t.Errorf("%s: TLS %v, login %v", port, got.TLS, got.Login)
		}
		for line := range strings.Lines(got.Data) {
			if len(line) > 80 || strings.ContainsFunc(line, func(r rune) bool { return r > 126 }) {
				t.Errorf("%s: a line that not every server passes: %q", port, line)
			}
		}
		mail, err := netmail.ReadMessage(strings.NewReader(got.Data))
		if err != nil {
			t.Fatal(err)
		}
		subject, err := new(mime.WordDecoder).DecodeHeader(mail.Header.Get("Subject"))
		if err != nil || subject != m.Subject {
			t.Errorf("%s: subject %q, %v", port, subject, err)
		}
		if id := mail.Header.Get("Message-ID"); id != "<"+sent.MessageID+">" || !strings.HasSuffix(id, "@example.com>") {
			t.Errorf("%s: Message-ID %s, and %s was told", port, id, sent.MessageID)
		}
		if _, err := mail.Header.Date(); err != nil || mail.Header.Get("Auto-Submitted") != "auto-generated" {
			t.Errorf("%s: date %v, Auto-Submitted %q", port, err, mail.Header.Get("Auto-Submitted"))
		}
		if names, err := mail.Header.AddressList("To"); err != nil || len(names) != 2 || names[0].Name != "Zoë O'Brien" {
			t.Errorf("%s: To %v, %v", port, names, err)
		}
		got2 := parts(t, mail)
		if got2["text/plain"] != text || got2["text/html"] != m.HTML {
			t.Errorf("%s: other bodies: %.200q", port, got2)
		}
		if !strings.HasPrefix(sent.Reply, "2.0.0 queued as ") {
			t.Errorf("%s: reply %q", port, sent.Reply)
		}
	}
}

func TestTextOrHTMLAlone(t *testing.T) {
	s := start(t)
	for kind, m := range map[string]Message{
		"text/plain": {Key: "k", To: []string{"a@example.com"}, Text: "ä"},
		"text/html":  {Key: "k", To: []string{"a@example.com"}, HTML: "<b>ä</b>"},
	} {
		if _, err := client(t, s.settings("smtps")).Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		mail, err := netmail.ReadMessage(strings.NewReader(s.last(t).Data))
		if err != nil {
			t.Fatal(err)
		}
		if got := parts(t, mail); len(got) != 1 || got[kind] != m.Text+m.HTML {
			t.Errorf("%s: %q", kind, got)
		}
	}
}

// TestMessageIDFollowsTheKey: a mail that is handed over twice can be recognized.
func TestMessageIDFollowsTheKey(t *testing.T) {
	s := start(t)
	c := client(t, s.settings("smtps"))
	var ids []string
	for _, key := range []string{"a", "a", "b"} {
		m := to("a@example.com")
		m.Key = key
		sent, err := c.Send(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, sent.MessageID)
		s.last(t)
	}
	if ids[0] != ids[1] || ids[0] == ids[2] {
		t.Errorf("%q", ids)
	}
}

// TestRefusals is the table of failures: what is told, and whether another try
// may succeed.
func TestRefusals(t *testing.T) {
	s := start(t)
	free := closedPort(t)
	good := to("a@example.com")
	for name, c := range map[string]struct {
		port      string
		change    func(*Settings)
		message   Message
		op        Op
		code      int
		temporary bool
		sent      bool
		about     []string
		want      string
	}{
		"unknown": {message: to("a@example.com", "unknown@example.com"), op: OpRecipient, code: 550, about: []string{"unknown@example.com"}, want: "send to unknown@example.com at smtps://127.0.0.1:|550 \"5.1.1 no such user\"|next: correct the address"},
		"grey":    {message: to("grey@example.com"), op: OpRecipient, code: 450, temporary: true, about: []string{"grey@example.com"}, want: "greylisted|next: the server wants it later"},
		"both":    {message: to("unknown@example.com", "grey@example.com"), op: OpRecipient, code: 550, about: []string{"unknown@example.com", "grey@example.com"}, want: "no such user|greylisted"},
		"sender":  {change: func(s *Settings) { s.From = "stranger@example.com" }, message: good, op: OpSender, code: 553, about: good.To, want: "next: let from of [mail]"},
		"heavy":   {message: to("heavy@example.com"), op: OpContent, code: 552, about: []string{"heavy@example.com"}, want: "552 \"5.3.4 too big\"|next: look at subject"},
		"full":    {message: to("full@example.com"), op: OpContent, code: 452, temporary: true, about: []string{"full@example.com"}, want: "disk full"},
		"cut":     {message: to("cut@example.com"), op: OpContent, temporary: true, sent: true, about: []string{"cut@example.com"}, want: "(the server may have taken the mail)"},
		"login":   {change: func(s *Settings) { s.Password = "other secret" }, message: good, op: OpLogin, code: 535, about: good.To, want: "535 \"5.7.8 no: [redacted]\"|next: correct username and password of [mail]"},
		"login, STARTTLS": {
			port: "starttls", change: func(s *Settings) { s.Password = "other secret" }, message: good, op: OpLogin, code: 535, about: good.To, want: "535",
		},
		"echo":        {message: to("echo@example.com"), op: OpRecipient, code: 550, about: []string{"echo@example.com"}, want: "you said [redacted]"},
		"no login":    {port: "starttls", change: func(s *Settings) { s.Username, s.Password = "", "" }, message: good, op: OpSender, code: 530, about: good.To, want: "530"},
		"no STARTTLS": {port: "plainlogin", message: good, op: OpConnect, temporary: true, about: good.To, want: "does not support STARTTLS|next: use smtps://"},
		"untrusted":   {change: func(s *Settings) { s.CAFile = ""; s.Username, s.Password = "", "" }, message: good, op: OpConnect, temporary: true, about: good.To, want: "certificate signed by unknown authority|next: let ca_file of [mail]"},
		"untrusted, STARTTLS": {
			port: "starttls", change: func(s *Settings) { s.CAFile = foreignCA(t) }, message: good, op: OpConnect, temporary: true, about: good.To, want: "unknown authority|ca_file",
		},
		"another name": {change: func(s *Settings) { s.URL = strings.Replace(s.URL, "127.0.0.1", "localhost", 1) }, message: good, op: OpConnect, temporary: true, about: good.To, want: "next: let url of [mail] name the server as its certificate does"},
		"no CA file":   {change: func(s *Settings) { s.CAFile = "/nonexistent/ca.pem" }, message: good, op: OpConnect, about: good.To, want: "ca_file: user |/nonexistent/ca.pem"},
		"nobody":       {change: func(s *Settings) { s.URL = "smtps://" + free }, message: good, op: OpConnect, temporary: true, about: good.To, want: "connection refused|next: see whether url of [mail]"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.port == "" {
				c.port = "smtps"
			}
			settings := s.settings(c.port)
			if c.change != nil {
				c.change(&settings)
			}
			_, err := client(t, settings).Send(t.Context(), c.message)
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%v", err)
			}
			if e.Op != c.op || e.Code != c.code || e.Temporary() != c.temporary || e.Sent != c.sent || !slices.Equal(e.Recipients, c.about) {
				t.Errorf("op %s, code %d, temporary %v, sent %v, about %q: %v", e.Op, e.Code, e.Temporary(), e.Sent, e.Recipients, err)
			}
			for want := range strings.SplitSeq(c.want, "|") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v\nwithout %q", err, want)
				}
			}
			if p := settings.Password; p != "" && strings.Contains(err.Error(), p) {
				t.Errorf("the password: %v", err)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("several lines: %v", err)
			}
			if m := s.last(t); m != nil {
				t.Errorf("a mail was sent: %+v", m)
			}
		})
	}
}

// TestServersThatHang: the context ends a mail at any point of the dialogue.
func TestServersThatHang(t *testing.T) {
	s := start(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan net.Conn, 10)
	go func() {
		for {
			conn, err := silent.Accept()
			if err != nil {
				close(accepted)
				return
			}
			accepted <- conn
		}
	}()
	t.Cleanup(func() {
		_ = silent.Close()
		for conn := range accepted {
			_ = conn.Close()
		}
	})
	for name, c := range map[string]struct {
		url     string
		message Message
		op      Op
	}{
		"greeting":  {"smtp://" + silent.Addr().String(), to("a@example.com"), OpConnect},
		"handshake": {"smtps://" + silent.Addr().String(), to("a@example.com"), OpConnect},
		"recipient": {s.settings("smtps").URL, to("hangs@example.com"), OpRecipient},
	} {
		settings := s.settings("smtps")
		settings.URL = c.url
		ctx, cancel := context.WithCancelCause(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := client(t, settings).Send(ctx, c.message)
			done <- err
		}()
		if c.op == OpConnect {
			conn := <-accepted
			defer conn.Close()
		}
		cancel(errors.New("the agent stops"))
		err := <-done
		var e *Error
		if !errors.As(err, &e) || !e.Temporary() || e.Sent || !strings.Contains(err.Error(), "the agent stops") {
			t.Errorf("%s: %v", name, err)
		}
	}
	settings := s.settings("smtps")
	settings.Timeout = 1 // ns
	c, err := New(settings)
	if err != nil {
		t.Fatal(err)
	}
	var e *Error
	if _, err := c.Send(t.Context(), to("hangs@example.com")); !errors.As(err, &e) || !e.Temporary() || !strings.Contains(err.Error(), "no answer within 1ns") {
		t.Errorf("%v", err)
	}
}

func TestSettings(t *testing.T) {
	for _, c := range []struct {
		change func(*Settings)
		want   string
	}{
		{func(s *Settings) { s.URL = "smtps://rollcall:hidden@mail.example.com" }, "[mail] url: it is no URL, or it holds a user"},
		{func(s *Settings) { s.URL = "https://mail.example.com" }, `is not smtp:// or smtps://`},
		{func(s *Settings) { s.URL = "smtp:mail.example.com" }, `is not smtp:// or smtps://`},
		{func(s *Settings) { s.URL = "smtp://mail.example.com:70000" }, "the port 70000 does not exist"},
		{func(s *Settings) { s.From = "rollcall" }, "[mail] from: "},
		{func(s *Settings) { s.From = "a@example.com\r\nBcc: b@example.com" }, "line break"},
		{func(s *Settings) { s.Password = "" }, "go together"},
	} {
		s := Settings{URL: "smtps://mail.example.com", From: "a@example.com", Username: "u", Password: "p"}
		c.change(&s)
		if _, err := New(s); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%v; want %q", err, c.want)
		}
	}
	for url, want := range map[string]mode{
		"smtp://mail.example.com": modeStartTLS, "smtps://127.0.0.1": modeTLS, "smtp://127.0.0.1": modePlain, "smtp://[::1]:25": modePlain,
		"smtp://localhost": modePlain, "smtp://127.0.0.1.example.com": modeStartTLS, "smtp://10.0.0.1": modeStartTLS,
	} {
		if c, err := New(Settings{URL: url, From: "a@example.com"}); err != nil || c.mode != want {
			t.Errorf("%s: %+v, %v", url, c, err)
		}
	}
	if c, err := New(Settings{URL: "smtp://127.0.0.1", From: "a@example.com", CAFile: "ca.pem"}); err != nil || c.mode != modeStartTLS {
		t.Errorf("with a CA file: %+v, %v", c, err)
	}
}

func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func foreignCA(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	mailtest.Certificates(t, dir, ca)
	return ca
}
