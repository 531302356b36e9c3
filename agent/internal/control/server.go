package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"
)

const maxRequest = 1 << 30 // a saved plan of a million users

type callerKey struct{}

// Serve answers calls on the local socket of the state folder until ctx ends.
// Calls that are under way get until grace has passed, then their context
// ends and they stop at the next safe point.
func Serve(ctx context.Context, stateDir string, mux *Mux, grace time.Duration, log *slog.Logger) error {
	listener, err := listen(ctx, stateDir)
	if err != nil {
		return fmt.Errorf("listen for commands: %w", err)
	}
	calls, stopCalls := context.WithCancel(context.WithoutCancel(ctx))
	defer stopCalls()
	server := &http.Server{
		Handler:           serveCalls(mux),
		ReadHeaderTimeout: 5 * time.Second,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return calls },
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, callerKey{}, peer(c))
		},
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	select {
	case err := <-done:
		return fmt.Errorf("serve commands: %w", err)
	case <-ctx.Done():
	}
	stopCalls()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := server.Shutdown(stop); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stop serving commands: %w", err)
	}
	return server.Close()
}

func serveCalls(mux *Mux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, _ := r.Context().Value(callerKey{}).(Caller)
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
		if s, ok := mux.streams[r.URL.Path[1:]]; ok && err == nil {
			s.serve(w, r, who, body)
			return
		}
		var answer []byte
		if err == nil {
			answer, err = mux.call(r.Context(), who, r.URL.Path[1:], body)
		}
		w.Header().Set("Content-Type", "application/json")
		if err != nil {
			w.WriteHeader(http.StatusUnprocessableEntity)
			_ = json.NewEncoder(w).Encode(asError(err))
			return
		}
		_, _ = w.Write(answer)
	})
}

// Remote sends calls to the agent that listens in the state folder.
type Remote struct{ http *http.Client }

var _ Client = (*Remote)(nil)

// ErrNoAgent means that no agent listens in the state folder.
var ErrNoAgent = errors.New("no agent is running")

// Connect returns a client of the running agent, or ErrNoAgent.
func Connect(ctx context.Context, stateDir string) (*Remote, error) {
	probe, err := dial(ctx, stateDir)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoAgent, err)
	}
	_ = probe.Close()
	return &Remote{http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, stateDir) },
	}}}, nil
}

// Call implements Client.
func (r *Remote) Call(ctx context.Context, name string, in, out any) error {
	resp, err := r.post(ctx, name, in)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("decode answer of %s: %w", name, err)
	}
	return nil
}

// post sends a call. The answer is there, and says that the call succeeded or,
// when it is streamed, that it was taken.
func (r *Remote) post(ctx context.Context, name string, in any) (*http.Response, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("encode request of %s: %w", name, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://rollcall/"+name, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("call %s: %w", name, err)
	}
	resp, err := r.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("call %s of the running agent: %w", name, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer func() { _ = resp.Body.Close() }()
	failure := &Error{Exit: ExitFailed}
	if err := json.NewDecoder(resp.Body).Decode(failure); err != nil {
		return nil, fmt.Errorf("call %s of the running agent: status %s", name, resp.Status)
	}
	return nil, failure
}
