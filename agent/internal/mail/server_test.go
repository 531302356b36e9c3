package mail

import (
	"fmt"
	"sync"
	"testing"

	"github.com/rollcall-agent/rollcall/agent/internal/mail/mailtest"
)

// The account that the server knows.
const (
	user     = mailtest.User
	password = mailtest.Password
)

// server is an SMTP server of which the mails are looked at one by one.
type server struct {
	*mailtest.Server

	mu    sync.Mutex
	taken int
}

func start(t *testing.T) *server {
	t.Helper()
	return &server{Server: mailtest.Start(t)}
}

// settings are those of one of the server's ports.
func (s *server) settings(port string) Settings {
	scheme := "smtp"
	if port == "smtps" {
		scheme = "smtps"
	}
	return Settings{
		URL: fmt.Sprintf("%s://127.0.0.1:%d", scheme, s.Ports[port]), From: "Rollcall <rollcall@example.com>",
		Username: user, Password: password, CAFile: s.CA,
	}
}

// last returns the only mail since the last call; nil when there is none.
func (s *server) last(t *testing.T) *mailtest.Mail {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	mails := s.Mails(t)
	switch len(mails) {
	case s.taken:
		return nil
	case s.taken + 1:
		s.taken++
		return &mails[s.taken-1]
	}
	t.Fatalf("%d mails after %d", len(mails), s.taken)
	return nil
}
