// Package session logs in to applications that take a user name and a password
// once and then a token. The token lives in memory. When it ends or is rejected,
// a new session is opened. It does not log out.
package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/credential"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// Settings describes one application's login.
type Settings struct {
	Application string
	URL         string // the URL of the login; the caller has checked its host
	Username    string
	Password    func(context.Context) (string, error)
	Profile     abi.AuthProfile // normalized, with its Login
	HTTP        *http.Client
	Now         func() time.Time // nil: time.Now
}

const (
	// settle is how long a new token is not replaced after a 401 of the
	// application: such an answer is about the token before it.
	settle = 5 * time.Second
	// pause is the time after a rejected login without another try: applications
	// lock accounts after a few.
	pause = 15 * time.Minute
)

// Credentials puts the token of a session on requests. It is safe for
// concurrent use; logins that are needed at the same time become one.
type Credentials struct {
	settings Settings
	lifetime time.Duration // 0: until the application answers 401
	hidden   credential.Hidden
	turn     credential.Turn

	// Only the holder of the turn may use the fields below.
	token    string
	opened   time.Time
	replaced time.Time // when token replaced another
	refusals credential.Refusals
}

// New returns the credentials of one application.
func New(s Settings) (*Credentials, error) {
	if s.Profile.Login == nil {
		return nil, fmt.Errorf("application %s: auth profile %q has no login", s.Application, s.Profile.Name)
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	c := &Credentials{settings: s, turn: credential.NewTurn(), refusals: credential.Refusals{Pause: pause}}
	if text := s.Profile.Login.Lifetime; text != "" {
		var err error
		if c.lifetime, err = time.ParseDuration(text); err != nil {
			return nil, fmt.Errorf("application %s: lifetime of a session: %w", s.Application, err)
		}
	}
	return c, nil
}

// Apply sets the header. It logs in when there is no session, or when the
// session is about to end.
func (c *Credentials) Apply(ctx context.Context, req *http.Request) error {
	if err := c.turn.Take(ctx); err != nil {
		return err
	}
	defer c.turn.Give()
	age := c.settings.Now().Sub(c.opened)
	if ends := c.lifetime - min(time.Minute, c.lifetime/4); c.token == "" || c.lifetime > 0 && age >= ends {
		if err := c.login(ctx); err != nil {
			return err
		}
	}
	req.Header.Set(c.settings.Profile.Header, c.settings.Profile.Prefix+c.token)
	return nil
}

// Rejected handles an answer 401 of the application. It logs in again and
// reports whether the request is worth another try.
func (c *Credentials) Rejected(ctx context.Context) (bool, error) {
	if err := c.turn.Take(ctx); err != nil {
		return false, err
	}
	defer c.turn.Give()
	if c.token != "" && c.settings.Now().Sub(c.replaced) < settle {
		return true, nil
	}
	err := c.login(ctx)
	return err == nil, err
}

// BaseURL returns "": a session does not say where the API lives.
func (c *Credentials) BaseURL(context.Context) (string, error) { return "", nil }

// Redact lists the password and the tokens, those of earlier sessions included.
func (c *Credentials) Redact() []string { return c.hidden.List() }

func (c *Credentials) login(ctx context.Context) error {
	s, old := c.settings, c.token
	c.token = ""
	password, err := s.Password(ctx)
	if err != nil {
		return &credential.Error{Text: fmt.Sprintf("password of application %s: %v", s.Application, err), Err: err}
	}
	c.hidden.AddPair(s.Username, password)
	if err := c.refusals.Check(s.Now(), password); err != nil {
		return err
	}
	token, err := c.ask(ctx, password)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	var failed *credential.Error
	if errors.As(err, &failed) {
		failed.Text = fmt.Sprintf("log in to application %s at %s: %s", s.Application, s.URL, failed.Text)
		c.refusals.Note(s.Now(), password, failed)
	}
	if err != nil {
		return err
	}
	c.token, c.opened = token, s.Now()
	if old != "" {
		c.replaced = c.opened
	}
	c.hidden.Add(token)
	return nil
}

// ask sends the login and finds the token in the answer. Its error is either a
// *credential.Error that does not name the application and URL yet, or about the
// request itself.
func (c *Credentials) ask(ctx context.Context, password string) (string, error) {
	s, login := c.settings, c.settings.Profile.Login
	body, kind, err := message(*login, s.Username, password)
	if err != nil {
		return "", fmt.Errorf("log in to application %s: %w", s.Application, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, strings.NewReader(body))
	if err != nil {
		return "", fmt.Errorf("log in to application %s: %w", s.Application, err)
	}
	req.Header.Set("Content-Type", kind)
	resp, err := s.HTTP.Do(req)
	if err != nil {
		return "", c.unavailable(credential.Cause(err))
	}
	defer func() { _ = resp.Body.Close() }()
	if err := judge(resp); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", c.unavailable(err)
	}
	return find(answer, login.Token)
}

func (c *Credentials) unavailable(err error) error {
	return &credential.Error{Text: c.hidden.Clean(err.Error()), Transient: true, Err: err}
}
