package config

import (
	"fmt"
	netmail "net/mail"
	"net/url"
	"strings"
)

// Mail is the table [mail]: the server that takes the mails of steps.
type Mail struct {
	URL      string    `toml:"url"` // smtps://, or smtp:// with STARTTLS; without only to a loopback address
	From     string    `toml:"from"`
	Username string    `toml:"username"` // "": without login
	Password SecretRef `toml:"password"`
	CAFile   string    `toml:"ca_file"` // "": the system's certificates
}

func (l *loader) checkMail() {
	m := &l.config.Mail
	in := path{"mail"}
	if !l.has(in) {
		return
	}
	l.require(in, "url", "from")
	if l.has(in.with("url")) {
		l.checkMailURL(in.with("url"), m.URL)
	}
	if at := in.with("from"); l.has(at) {
		if _, err := netmail.ParseAddress(m.From); err != nil {
			l.fail(at, fmt.Sprintf("from is %q, which is not a mail address", m.From),
				`like "rollcall@example.com" or "Rollcall <rollcall@example.com>"`)
		}
	}
	l.notAReference(in.with("username"), m.Username)
	for key, other := range map[string]string{"username": "password", "password": "username"} {
		if l.has(in.with(key)) && !l.has(in.with(other)) {
			l.failKey(in.with(key), key+" needs "+other, "without either no login is tried")
		}
	}
	m.CAFile = l.relative(in.with("ca_file"), m.CAFile)
}

func (l *loader) checkMailURL(at path, text string) {
	if l.failed[at.index()] {
		return
	}
	u, err := url.Parse(text)
	switch {
	case err != nil && !strings.Contains(text, "@"), err == nil && u.User == nil && (u.Hostname() == "" || u.Opaque != ""):
		l.fail(at, fmt.Sprintf("url is %q, which is not a URL", text), `like "smtps://mail.example.com:465"`)
	case err != nil || u.User != nil: // the text is not repeated: it may hold a password
		l.fail(at, "url must not hold a user or a password", "use username and password")
	case u.Scheme != "smtp" && u.Scheme != "smtps":
		l.fail(at, fmt.Sprintf("url is %q; it must be smtps:// or smtp://", text), "smtp:// requires STARTTLS, except to a loopback address")
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		l.fail(at, fmt.Sprintf("url is %q; only a host and a port may follow %s://", text, u.Scheme), "")
	}
}
