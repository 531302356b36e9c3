// Package consent asks a person whether rollcall may act for them at a vendor,
// and waits for the vendor's answer, which comes to a port of this machine or
// is pasted as an address. It runs in the command's process, because the
// person and the browser are there. The client secret and the tokens stay with
// the agent: package oauth exchanges the answer for tokens.
package consent

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/oauth"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// wait is how long a person may take.
const wait = 10 * time.Minute

// Question is what to ask a person.
type Question struct {
	AuthURL  string // the vendor's page
	ClientID string
	Scopes   []string
}

// Way says how the vendor's answer comes back.
type Way struct {
	Port        int    // to listen on; 0 means any free port
	RedirectURL string // as it is registered with the vendor; "" for one of this machine
	Paste       bool   // do not listen: the person pastes the final address of the browser
}

// Prompt is what to tell the person.
type Prompt struct {
	URL         string // to open in a browser
	RedirectURL string // where the browser ends up
	Paste       bool   // the person has to paste that address
}

// Given is a consent that somebody has given. It can be exchanged for tokens
// once.
type Given struct{ Code, Verifier, RedirectURL string }

// Ask tells the person where to consent and waits for the vendor's answer,
// which is read from stdin if it is pasted.
func Ask(ctx context.Context, q Question, way Way, stdin io.Reader, tell func(Prompt)) (Given, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, wait, fmt.Errorf("nobody consented within %s", wait))
	defer cancel()
	if way.Paste || way.RedirectURL != "" && !listenable(way.RedirectURL) {
		return q.paste(ctx, way, stdin, tell)
	}
	return q.listen(ctx, way, tell)
}

func (q Question) paste(ctx context.Context, way Way, stdin io.Reader, tell func(Prompt)) (Given, error) {
	redirect := way.RedirectURL
	if redirect == "" {
		redirect = fmt.Sprintf("http://127.0.0.1:%d/callback", way.Port)
	}
	question := oauth.NewConsent(q.AuthURL, q.ClientID, redirect, q.Scopes)
	tell(Prompt{URL: question.URL(), RedirectURL: redirect, Paste: true})
	code, err := pasted(ctx, stdin, question)
	return Given{code, question.Verifier, redirect}, err
}

func (q Question) listen(ctx context.Context, way Way, tell func(Prompt)) (Given, error) {
	address, path := net.JoinHostPort("127.0.0.1", strconv.Itoa(way.Port)), "/callback"
	if u, err := url.Parse(way.RedirectURL); err == nil && way.RedirectURL != "" {
		address, path = net.JoinHostPort("127.0.0.1", u.Port()), "/"+strings.TrimPrefix(u.Path, "/")
	}
	var l net.ListenConfig
	listener, err := l.Listen(ctx, "tcp", address)
	if err != nil {
		return Given{}, fmt.Errorf("listen for the answer: %w; choose another --port, or use --paste", err)
	}
	redirect := way.RedirectURL
	if redirect == "" {
		redirect = "http://" + listener.Addr().String() + path
	}
	question := oauth.NewConsent(q.AuthURL, q.ClientID, redirect, q.Scopes)
	tell(Prompt{URL: question.URL(), RedirectURL: redirect})
	code, err := redirected(ctx, listener, path, question)
	return Given{code, question.Verifier, redirect}, err
}

// listenable reports whether a redirect URL leads to a port of this machine.
func listenable(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme == "http" && abi.Loopback(u.Hostname()) && u.Port() != ""
}
