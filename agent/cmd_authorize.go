package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-agent/rollcall/agent/internal/oauth"
	"github.com/rollcall-agent/rollcall/sdk/abi"
)

// consentWait is how long a person may take.
const consentWait = 10 * time.Minute

func (c *cli) authorizeCommand() *cobra.Command {
	var port int
	var redirect string
	var paste bool
	cmd := &cobra.Command{
		Use:   "authorize APPLICATION",
		Short: "Ask for the consent that an application with auth = \"oauth2\" needs",
		Long: "It prints an address to open in a browser, waits on this machine for the vendor's answer, and stores the tokens encrypted. " +
			"Vendors send the answer only to a redirect URL that is registered with them, to the letter: register http://127.0.0.1:PORT/callback and name the port, or give the registered one with --redirect-url. " +
			"When the browser runs elsewhere, or the redirect URL is not of this machine, paste the address that the browser ends at (--paste).",
		Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.authorize(cmd.Context(), args[0], redirection{port: port, url: redirect, paste: paste})
		},
	}
	cmd.Flags().IntVar(&port, "port", 0, "listen on this port of 127.0.0.1; 0 is any that is free")
	cmd.Flags().StringVar(&redirect, "redirect-url", "", "the redirect `URL` that is registered with the vendor")
	cmd.Flags().BoolVar(&paste, "paste", false, "do not listen: read the address that the browser ends at from standard input")
	return cmd
}

// redirection is how the vendor's answer comes back.
type redirection struct {
	port  int
	url   string
	paste bool
}

func (c *cli) authorize(ctx context.Context, application string, back redirection) error {
	var ask consentAnswer
	if err := c.call(ctx, "consent", consentRequest{c.onDisk(), application}, &ask); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, consentWait, fmt.Errorf("nobody consented within %s", consentWait))
	defer cancel()
	consent, code, err := c.consent(ctx, ask, back)
	if err != nil {
		return fmt.Errorf("authorize %s: %w", application, err)
	}
	var done oauth.Authorized
	request := exchangeRequest{onDisk: c.onDisk(), Application: application, Code: code, Verifier: consent.Verifier, RedirectURL: consent.RedirectURL}
	if err := c.call(ctx, "authorize", request, &done); err != nil {
		return err
	}
	return c.show(done, func(w io.Writer) {
		p := pageOf(w)
		p.put("", fmt.Sprintf("Authorized: the tokens of %s are stored.", application))
		if done.BaseURL != "" {
			p.put("", fmt.Sprintf("Its API is at %s.", done.BaseURL))
		}
		if !done.Refreshes {
			p.put("", "The vendor gave no refresh token: the access cannot be renewed when it ends.")
		}
	})
}

// consent asks and waits for the answer in one of the two ways.
func (c *cli) consent(ctx context.Context, ask consentAnswer, back redirection) (oauth.Consent, string, error) {
	if back.paste || back.url != "" && !listenable(back.url) {
		if back.url == "" {
			back.url = fmt.Sprintf("http://127.0.0.1:%d/callback", back.port)
		}
		consent := oauth.NewConsent(ask.AuthURL, ask.ClientID, back.url, ask.Scopes)
		_, _ = fmt.Fprintf(c.stderr, "Open this address in a browser and consent:\n\n%s\n\nThen paste the address that the browser ends at (it begins with %s), even if the page cannot be shown:\n", consent.URL(), back.url)
		code, err := pasted(ctx, c.stdin, consent)
		return consent, code, err
	}
	address, path := net.JoinHostPort("127.0.0.1", strconv.Itoa(back.port)), "/callback"
	if u, err := url.Parse(back.url); err == nil && back.url != "" {
		address, path = net.JoinHostPort("127.0.0.1", u.Port()), "/"+strings.TrimPrefix(u.Path, "/")
	}
	var l net.ListenConfig
	listener, err := l.Listen(ctx, "tcp", address)
	if err != nil {
		return oauth.Consent{}, "", fmt.Errorf("listen for the answer: %w; choose another --port, or use --paste", err)
	}
	if back.url == "" {
		back.url = "http://" + listener.Addr().String() + path
	}
	consent := oauth.NewConsent(ask.AuthURL, ask.ClientID, back.url, ask.Scopes)
	_, _ = fmt.Fprintf(c.stderr, "Open this address in a browser on this machine and consent:\n\n%s\n\nWaiting for the answer at %s, which must be registered with the vendor as redirect URL.\n", consent.URL(), back.url)
	code, err := redirected(ctx, listener, path, consent)
	return consent, code, err
}

// listenable reports whether a redirect URL leads to a port of this machine.
func listenable(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme == "http" && abi.Loopback(u.Hostname()) && u.Port() != ""
}

// reply is what the vendor answered.
type reply struct {
	code string
	err  error
}

// redirected serves the listener until the vendor's answer has come. What does
// not belong to the question is turned away and changes nothing.
func redirected(ctx context.Context, listener net.Listener, path string, consent oauth.Consent) (string, error) {
	answers := make(chan reply, 1)
	server := &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.Header().Set("X-Content-Type-Options", "nosniff")
			if r.Method != http.MethodGet || r.URL.Path != path {
				http.NotFound(w, r)
				return
			}
			code, err := consent.Code(r.URL.Query())
			if errors.Is(err, oauth.ErrNotTheAnswer) {
				http.Error(w, "rollcall: "+err.Error(), http.StatusBadRequest)
				return
			}
			if err != nil {
				http.Error(w, "rollcall: "+err.Error(), http.StatusOK)
			} else {
				_, _ = io.WriteString(w, "rollcall has got the answer. You can close this page; the command tells the rest.\n")
			}
			select {
			case answers <- reply{code, err}:
			default: // the first one counts
			}
		}),
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // it ends with Shutdown
	}()
	defer func() {
		brief, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		_ = server.Shutdown(brief)
		_ = server.Close()
		<-served
	}()
	select {
	case a := <-answers:
		return a.code, a.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// pasted reads lines until one is the vendor's answer.
func pasted(ctx context.Context, from io.Reader, consent oauth.Consent) (string, error) {
	answers := make(chan reply, 1)
	go func() { // it may outlive the context: nothing ends the read of a terminal
		lines, last := bufio.NewScanner(from), errors.New("no address came on standard input")
		for lines.Scan() {
			text := strings.TrimSpace(lines.Text())
			if text == "" {
				continue
			}
			u, err := url.Parse(text)
			if err != nil || u.RawQuery == "" {
				last = errors.New("what was pasted is not the address of a page with its query (?code=...&state=...)")
				continue
			}
			code, err := consent.Code(u.Query())
			if errors.Is(err, oauth.ErrNotTheAnswer) {
				last = err
				continue
			}
			answers <- reply{code, err}
			return
		}
		answers <- reply{"", last}
	}()
	select {
	case a := <-answers:
		return a.code, a.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}
