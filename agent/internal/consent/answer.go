package consent

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/rollcall-agent/rollcall/agent/internal/oauth"
)

// reply is what the vendor answered.
type reply struct {
	code string
	err  error
}

// redirected serves the listener until the vendor's answer has come. Requests
// that do not belong to the question are refused and change nothing.
func redirected(ctx context.Context, listener net.Listener, path string, question oauth.Consent) (string, error) {
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
			code, err := question.Code(r.URL.Query())
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
func pasted(ctx context.Context, from io.Reader, question oauth.Consent) (string, error) {
	answers := make(chan reply, 1)
	go func() { // may outlive the context, because nothing can interrupt a read from a terminal
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
			code, err := question.Code(u.Query())
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
